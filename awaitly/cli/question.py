"""What stands beside a question that waits: who may decide now, what they said so far, what comes when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rich.text import Text

from awaitly.approvals.approval import Approval
from awaitly.approvals.eligibility import who_may
from awaitly.approvals.escalation import Escalation, rungs
from awaitly.approvals.handling import Inquiry, RemarkKind
from awaitly.approvals.ladder import next_reminder, time_of
from awaitly.approvals.policy import OnExpiry
from awaitly.approvals.veil import Veil
from awaitly.cli.asked import differences_of, vote_lines
from awaitly.cli.folding import excerpt, fold
from awaitly.cli.human import day_and_time, length
from awaitly.cli.ledger import Told
from awaitly.cli.output import Output
from awaitly.cli.people import acting, listed, others
from awaitly.durations import spoken
from awaitly.values import frozen
from awaitly.visible import visible

__all__ = ["draw_question", "stopped_by"]

_MARGIN, _LABEL, _NARROW = 2, 12, 60
_MOST_REMARKS = 10
"""How many of the last remarks are shown; `--json` has all."""
_SILENCE = {
    OnExpiry.EXPIRE: "then it expires",
    OnExpiry.REJECT: "then it counts as rejected",
    OnExpiry.APPROVE: "then it counts as approved",
}


@frozen
class _Line:
    """One line of a question: what it is about, and what is said of it."""

    label: str
    said: str


def draw_question(output: Output, asked: Approval, ledger: tuple[Told, ...], now: datetime) -> None:
    """Draw all that somebody who is to decide wants to know, at a time of the store's."""
    fold(output, Text.assemble((visible(asked.key), "bold"), _title(asked)), indent=_MARGIN)
    label = ""
    for line in _lines(asked, ledger, now):
        if output.width < _NARROW:
            fold(output, f"{line.label}: {line.said}", indent=2 * _MARGIN)
        else:
            lead = "" if line.label == label else f"{line.label}:"
            fold(output, line.said, indent=2 * _MARGIN, lead=f"{lead:<{_LABEL}}")
        label = line.label
    output.line()


def _title(asked: Approval) -> str:
    if asked.external:
        return " waits for a system of record"
    return f" waits, at revision {asked.revision}" if asked.revision > 1 else " waits"


def _lines(asked: Approval, ledger: tuple[Told, ...], now: datetime) -> Iterator[_Line]:
    yield from _who(asked)
    yield from _votes(asked, ledger)
    yield from _hands(asked)
    yield from (_Line("ladder", said) for said in _ladder(asked, now))
    yield from _reminders(asked, now)
    yield _Line("deadline", _deadline(asked, now))
    yield from _talk(asked)
    yield from (_Line("changed", said) for said in differences_of(asked))


# Who


def _who(asked: Approval) -> Iterator[_Line]:
    """Say who may decide as things stand, which levels of the ladder and other hands may have changed, and the rule."""
    if asked.external:
        return
    requester = asked.requested_by
    yield _Line("may decide", _deciders(asked, "the requester" if requester is None else visible(requester.name)))
    rule = visible(asked.policy.describe())
    if rule != _deciders(asked, "the requester"):
        yield _Line("policy", rule)


def _deciders(asked: Approval, requester: str) -> str:
    anyone = "anyone" if asked.policy.self_approval else f"anyone but {requester}"
    parts: list[str] = []
    for grants, quorum in zip(who_may(asked), asked.policy.quorums, strict=True):
        count = "" if quorum.needs == 1 else f"{quorum.needs} different people of: "
        parts.append(count + (anyone if grants is None else " or ".join(map(visible, grants))))
    return " and ".join(parts)


def _votes(asked: Approval, ledger: tuple[Told, ...]) -> Iterator[_Line]:
    policy = asked.policy
    yes = sum(vote.approves for vote in asked.votes)
    no = len(asked.votes) - yes
    if asked.votes or policy.seats > 1:
        against = f", {no} of {policy.rejections} rejected" if no else ""
        yield _Line("votes", f"{yes} of {policy.seats} approved{against}")
    yield from (_Line("votes", said) for _, said in vote_lines(asked, ledger))


