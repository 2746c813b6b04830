from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from awaitly import Approval, AuditEvent, Notice, NoticeKind, Policy
from awaitly.approvals.audit import Fact, Head, chained
from awaitly.approvals.notices import (
    GIVE_UP,
    announced,
    delivered,
    failed,
    held_up,
    let_on,
    postponed,
    resent,
    review,
    spread,
    taken,
)
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


def test_a_notice_names_what_it_tells_of() -> None:
    """The approval's key, what happened to it, and whom that newly concerns."""
    told = notices(evolve(fact(AuditEvent.ESCALATED), to=("role:cfo",)))
    assert {(n.about, n.event, n.to) for n in told} == {("manager", AuditEvent.ESCALATED, ("role:cfo",))}


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


def test_what_was_delivered_at_last_has_no_error() -> None:
    """That of an earlier try is gone."""
    assert delivered(failed(NEEDED, "busy", START), None, START).error is None


def test_what_is_postponed_is_a_version_on_and_was_not_tried() -> None:
    """It waits for an earlier one, until then."""
    waiting = postponed(NEEDED, START + MINUTE)
    assert (waiting.due_at, waiting.attempts, waiting.version) == (START + MINUTE, 0, 2)


def test_what_is_sent_again_was_not_tried_yet() -> None:
    """Its tries are counted anew, and it is alive and due at once."""
    again = resent(failed(taken(NEEDED, START, MINUTE), "no", START, final=True), START + MINUTE)
    assert (again.attempts, again.dead, again.due_at, again.version) == (0, False, START + MINUTE, 4)


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


def test_a_notice_becomes_one_for_each_place() -> None:
    """It is itself for the first, as far as it has come; the others are new, and due as it was."""
    tried = failed(taken(NEEDED, START, MINUTE), "no", START)
    first, second, third = spread(tried, ["B", "A", "B", "C"])
    assert (first.place, first.key, first.version, first.attempts) == ("B", tried.key, 3, 1)
    assert [(n.place, n.version, n.attempts, n.error) for n in (second, third)] == [
        ("A", 1, 0, None),
        ("C", 1, 0, None),
    ]
    assert {n.due_at for n in (first, second, third)} == {tried.due_at}
    assert {n.id for n in (first, second, third)} == {NEEDED.id}
    assert spread(NEEDED, []) == ()


@pytest.mark.parametrize("notice", [NEEDED, *review("r1", 1, ["mail"], START)])
def test_keys_of_parts_differ_and_sort_with_their_notice(notice: Notice) -> None:
    """Whatever channels are called; before those of what happened next."""
    names = ["mail", "mail 1", "1 mail", ".1 mail"]
    each = [part for name in names for part in spread(evolve(notice, channel=name), map(str, range(12)))]
    assert len({part.key for part in each}) == len(each)
    assert max(part.key for part in each) < evolve(notice, number=2).key


@pytest.mark.parametrize(
    ("earlier", "waits"),
    [
        ({"place": "A"}, True),
        ({"place": "B"}, False),
        ({}, True),
        ({"place": "A", "due_at": None}, False),
        ({"place": "A", "number": 3}, False),
        ({"place": "A", "about": "other"}, False),
        ({"place": "A", "channel": "chat"}, False),
    ],
)
def test_a_notice_waits_for_what_goes_to_its_place(earlier: dict[str, Any], *, waits: bool) -> None:
    """Earlier, about the same, and still to be sent; or to be sent nobody knows yet where."""
    mine = evolve(NEEDED, number=2, place="A")
    assert held_up(mine, [evolve(NEEDED, **earlier), mine]) == (START if waits else None)


@pytest.mark.parametrize(("place", "waits"), [(None, True), ("A", False)])
def test_what_is_not_spread_yet_waits_for_what_is_not_either(place: str | None, *, waits: bool) -> None:
    """And for nothing that goes to some place: it may go elsewhere."""
    assert held_up(evolve(NEEDED, number=2), [evolve(NEEDED, place=place)]) == (START if waits else None)


@pytest.mark.parametrize(
    ("later", "goes"),
    [
        ({}, True),
        ({"due_at": START}, False),
        ({"attempts": 1}, False),
        ({"due_at": None}, False),
        ({"place": "B"}, False),
        ({"about": "other"}, False),
        ({"channel": "chat"}, False),
        ({"number": 1}, False),
    ],
)
def test_what_waited_for_a_send_goes_on_with_its_end(later: dict[str, Any], *, goes: bool) -> None:
    """Now where that came, with its next try where it failed; what may be on its way itself is left alone."""
    mine = evolve(NEEDED, number=2, place="A")
    put_off = evolve(NEEDED, **{"number": 3, "place": "A", "due_at": START + 2 * MINUTE, **later})
    for ended in (delivered(mine, None, START), failed(mine, "no", START, after=MINUTE)):
        after = evolve(put_off, number=put_off.number + 1)
        following = let_on(ended, [after, mine, put_off] if goes else [mine, put_off], START)
        assert following == (postponed(put_off, ended.due_at or START) if goes else None)


@pytest.mark.parametrize(
    "notice",
    [
        NEEDED,
        *spread(NEEDED, ["", "B\u202e\x00 \ud800"]),
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
