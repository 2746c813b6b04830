"""Who counts, and as how many: quorums, vetoes, and two policies at once."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from awaitly import (
    Actor,
    AlreadyDecided,
    ApprovalStatus,
    NotAuthorised,
    OnExpiry,
    Policy,
    PolicyError,
    Quorum,
    SelfApproval,
)
from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.escalation import Escalation
from awaitly.approvals.events import Approve, Chime, Claim, Delegate, Edit, Expire, Reassign, Reject
from awaitly.approvals.quorum import filled, most_filled
from tests.support import ADMIN, ALICE, BOB, CAROL
from tests.unit.approvals import HOUR, MINUTE, NOW, after, asked, facts_of, moved, refused

S = ApprovalStatus
LEGAL, FINANCE = Policy(approvers=["role:legal"]), Policy(approvers=["role:finance"])
LEA = Actor("lea", ["legal"])
FIN = Actor("fin", ["finance"])
BOTH = Actor("bo", ["legal", "finance"])


# Different people


def test_a_program_named_as_one_voter_and_acting_for_another_takes_neither_vote_away() -> None:
    """Given legal and finance voted, when one comes who is either of them, then both votes stand, for other seats."""
    voted = after(asked(LEGAL & FINANCE & Policy(approvers=["role:ops"])), Approve(LEA), Approve(FIN))
    again = moved(voted, Approve(Actor("lea", ["ops"], on_behalf_of="fin")))
    assert not again.changed
    assert [vote.fits for vote in voted.votes] == [(0,), (1,)]


@pytest.mark.parametrize(
    "other",
    [
        Actor("bot", ["ops"], on_behalf_of="alice"),
        Actor("alice", ["ops"]),
        Actor("alice", on_behalf_of="zoe"),
    ],
    ids=["her bot", "with a role", "her name for another"],
)
def test_one_human_is_one_vote_however_they_come(other: Actor) -> None:
    """Given two of alice, role:ops are needed and alice voted, when she votes by other means, then it is 1 of 2."""
    once = after(asked(Policy(approvers=["alice", "role:ops"], needs=2)), Approve(ALICE))
    again = moved(once, Approve(other))
    assert not again.changed
    assert (again.approval.status, len(again.approval.votes)) == (S.PENDING, 1)


def test_two_programs_of_two_people_are_two_votes() -> None:
    """Given two of role:ops, when two programs act for two people, then it is decided; for one person, it is not."""
    once = after(asked(Policy(approvers=["role:ops"], needs=2)), Approve(Actor("bot", ["ops"], on_behalf_of="alice")))
    assert after(once, Approve(Actor("bot2", ["ops"], on_behalf_of="alice"))).status is S.PENDING
    assert after(once, Approve(Actor("bot2", ["ops"], on_behalf_of="bob"))).status is S.APPROVED


def test_a_delegate_and_the_owner_are_one_vote() -> None:
    """Given alice handed her seat to dan, when both vote, then it is 1 of 2; who is only stood in for adds nobody."""
    handed = after(asked(Policy(approvers=["alice", "bob"], needs=2)), Delegate(ALICE, "dan"), Approve(Actor("dan")))
    assert handed.votes[0].by == Actor("dan", on_behalf_of="alice")
    assert not moved(handed, Approve(ALICE)).changed
    assert after(handed, Approve(BOB)).status is S.APPROVED


def test_the_seat_of_a_program_is_that_of_its_human() -> None:
    """Given a program of alice's handed her seat to dan, when dan and alice vote, then it is 1 of 2."""
    bot = Actor("bot", ["ops"], on_behalf_of="alice")
    rule = Policy(approvers=["alice", "role:ops"], needs=2)
    voted = after(asked(rule), Delegate(bot, "dan"), Approve(Actor("dan")))
    assert not moved(voted, Approve(ALICE)).changed
    assert after(voted, Approve(Actor("oz", ["ops"]))).status is S.APPROVED


def test_a_vote_by_nobody_who_may_counts_nothing() -> None:
    """Given approvers, when somebody else votes or rejects, then `NotAuthorised` says whom it takes."""
    question = asked(Policy(approvers=["alice", "role:ops"]))
    for event in (Approve(BOB), Reject(BOB), Approve(ADMIN), Approve(Actor("bot", on_behalf_of="alice"))):
        refusal = refused(question, event)
        assert isinstance(refusal, NotAuthorised)
        assert "alice or role:ops" in str(refusal)