def _hands(asked: Approval) -> Iterator[_Line]:
    handling = asked.handling
    if handling.assigned is not None:
        yield _Line("reassigned", f"to {others(handling.assigned)}, instead of those whom the policy names")
    if handling.taken is not None:
        alone = "; nobody else may decide" if asked.policy.exclusive_claims else ""
        yield _Line("claimed", f"by {acting(handling.taken.by)}, {day_and_time(handling.taken.at)}{alone}")
    for each in handling.delegations:
        way = " to ".join(visible(name) for name in (*each.through, each.to))
        yield _Line("delegated", f"{way}, {day_and_time(each.at)}")
    if handling.seen:
        looks = [f"{name} (revision {revision})" if asked.revision > 1 else name for name, revision in handling.seen]
        yield _Line("seen", f"by {listed(looks)}")


# When


def stopped_by(asked: Approval) -> Inquiry | None:
    """Give the question to the requester because of which time stands still."""
    inquiry = asked.handling.inquiry
    return inquiry if inquiry is not None and inquiry.stops_clock else None


def _ladder(asked: Approval, now: datetime) -> Iterator[str]:
    every = rungs(asked.policy.escalations)
    coming = True
    for number, level in enumerate(asked.policy.escalations, start=1):
        own = [at for at, rung in enumerate(every) if rung.level == number]
        told = [at for at in own if at < asked.handling.told]
        if len(told) == len(own):
            yield f"{number} climbed, {day_and_time(time_of(asked, every[own[-1]]))}: {_whom(level)}"
            continue
        due = "once time goes on" if stopped_by(asked) else _at(time_of(asked, every[own[len(told)]]), now)
        again = f" again ({len(told)} of {len(own)} times told)" if told else ""
        yield f"{number} {'next' if coming else 'later'}{again}, {due}: {_whom(level)}"
        coming = False


def _whom(level: Escalation) -> str:
    return f"{'only' if level.replaces else 'also'} {others(level.to)}"


def _reminders(asked: Approval, now: datetime) -> Iterator[_Line]:
    every, last, coming = asked.policy.remind_every, asked.handling.reminded_at, next_reminder(asked)
    if every is None:
        return
    parts = [f"every {spoken(every)}"]
    parts += [] if last is None else [f"last {day_and_time(last)}"]
    parts.append("stopped until the answer" if coming is None else f"next {_at(coming, now)}")
    yield _Line("reminders", "; ".join(parts))


def _deadline(asked: Approval, now: datetime) -> str:
    stopped = stopped_by(asked)
    if stopped is not None and stopped.deadline is not None:
        return f"stands still until the answer; {length(max(stopped.deadline - stopped.at, timedelta()))} are left then"
    if asked.deadline is None:
        return "none"
    if asked.deadline <= now:
        return f"past since {day_and_time(asked.deadline)}"
    return f"{_at(asked.deadline, now)}; {_SILENCE[asked.policy.on_expiry]}"


def _at(moment: datetime, now: datetime) -> str:
    return f"in {length(moment - now)}, {day_and_time(moment)}" if moment > now else f"due {day_and_time(moment)}"


# What was said


def _talk(asked: Approval) -> Iterator[_Line]:
    handling, veil = asked.handling, Veil((asked,))
    if handling.inquiry is not None:
        requester = "the requester" if asked.requested_by is None else visible(asked.requested_by.name)
        yield _Line("open", f"{requester} was asked something, and there is no answer yet")
    earlier = len(handling.remarks) - _MOST_REMARKS
    if earlier > 0:
        yield _Line("said", f"({earlier} earlier: see --json)")
    for each in handling.remarks[-_MOST_REMARKS:]:
        word = "" if each.kind is RemarkKind.COMMENT else f"{each.kind.value} "
        said = excerpt(visible(veil.text(each.text)))
        yield _Line("said", f"{word}by {acting(each.by)}, {day_and_time(each.at)}: {said}")
