"""Notices: what people are told of an approval or a run, one for each channel; pure, from ledger facts to a delivery.

A notice is written in the commit of what it tells of, and sent after it: at least once, with the same id each time.
What it says is read when it is sent, so the notice itself keeps no content. Where its channel has several places for
it, it becomes one notice for each of them when its turn comes: tried, noted and given up apart from the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, unique

from awaitly.approvals.approval import Approval
from awaitly.approvals.audit import AuditEvent, Entry, Fact
from awaitly.changing import changed
from awaitly.digest import digest
from awaitly.retry import Retry
from awaitly.values import frozen

__all__ = [
    "GIVE_UP",
    "Notice",
    "NoticeKind",
    "announced",
    "delivered",
    "failed",
    "held_up",
    "let_on",
    "postponed",
    "resent",
    "review",
    "spread",
    "taken",
    "tried",
]

GIVE_UP = timedelta(days=3)
"""For how long a notice is tried: after that it is dead until somebody has it sent again."""
_FEWEST = 8
"""So many tries a notice has in any case: nobody may have been there to send it for days."""
_SOONEST, _LATEST = timedelta(seconds=1), timedelta(days=1)
"""What a service may ask to wait for lies between these."""
_LONGEST_ERROR = 500
_BACKOFF = Retry(base=timedelta(seconds=2), cap=timedelta(minutes=10))


@unique
class NoticeKind(Enum):
    """What a notice tells of."""

    NEEDED = "needed"
    """Somebody must decide."""
    CHANGED = "changed"
    """It still waits, and something of it is new: a vote, a revision, a claim, a delegate, a remark."""
    REMINDER = "reminder"
    """It still waits, and nobody has acted."""
    ESCALATED = "escalated"
    """It still waits, and others are told now."""
    RESOLVED = "resolved"
    """It waits no more: decided, expired, cancelled or superseded."""
    REVIEW = "review"
    """A run was set aside, and needs a person."""


_KINDS: Mapping[AuditEvent, NoticeKind] = {
    AuditEvent.ASKED: NoticeKind.NEEDED,
    AuditEvent.REMINDED: NoticeKind.REMINDER,
    AuditEvent.ESCALATED: NoticeKind.ESCALATED,
    AuditEvent.VOTED: NoticeKind.CHANGED,
    AuditEvent.OPPOSED: NoticeKind.CHANGED,
    AuditEvent.EDITED: NoticeKind.CHANGED,
    AuditEvent.CLAIMED: NoticeKind.CHANGED,
    AuditEvent.RELEASED: NoticeKind.CHANGED,
    AuditEvent.DELEGATED: NoticeKind.CHANGED,
    AuditEvent.REASSIGNED: NoticeKind.CHANGED,
    AuditEvent.COMMENTED: NoticeKind.CHANGED,
    AuditEvent.INQUIRED: NoticeKind.CHANGED,
    AuditEvent.ANSWERED: NoticeKind.CHANGED,
    AuditEvent.APPROVED: NoticeKind.RESOLVED,
    AuditEvent.REJECTED: NoticeKind.RESOLVED,
    AuditEvent.EXPIRED: NoticeKind.RESOLVED,
    AuditEvent.CANCELLED: NoticeKind.RESOLVED,
    AuditEvent.SUPERSEDED: NoticeKind.RESOLVED,
}
"""What is told of each event; of the others (somebody looked, the run took the decision up) nothing is."""


@frozen
class Notice:
    """One notice for one channel, or for one of the places that the channel has for it.

    `number` orders those about the same: that of the ledger's entry, or of the run's version. `about` is the approval's
    key, None for the run itself. `to` names those whom it newly concerns. `due_at`: when it is to be sent (next); None
    where it was sent, or given up (`dead`). `receipt` is what the channel gave for it, `error` why the last try failed.
    `since`: from when on it is tried, where that is not `at`. `place` is where it goes, None where its channel has one
    place alone or has not named them yet; `part` tells those apart that one notice became, the first being 0.
    """

    run_id: str
    number: int
    channel: str
    kind: NoticeKind
    at: datetime
    about: str | None = None
    event: AuditEvent | None = None
    to: tuple[str, ...] = ()
    due_at: datetime | None = None
    attempts: int = 0
    sent_at: datetime | None = None
    receipt: str | None = None
    error: str | None = None
    dead: bool = False
    since: datetime | None = None
    place: str | None = None
    part: int = 0
    version: int = 1

    @property
    def key(self) -> str:
        """Its key among those of its run: they sort in the order of what they tell of."""
        return self._key(f".{self.part}" if self.part else "")

    @property
    def id(self) -> str:
        """The id under which it is sent, as often as that may be, and to each place."""
        return f"msg_{digest(self.run_id, self._key())[3:35]}"

    @property
    def open(self) -> bool:
        """Whether it is still to be sent."""
        return self.due_at is not None

    def _key(self, part: str = "") -> str:
        what = "run " if self.about is None else ""
        return f"{what}{self.number:09d}{part} {self.channel}"


def announced(facts: Sequence[Fact], entries: Sequence[Entry], approvals: Mapping[str, Approval]) -> tuple[Notice, ...]:
    """Give the notices of what one commit notes in the ledger, for the channels of each approval.

    What a commit changes of an approval that it also resolves is not told apart.
    """
    pairs = zip(facts, entries, strict=True)
    told = [(fact, entry.seq, kind) for fact, entry in pairs if (kind := _kind(fact, approvals)) is not None]
    resolved = {fact.key for fact, _, kind in told if kind is NoticeKind.RESOLVED}
    return tuple(
        Notice(approvals[fact.key].run_id, number, channel, kind, fact.at, fact.key, fact.event, fact.to, fact.at)
        for fact, number, kind in told
        if kind is NoticeKind.RESOLVED or fact.key not in resolved
        for channel in approvals[fact.key].channels
    )


def _kind(fact: Fact, approvals: Mapping[str, Approval]) -> NoticeKind | None:
    """Give what is told of a fact, if anything."""
    approval = approvals.get(fact.key)
    if approval is None:
        return None
    ended = fact.event is AuditEvent.EDITED and not approval.pending
    return NoticeKind.RESOLVED if ended else _KINDS.get(fact.event)


def review(run_id: str, number: int, channels: Iterable[str], at: datetime) -> tuple[Notice, ...]:
    """Give the notices of a run that was set aside; `number` is the version that it then has."""
    return tuple(Notice(run_id, number, channel, NoticeKind.REVIEW, at, due_at=at) for channel in channels)


def spread(notice: Notice, places: Iterable[object]) -> tuple[Notice, ...]:
    """Give what a notice becomes for the places that it goes to: the first is itself, the others are new.

    Raises `TypeError` where they are not named by texts: nobody could read back what is written down of them.
    """
    names = dict.fromkeys(places)
    if isinstance(places, str) or not all(isinstance(name, str) for name in names):
        msg = f"places are named by texts, one for each, not as {places!r}"
        raise TypeError(msg)
    each = [changed(notice, place=place, part=part) for part, place in enumerate(names)]
    return (*each[:1], *(changed(other, attempts=0, error=None, version=1) for other in each[1:]))


def held_up(notice: Notice, others: Iterable[Notice]) -> datetime | None:
    """Give until when a notice waits for earlier ones about the same; None where it need not.

    It waits for those that go to its own place, and for those of which it is not known yet where they go.
    """
    earlier = (n for n in others if n.number < notice.number and _line(n) == _line(notice))
    return max((n.due_at for n in earlier if n.due_at and n.place in {notice.place, None}), default=None)


def let_on(notice: Notice, others: Iterable[Notice], now: datetime) -> Notice | None:
    """Give the next one that was put off because a notice was being sent, as it is due now that this has ended.

    What was tried before may be on its way, and is left alone.
    """
    due = notice.due_at or now
    later = (n for n in others if n.number > notice.number and _line(n) == _line(notice) and n.place == notice.place)
    following = min((n for n in later if n.due_at is not None), key=lambda n: n.number, default=None)
    if following is None or following.attempts or following.due_at is None or following.due_at <= due:
        return None
    return postponed(following, due)


def _line(notice: Notice) -> tuple[str, str | None]:
    return notice.channel, notice.about


# What comes of a try


def taken(notice: Notice, now: datetime, patience: timedelta) -> Notice:
    """Give a notice that somebody is about to send: others leave it alone for so long."""
    return changed(tried(notice), due_at=now + patience, version=notice.version + 1)


def delivered(notice: Notice, receipt: str | None, now: datetime) -> Notice:
    """Give a notice that was sent."""
    return changed(notice, due_at=None, sent_at=now, receipt=receipt, error=None, version=notice.version + 1)


def tried(notice: Notice) -> Notice:
    """Give a notice with one more try."""
    return changed(notice, attempts=notice.attempts + 1)


def failed(notice: Notice, error: str, now: datetime, *, after: timedelta | None = None, final: bool = False) -> Notice:
    """Give a notice that could not be sent: to be tried again, `after` so long where the channel says so, or dead."""
    error = error[:_LONGEST_ERROR]
    if final or (notice.attempts >= _FEWEST and now - (notice.since or notice.at) >= GIVE_UP):
        return changed(notice, due_at=None, error=error, dead=True, version=notice.version + 1)
    pause = _BACKOFF.wait(notice.attempts) if after is None else min(max(after, _SOONEST), _LATEST)
    return changed(notice, due_at=now + pause, error=error, version=notice.version + 1)


def postponed(notice: Notice, until: datetime) -> Notice:
    """Give a notice that waits for an earlier one about the same."""
    return changed(notice, due_at=until, version=notice.version + 1)


def resent(notice: Notice, now: datetime) -> Notice:
    """Give a notice that was given up, to be tried anew from now on."""
    return changed(notice, due_at=now, since=now, attempts=0, dead=False, version=notice.version + 1)