def test_a_program_for_two_people_takes_neither_vote_away() -> None:
    """Given a program voted for alice and bob by himself, when it votes for bob as well, then both votes stand."""
    rule = Policy(needs=3, also=[Quorum(["role:ops"])])
    bot = Actor("bot", ["ops"], on_behalf_of="alice")
    voted = after(asked(rule), Approve(BOB), Approve(bot))
    again = moved(voted, Approve(Actor("bot", ["ops"], on_behalf_of="bob")))
    assert (again.changed, len(again.approval.votes)) == (False, 2)


# Vetoes


def test_a_veto_ends_it_although_others_agreed() -> None:
    """Given three are needed and two agreed, when one says no, then it is rejected, and the ledger has both."""
    voted = after(asked(Policy(needs=3)), Approve(ALICE), Approve(BOB))
    ended = moved(voted, Reject(CAROL, "no budget"))
    assert ended.approval.status is S.REJECTED
    assert facts_of(ended) == [AuditEvent.OPPOSED, AuditEvent.REJECTED]
    assert isinstance(refused(ended.approval, Approve(ADMIN)), AlreadyDecided)


def test_as_many_rejections_as_the_policy_says_end_it() -> None:
    """Given `rejections=3`, when the same person says no three times, then it waits; three people end it."""
    question = after(asked(Policy(needs=2, rejections=3)), Reject(ALICE), Reject(ALICE, "again"))
    question = after(question, Reject(Actor("bot", on_behalf_of="alice")), Reject(BOB))
    assert (question.status, len(question.votes)) == (S.PENDING, 2)
    assert after(question, Reject(CAROL)).status is S.REJECTED


def test_the_requester_has_no_veto_but_may_withdraw() -> None:
    """Given alice requested, when she rejects, then it is `SelfApproval`: to withdraw is to cancel."""
    assert isinstance(refused(asked(by=ALICE), Reject(ALICE)), SelfApproval)


# Two policies at once: different people in every seat


def test_both_policies_must_be_met_by_different_people() -> None:
    """Given legal & finance, when one person who is both approves, then a second is needed, from either side."""
    question = asked(LEGAL & FINANCE)
    once = after(question, Approve(BOTH))
    assert once.status is S.PENDING
    for second in (LEA, FIN):
        assert after(once, Approve(second)).status is S.APPROVED
    assert after(question, Approve(LEA), Approve(Actor("lou", ["legal"]))).status is S.PENDING


@pytest.mark.parametrize("order", list(permutations([LEA, BOTH, Actor("x", ["finance", "audit"])])))
def test_seats_are_given_out_in_whatever_way_fills_all(order: tuple[Actor, ...]) -> None:
    """Given three quorums, when three who fit crosswise approve in any order, then it is decided by the last."""
    rule = LEGAL & FINANCE & Policy(approvers=["role:audit"])
    question = asked(rule)
    for actor in order[:2]:
        question = after(question, Approve(actor))
        assert question.status is S.PENDING
    assert after(question, Approve(order[2])).status is S.APPROVED


@given(st.lists(st.integers(1, 2), min_size=1, max_size=3), st.lists(st.sets(st.integers(0, 2)), max_size=5))
def test_seats_are_filled_exactly_where_some_way_of_seating_fills_them(
    needs: list[int], people: list[set[int]]
) -> None:
    """The greatest matching, compared with trying every way of seating people."""
    votes = [sorted(fits) for fits in people]
    seats = [quorum for quorum, count in enumerate(needs) for _ in range(count)]
    ways = permutations(range(len(votes)), len(seats))
    best = any(all(seat in votes[who] for seat, who in zip(seats, way, strict=True)) for way in ways)
    assert filled(needs, votes) is best
    assert (most_filled(needs, votes) == len(seats)) is best


@pytest.mark.parametrize(
    ("needs", "votes", "seats"),
    [
        ([3, 2], [(0,), (1,)], 2),
        ([1, 5], [(0, 1), (0,), (0,), (0,), (0,), (0,)], 2),
        ([2, 2], [(0, 1), (0, 1), (0,), (0,), (0,)], 4),
        ([1, 5], [(0, 1), (0, 1), (0, 1)], 3),
        ([1, 1], [(2,), (0,)], 1),
        ([1, 1], [(), ()], 0),
    ],
    ids=[
        "fewer than seats",
        "few who can move along",
        "some who can",
        "some who stand",
        "of no quorum here",
        "of none",
    ],
)
def test_nobody_sits_on_two_seats_or_on_one_that_is_not_theirs(
    needs: list[int], votes: list[tuple[int, ...]], seats: int
) -> None:
    """As many seats are filled as there are people for them, each moved along where that makes room."""
    assert most_filled(needs, votes) == seats


