from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from awaitly import Approval, AuditEvent, Notice, NoticeKind, Policy
from awaitly.approvals.audit import Fact, Head, chained
from awaitly.approvals.notices import GIVE_UP, announced, delivered, failed, postponed, resent, review, taken
from awaitly.statuses import ApprovalStatus
from awaitly.storage.records import notice_of, row_of_notice
from awaitly.testing.clock import START

MINUTE = timedelta(minutes=1)


def approval(key: str = "manager", **changes: Any) -> Approval:
    """Make an approval that is told by two channels."""
    given: dict[str, Any] = {"status": ApprovalStatus.PENDING, "channels": ("mail", "chat"), **changes}
    about = ("r1", key, "flow", key, "pay", "Pay", "12", "{}")
    return Approval(*about, Policy(), START, **given)


def notices(*facts: Fact, **changes: Any) -> tuple[Notice, ...]:
    """Give what is told of facts about one approval."""
    return announced(facts, chained("r1", Head(), facts), {"manager": approval(**changes)})


def fact(event: AuditEvent) -> Fact:
    """Note an event of that approval."""
    return Fact(event, "manager", START, 1, "v1:0")


NEEDED = notices(fact(AuditEvent.ASKED))[0]


def test_each_channel_of_the_approval_is_told() -> None:
    """One notice a channel, due at once, numbered as the ledger's entry is."""
    told = notices(fact(AuditEvent.ASKED))
    assert [(n.channel, n.kind, n.number, n.due_at) for n in told] == [
        ("mail", NoticeKind.NEEDED, 1, START),
        ("chat", NoticeKind.NEEDED, 1, START),
    ]


@pytest.mark.parametrize("event", [AuditEvent.SEEN, AuditEvent.CONSUMED, AuditEvent.SPOOFED])
def test_looks_and_consumption_are_not_told(event: AuditEvent) -> None:
    """Nobody is bothered with what changes nothing for people."""
    assert notices(fact(event)) == ()


def test_the_last_vote_is_not_told_apart_from_the_decision() -> None:
    """One commit with a vote and the decision that it makes gives one notice a channel, of the decision."""
    told = notices(fact(AuditEvent.VOTED), fact(AuditEvent.APPROVED), status=ApprovalStatus.APPROVED)
    assert [(n.kind, n.number) for n in told] == [(NoticeKind.RESOLVED, 2)] * 2


@pytest.mark.parametrize(
    ("status", "kind"), [(ApprovalStatus.PENDING, NoticeKind.CHANGED), (ApprovalStatus.EDITED, NoticeKind.RESOLVED)]
)
def test_an_edit_changes_or_resolves(status: ApprovalStatus, kind: NoticeKind) -> None:
    """It resolves where it is the editor's decision too."""
    assert {n.kind for n in notices(fact(AuditEvent.EDITED), status=status)} == {kind}


def test_an_approval_without_channels_is_told_to_nobody() -> None:
    """As before there were any."""
    assert notices(fact(AuditEvent.ASKED), channels=()) == ()


def test_an_id_is_that_of_the_notice_and_stays() -> None:
    """However often it is tried; another channel and another number have others."""
    tried = resent(failed(taken(NEEDED, START, MINUTE), "no", START, final=True), START)
    others = [*notices(fact(AuditEvent.ASKED)), *review("r1", 1, ["mail"], START)]
    assert tried.id == NEEDED.id
    assert len({n.id for n in others}) == len(others)


def test_ids_of_different_runs_differ_however_their_names_are_cut() -> None:
    """A run's id and a notice's key are kept apart in what is hashed."""
    assert Notice("a", 1, "b c", NoticeKind.NEEDED, START).id != Notice("a b", 1, "c", NoticeKind.NEEDED, START).id


def test_what_is_taken_is_left_alone_for_a_while() -> None:
    """And is a version on, so that only one takes it."""
    mine = taken(NEEDED, START, MINUTE)
    assert (mine.due_at, mine.attempts, mine.version) == (START + MINUTE, 1, 2)


def test_what_was_delivered_is_due_no_more() -> None:
    """Its receipt is kept."""
    sent = delivered(taken(NEEDED, START, MINUTE), "ts-1", START)
    assert (sent.open, sent.receipt, sent.sent_at, sent.error, sent.dead) == (False, "ts-1", START, None, False)


def test_waits_grow_up_to_ten_minutes() -> None:
    """Full jitter: between zero and the bound."""
    for attempts, bound in [(1, 2), (2, 4), (5, 32), (40, 600)]:
        notice = Notice("r1", 1, "mail", NoticeKind.NEEDED, START, attempts=attempts)
        due = failed(notice, "no", START).due_at
        assert due is not None
        assert timedelta() <= due - START <= timedelta(seconds=bound)


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (timedelta(seconds=90), timedelta(seconds=90)),
        (timedelta(seconds=-5), timedelta(seconds=1)),
        (timedelta(days=400), timedelta(days=1)),
    ],
)
def test_a_service_says_when_to_try_again_within_reason(asked: timedelta, waited: timedelta) -> None:
    """Not at once over and over, and not after a year."""
    assert failed(taken(NEEDED, START, MINUTE), "busy", START, after=asked).due_at == START + waited


@pytest.mark.parametrize(("attempts", "late", "dead"), [(8, GIVE_UP, True), (8, GIVE_UP - MINUTE, False)])
def test_after_three_days_it_is_given_up(attempts: int, late: timedelta, *, dead: bool) -> None:
    """Counted from when it was written."""
    notice = Notice("r1", 1, "mail", NoticeKind.NEEDED, START, attempts=attempts)
    gone = failed(notice, "no", START + late)
    assert (gone.dead, gone.open) == (dead, not dead)


def test_a_notice_that_nobody_was_there_to_send_gets_its_tries() -> None:
    """Workers were down for a week: the first failure afterwards is not the last."""
    late = START + timedelta(days=7)
    assert not failed(taken(NEEDED, late, MINUTE), "no", late).dead


def test_what_is_sent_again_gets_three_days_anew() -> None:
    """Also if it fails often."""
    late = START + timedelta(days=30)
    again = resent(failed(NEEDED, "no", START, final=True), late)
    for _ in range(20):
        again = failed(taken(again, late, MINUTE), "no", late)
    assert (again.dead, again.since) == (False, late)


def test_an_error_is_kept_short() -> None:
    """A service may answer with a page of HTML."""
    error = failed(NEEDED, "x" * 10_000, START).error
    assert error is not None
    assert len(error) == 500


@pytest.mark.parametrize(
    "notice",
    [
        NEEDED,
        taken(NEEDED, START, MINUTE),
        delivered(NEEDED, "", START),
        failed(NEEDED, "bad \ud800\x00", START, final=True),
        postponed(NEEDED, START + MINUTE),
        resent(NEEDED, START),
        Notice("r1", 3, "mail", NoticeKind.ESCALATED, START, "manager", AuditEvent.ESCALATED, ("role:x", "bob")),
        *review("r1", 4, ["mail"], START),
    ],
)
def test_a_notice_comes_back_from_its_row_as_it_was(notice: Notice) -> None:
    """In every state, whatever an error or a receipt says."""
    assert notice_of(row_of_notice(notice)) == notice