def test_thousands_of_people_are_seated_too() -> None:
    """Given 2,000 people who fit two quorums of 600 and 300, it is judged; one seat too many for them is refused."""
    crowd = [f"p{number}" for number in range(2_000)]
    assert Policy(approvers=crowd, needs=600, also=[Quorum(crowd, 300)]).seats == 900
    with pytest.raises(PolicyError, match="2001 different people"):
        Policy(approvers=crowd, needs=1_701, also=[Quorum(crowd, 300)])
    votes = [(0,)] * 1_000 + [(0, 1)] * 1_000
    assert (most_filled([1_500, 500], votes), most_filled([900, 1_500], votes)) == (2_000, 1_900)


def test_the_stricter_of_each_limit_holds() -> None:
    """Given two policies, when both are to hold, then the sooner deadline, the fresher sign-in, the fewer vetoes do."""
    one = Policy(approvers=["role:a"], rejections=2, expires_in="2h", fresh_within="1h", self_approval=True)
    both = one & Policy(expires_in="1h", on_expiry="reject", risk="high", remind_every="10m")
    assert both == Policy(
        approvers=["role:a"],
        expires_in="1h",
        on_expiry="reject",
        fresh_within="1h",
        risk="high",
        remind_every="10m",
    )


@pytest.mark.parametrize("permitted", ["self_approval", "editor_approves", "questions_stop_clock"])
def test_what_is_permitted_is_what_both_permit(permitted: str) -> None:
    """Given one policy that permits something, when it is joined to one that does not, then it is not permitted."""
    options: dict[str, Any] = {permitted: True}
    yes, no = Policy(**options), Policy()
    assert [getattr(one & other, permitted) for one, other in product((yes, no), repeat=2)] == [True, *[False] * 3]


def test_a_claim_keeps_others_out_where_either_policy_says_so() -> None:
    """Given one policy with exclusive claims, when it is joined to one without, then claims are exclusive."""
    yes, no = Policy(exclusive_claims=True), Policy()
    assert [(one & other).exclusive_claims for one, other in product((yes, no), repeat=2)] == [*[True] * 3, False]


@pytest.mark.parametrize("limit", ["fresh_within", "remind_every"])
def test_of_two_lengths_the_shorter_holds(limit: str) -> None:
    """Given both policies say one, when they are joined in either order, then it is the shorter."""
    shorter, longer = (Policy(**{limit: length}) for length in (MINUTE, HOUR))  # type: ignore[arg-type]
    assert (shorter & longer) == (longer & shorter) == shorter


def test_the_fewer_rejections_end_it() -> None:
    """Given one policy wants three and one wants two, when both are to hold, then two end it."""
    for both in (Policy(rejections=3) & Policy(rejections=2), Policy(rejections=2) & Policy(rejections=3)):
        assert both.rejections == 2


def test_how_many_are_needed_stays_when_policies_are_joined() -> None:
    """Given two people of anybody are needed, when legal is joined, then three are, and who they are is kept."""
    assert (Policy(needs=2) & LEGAL).quorums == (Quorum(None, 2), Quorum(["role:legal"]))
    assert (Policy(approvers=["role:legal"], needs=2) & Policy(expires_in="1h")).needs == 2


def test_the_calendar_by_which_one_counts_is_kept() -> None:
    """Given one policy with a calendar, when one is joined that counts nothing, then the calendar holds."""
    counted = Policy(expires_in="1h", calendar=lambda at, length: at + length)
    for both in (counted & LEGAL, LEGAL & counted):
        assert both.calendar is counted.calendar


def test_silence_approves_only_where_both_say_so() -> None:
    """Given one policy that takes silence for a yes, when it is joined to another, then silence is no yes."""
    silent = Policy(expires_in="1h", on_expiry=OnExpiry.APPROVE)
    for other in (LEGAL, Policy(approvers=["role:legal"], expires_in="3h")):
        for both in (silent & other, other & silent):
            assert after(asked(both), Expire(), at=NOW + HOUR).status is S.EXPIRED
    assert (silent & Policy(expires_in="3h", on_expiry="reject")).on_expiry is OnExpiry.REJECT
    assert (silent & Policy(expires_in="3h", on_expiry="approve")) == silent


def test_a_quorum_that_both_have_counts_once_and_one_that_one_has_twice_counts_twice() -> None:
    """Given two people of legal are needed by two quorums, when anything is joined to that, then two are needed."""
    twice = Policy(approvers=["role:legal"], also=[Quorum(["role:legal"])])
    assert (LEGAL & LEGAL) == LEGAL
    for both in (twice & LEGAL, LEGAL & twice, twice & Policy(expires_in="1h")):
        assert both.seats == 2
    assert (twice & FINANCE).seats == 3


@pytest.mark.parametrize(
    ("one", "other", "of"),
    [
        (Policy(editors=["ann"]), Policy(editors=["bob"]), "editors"),
        (Policy(edit_counts_as_vote=True), Policy(edit_counts_as_vote=False), "edit_counts_as_vote"),
        (
            Policy(escalations=[Escalation("1h", ["ann"])]),
            Policy(escalations=[Escalation("2h", ["ann"])]),
            "escalations",
        ),
        (Policy(expires_in="1h", calendar=lambda at, length: at + length), Policy(expires_in="2h"), "calendar"),
    ],
)
def test_what_only_a_person_can_reconcile_is_refused(one: Policy, other: Policy, of: str) -> None:
    """Given policies that say different things, when both are to hold, then `PolicyError` names what to say."""
    for left, right in ((one, other), (other, one)):
        with pytest.raises(PolicyError, match=f"different things of {of}: say in one of them"):
            _ = left & right


def test_the_ladder_of_one_policy_does_not_fill_the_seats_of_the_other() -> None:
    """Given finance has a ladder, when legal is joined, then `PolicyError`: its director could sit for legal."""
    climbing = evolve(FINANCE, escalations=[Escalation("1h", ["role:cfo"])])
    with pytest.raises(PolicyError) as caught:
        _ = LEGAL & climbing
    assert str(caught.value) == (
        "the escalations of one of these policies would let its people take the seats of the other: "
        "write one policy with approvers, also and escalations that says who may take which"
    )
    assert (climbing & Policy(expires_in="4h")).escalations == climbing.escalations


def test_joined_policies_that_contradict_each_other_are_refused() -> None:
    """Given one person in two quorums alone, when both are to hold, then `PolicyError`: they cannot sit twice."""
    with pytest.raises(PolicyError, match="2 different people must approve"):
        _ = Policy(approvers=["ann"]) & Policy(approvers=["ann"], needs=1, also=[Quorum(["ann"])])


# Seats that change


def test_who_has_voted_may_take_a_seat_that_opened_later() -> None:
    """Given both approvers of one seat voted, when a level gives them every seat, then their votes fill them."""
    rule = Policy(
        approvers=["alice", "bob"],
        also=[Quorum(["carol"])],
        escalations=[Escalation("1h", ["alice", "bob"], replaces=True)],
    )
    voted = after(asked(rule), Approve(ALICE), Approve(BOB))
    assert voted.status is S.PENDING
    again = after(voted, Chime(), Approve(ALICE), at=NOW + HOUR)
    assert (again.status, len(again.votes)) == (S.APPROVED, 2)


def test_a_frozen_policy_decides() -> None:
    """Given a parked approval, when the code's policy becomes stricter or laxer, then the one asked under counts."""
    strict = asked(Policy(approvers=["alice"], needs=1))
    assert isinstance(refused(strict, Approve(BOB)), NotAuthorised)
    assert not evolve(strict, policy=Policy()).intact()
    assert strict.policy == Policy(approvers=["alice"])


def test_an_edit_that_counts_takes_the_seat_that_its_editor_fits() -> None:
    """Given legal & finance and edits that count, when legal edits, then finance alone is needed."""
    rule = evolve(LEGAL & FINANCE, edit_counts_as_vote=True)
    edited = after(asked(rule), Edit(LEA, "7"))
    assert after(edited, Approve(Actor("lou", ["legal"]))).status is S.PENDING
    assert after(edited, Approve(FIN)).status is S.APPROVED
    by_finance = after(asked(rule), Edit(FIN, "7"))
    assert [vote.fits for vote in by_finance.votes] == [(1,)]
    assert after(by_finance, Approve(LEA)).status is S.APPROVED


def test_votes_stand_when_others_are_to_decide() -> None:
    """Given one of two voted, when an admin lets others decide, then one of those is enough."""
    rule = Policy(approvers=["alice", "bob"], needs=2)
    moved_on = after(asked(rule), Approve(ALICE), Claim(BOB), Reassign(ADMIN, ("carol",)))
    assert moved_on.handling.taken is None
    assert isinstance(refused(moved_on, Approve(BOB)), NotAuthorised)
    assert after(moved_on, Approve(CAROL)).status is S.APPROVED
