"""From hand to hand: claims, delegations, absences, and what an admin says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from awaitly import (
    Absence,
    Actor,
    Approval,
    ApprovalStatus,
    ClaimedByOther,
    EditorCannotApprove,
    NotAuthorised,
    NotPossible,
    Policy,
    Refusal,
    SelfApproval,
)
from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.eligibility import audience, is_open_to
from awaitly.approvals.events import (
    ALONE,
    Approve,
    Claim,
    Delegate,
    Edit,
    Event,
    Inquire,
    Reassign,
    Reject,
    Release,
    Standing,
)
from awaitly.approvals.handling import MOST_HANDED
from awaitly.approvals.quorum import Quorum
from awaitly.approvals.transition import Transition
from tests.support import ADMIN, ALICE, BOB, CAROL
from tests.unit.approvals import HOUR, NOW, after, asked, facts_of, moved, refused

S = ApprovalStatus
ONE = Policy(approvers=["alice"])
PAIR = Policy(approvers=["alice", "bob"], needs=2)
EXCLUSIVE = Policy(exclusive_claims=True)
DAN, EVA, FRED, GUS = (Actor(name) for name in ("dan", "eva", "fred", "gus"))


def away(*owners: Actor, to: str = "dan") -> Standing:
    """Stand in for people who are away."""
    day = timedelta(days=1)
    return Standing(absences=tuple(Absence(owner, to, NOW - day, NOW + day) for owner in owners))


HANDED_ON = after(asked(ONE), Delegate(ALICE, "dan"))
CLAIMED = after(asked(), Claim(ALICE))


@pytest.mark.parametrize(
    ("approval", "event", "noted", "by", "to"),
    [
        (asked(), Claim(BOB), AuditEvent.CLAIMED, BOB, ()),
        (HANDED_ON, Claim(DAN), AuditEvent.CLAIMED, Actor("dan", on_behalf_of="alice"), ()),
        (CLAIMED, Release(ADMIN), AuditEvent.RELEASED, ADMIN, ()),
        (asked(ONE), Delegate(ALICE, "dan"), AuditEvent.DELEGATED, ALICE, ("dan",)),
        (HANDED_ON, Delegate(DAN, "eva"), AuditEvent.DELEGATED, Actor("dan", on_behalf_of="alice"), ("eva",)),
        (asked(ONE), Reassign(ADMIN, ("eva",)), AuditEvent.REASSIGNED, ADMIN, ("eva",)),
    ],
)
def test_each_hand_is_noted(
    approval: Approval, event: Event, noted: AuditEvent, by: Actor, to: tuple[str, ...]
) -> None:
    """The ledger has who did it, for whom, and whom it concerns."""
    [fact] = moved(approval, event).facts
    assert (fact.event, fact.by, fact.to, fact.at) == (noted, by, to, NOW)


@pytest.mark.parametrize(
    ("approval", "event"),
    [
        (CLAIMED, Claim(ALICE)),
        (HANDED_ON, Delegate(ALICE, "dan")),
        (after(asked(ONE), Reassign(ADMIN, ("eva",))), Reassign(ADMIN, ("eva",))),
    ],
)
def test_the_same_again_leaves_it_as_it_is(approval: Approval, event: Event) -> None:
    """Whoever asks twice, because an answer was lost, is given what stands there."""
    assert moved(approval, event) == Transition(approval)


FULL_HANDS = after(asked(Policy(approvers=["alice"])), *(Delegate(ALICE, f"p{n}") for n in range(MOST_HANDED)))

REFUSED: dict[str, tuple[Approval, Event, Refusal]] = {
    "nothing to release": (
        asked(),
        Release(ALICE),
        NotPossible("r", "manager", "nobody has claimed it, so there is nothing to release"),
    ),
    "another's claim": (CLAIMED, Release(BOB), ClaimedByOther("r", "manager", "bob", "alice", NOW)),
    "no seat to hand on": (asked(ONE), Delegate(BOB, "dan"), NotAuthorised("r", "manager", "bob", "alice")),
    "no seat to claim": (asked(ONE), Claim(BOB), NotAuthorised("r", "manager", "bob", "alice")),
    "to nobody": (
        asked(ONE),
        Delegate(ALICE, "role:" + "x" * 40),
        NotPossible(
            "r",
            "manager",
            f"a seat goes to one person, by their name, such as 'bob', and not to {'role:' + 'x' * 35!r}",
        ),
    ),
    "round": (
        HANDED_ON,
        Delegate(DAN, "alice"),
        NotPossible("r", "manager", "it cannot go round in a circle: alice to dan to alice"),
    ),
    "too often": (
        FULL_HANDS,
        Delegate(ALICE, "dan"),
        NotPossible(
            "r",
            "manager",
            "seats were handed on 100 times already, which is all that it holds; an admin can reassign it",
        ),
    ),
    "no admin": (asked(ONE), Reassign(BOB, ("eva",)), NotAuthorised("r", "manager", "bob", "the role 'admin'")),
    "to nobody at all": (
        asked(ONE),
        Reassign(ADMIN, ()),
        NotPossible("r", "manager", "name at least one person or role who is to decide instead"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_who_cannot_hand_it_on_is_told_why(name: str) -> None:
    """Each refusal names the approval, whoever tried, and what it takes instead."""
    approval, event, refusal = REFUSED[name]
    assert refused(approval, event) == refusal


def test_what_a_stand_in_and_a_program_hand_on_says_whose_it_was() -> None:
    """The way begins with whose seat it is, also where somebody else handed it on first."""
    by_program = after(
        asked(Policy(approvers=["bot"])), Delegate(Actor("bot", on_behalf_of="alice"), "dan")
    ).handling.delegations[0]
    assert (by_program.owner, by_program.through) == ("alice", ("alice", "bot"))
    direct = HANDED_ON.handling.delegations[0]
    assert (direct.owner, direct.through) == ("alice", ("alice",))
    onwards = after(HANDED_ON, Delegate(DAN, "eva")).handling.delegations[1]
    assert (onwards.owner, onwards.through) == ("alice", ("alice", "dan"))


# Claims


def test_an_exclusive_claim_keeps_others_from_deciding() -> None:
    """Given alice claimed, when others vote, edit, claim or hand on, then `ClaimedByOther`; alice may."""
    claimed = after(asked(EXCLUSIVE), Claim(ALICE))
    events: list[Event] = [Approve(BOB), Reject(BOB), Edit(BOB, "7"), Claim(BOB), Delegate(BOB, "dan")]
    for event in events:
        refusal = refused(claimed, event)
        assert refusal == ClaimedByOther("r", "manager", "bob", "alice", NOW)
        assert "bob can act once alice or an admin releases it" in str(refusal)
    assert after(claimed, Approve(ALICE)).status is S.APPROVED


def test_a_program_of_the_claimers_may_decide() -> None:
    """Given alice claimed, when a program acts for her, then it is hers to decide."""
    assert after(asked(EXCLUSIVE), Claim(ALICE), Approve(Actor("bot", on_behalf_of="alice"))).status is S.APPROVED


def test_a_delegate_of_the_claimers_may_edit_and_ask() -> None:
    """Given alice handed on her seat and claimed it, then whoever acts for her is not kept out by her claim."""
    rule = Policy(approvers=["alice", "bob"], exclusive_claims=True, questions_stop_clock=False)
    question = after(asked(rule, by=EVA), Delegate(ALICE, "dan"), Claim(ALICE))
    for event in (Edit(DAN, "7"), Inquire(DAN, "why?")):
        assert moved(question, event).changed
    assert isinstance(refused(question, Edit(BOB, "7")), ClaimedByOther)


def test_what_is_decided_or_not_theirs_is_open_to_nobody() -> None:
    """An approval waits for those alone who may still decide on it."""
    question = asked(ONE)
    assert is_open_to(question, ALICE, ALONE, NOW) is True
    assert is_open_to(question, BOB, ALONE, NOW) is False
    assert is_open_to(after(question, Reject(ALICE)), ALICE, ALONE, NOW) is False
    assert is_open_to(after(asked(), Approve(ALICE)), BOB, ALONE, NOW) is False


def test_an_ordinary_claim_gives_way() -> None:
    """Given alice claimed without keeping anybody out, when bob claims or decides, then he may."""
    claimed = after(asked(), Claim(ALICE))
    assert after(claimed, Approve(BOB)).status is S.APPROVED
    taken = after(claimed, Claim(BOB)).handling.taken
    assert taken is not None
    assert taken.by == BOB


def test_the_same_claim_again_is_no_news() -> None:
    """Given a claim, when the same actor claims again, with other roles or as a stand-in, then nothing is written."""
    assert not moved(after(asked(), Claim(ALICE)), Claim(Actor("alice", ["ops"])), NOW + HOUR).changed
    stood_in = after(asked(ONE), Delegate(ALICE, "dan"), Claim(DAN))
    assert not moved(stood_in, Claim(DAN), NOW + HOUR).changed


def test_the_claimer_or_an_admin_releases() -> None:
    """Given alice claimed, when bob releases, then `ClaimedByOther`; she and an admin may; then nothing is left to."""
    claimed = after(asked(EXCLUSIVE), Claim(ALICE))
    assert isinstance(refused(claimed, Release(BOB)), ClaimedByOther)
    for by in (ALICE, ADMIN, Actor("bot", on_behalf_of="alice")):
        freed = moved(claimed, Release(by))
        assert (freed.approval.handling.taken, facts_of(freed)) == (None, [AuditEvent.RELEASED])
        assert after(freed.approval, Approve(BOB)).status is S.APPROVED
    assert "nobody has claimed it" in str(refused(asked(), Release(ALICE)))


def test_only_who_may_decide_claims() -> None:
    """Given approvers, when somebody else claims, then `NotAuthorised`; the requester gets `SelfApproval`."""
    assert isinstance(refused(asked(ONE), Claim(BOB)), NotAuthorised)
    assert isinstance(refused(asked(by=ALICE), Claim(ALICE)), SelfApproval)


# Delegations


def test_a_delegate_decides_on_behalf_of_the_owner() -> None:
    """Given alice hands her seat to dan, when he approves, then the vote says for whom; alice may still decide."""
    handed = moved(asked(ONE), Delegate(ALICE, "dan"))
    assert (handed.facts[0].event, handed.facts[0].to) == (AuditEvent.DELEGATED, ("dan",))
    assert "dan" in audience(handed.approval)
    assert is_open_to(handed.approval, DAN, ALONE, NOW)
    assert after(handed.approval, Approve(DAN)).votes[0].by == Actor("dan", on_behalf_of="alice")
    assert after(handed.approval, Approve(ALICE)).status is S.APPROVED


def test_a_seat_is_handed_on_three_times_at_most() -> None:
    """Given alice to dan to eva to fred, when fred hands it to gus, then `NotPossible` says over whom it went."""
    chain = after(asked(ONE), Delegate(ALICE, "dan"), Delegate(DAN, "eva"), Delegate(EVA, "fred"))
    assert after(chain, Approve(FRED)).votes[0].by == Actor("fred", on_behalf_of="alice")
    refusal = refused(chain, Delegate(FRED, "gus"))
    assert str(refusal).endswith("a seat is handed on at most 3 times: alice to dan to eva to fred to gus")


def test_so_many_seats_are_handed_on_and_no_more() -> None:
    """Given seats that were handed on as often as can be, when another is, then `NotPossible`; a repetition is none."""
    question = after(asked(ONE), *(Delegate(ALICE, f"stand-in {number}") for number in range(MOST_HANDED)))
    assert "an admin can reassign it" in str(refused(question, Delegate(ALICE, "one more")))
    assert not moved(question, Delegate(ALICE, "stand-in 0")).changed


@pytest.mark.parametrize("back", ["alice", "dan", "eva"])
def test_a_seat_does_not_go_round(back: str) -> None:
    """Given alice to dan to eva, when eva hands it to anybody who had it, or to herself, then `NotPossible`."""
    chain = after(asked(ONE), Delegate(ALICE, "dan"), Delegate(DAN, "eva"))
    refusal = refused(chain, Delegate(EVA, back))
    assert isinstance(refusal, NotPossible)
    assert f"in a circle: alice to dan to eva to {back}" in str(refusal)


def test_nobody_hands_a_seat_to_the_requester() -> None:
    """Given gus requested, when alice hands him her seat, then `NotPossible`; by way of another, too."""
    question = asked(ONE, by=Actor("bot", on_behalf_of="gus"))
    for to in ("gus", "bot"):
        assert "name somebody else" in str(refused(question, Delegate(ALICE, to)))
    assert isinstance(refused(after(question, Delegate(ALICE, "dan")), Delegate(DAN, "gus")), NotPossible)


@pytest.mark.parametrize(
    "to", ["", "  ", "role:ops", "rule:on-call", "name:x:y", "*", "a\0b", "\ud800", "\u202eada", "x" * 201]
)
def test_a_seat_goes_to_one_person(to: str) -> None:
    """Given a seat, when it is handed to what is nobody's name, then `NotPossible`, whether or not one requested."""
    for by in (None, BOB):
        refusal = refused(asked(ONE, by=by), Delegate(ALICE, to))
        assert isinstance(refusal, NotPossible)
        assert "a seat goes to one person, by their name, such as 'bob'" in str(refusal)


def test_only_a_seat_that_one_has_is_handed_on() -> None:
    """Given approvers, when somebody else hands on, then `NotAuthorised`; who requested gets `SelfApproval`."""
    assert isinstance(refused(asked(ONE), Delegate(BOB, "dan")), NotAuthorised)
    assert isinstance(refused(asked(by=ALICE), Delegate(ALICE, "dan")), SelfApproval)


def test_the_same_delegation_again_is_no_news() -> None:
    """Given a delegation, when it is said again, then nothing is written."""
    handed = after(asked(ONE), Delegate(ALICE, "dan"))
    assert not moved(handed, Delegate(ALICE, "dan"), NOW + HOUR).changed


def test_who_may_by_a_rule_hands_on_what_is_their_own() -> None:
    """Given bob may by a rule and alice handed him her seat, when he hands on, then it is his seat, not hers."""
    rule = Policy(approvers=["alice", "rule:on-call"], needs=2)
    on_call = Standing(rules=frozenset({"rule:on-call"}))
    chain = after(asked(rule), Delegate(ALICE, "bob"), Delegate(BOB, "dan", on_call), Approve(DAN))
    assert chain.votes[0].by == Actor("dan", on_behalf_of="bob")
    assert after(chain, Approve(ALICE)).status is S.APPROVED


def test_a_delegate_of_two_fills_the_seat_that_is_free() -> None:
    """Given alice and bob both handed dan their seats and alice voted, when dan approves, then it is for bob."""
    question = after(asked(PAIR), Delegate(ALICE, "dan"), Delegate(BOB, "dan"), Approve(ALICE))
    decided = after(question, Approve(DAN))
    assert (decided.status, decided.votes[1].by.on_behalf_of) == (S.APPROVED, "bob")


def test_a_delegate_of_two_is_one_person() -> None:
    """Given alice and bob both handed dan their seats, when he approves twice, then it is 1 of 2."""
    question = after(asked(PAIR), Delegate(ALICE, "dan"), Delegate(BOB, "dan"), Approve(DAN))
    assert not moved(question, Approve(DAN)).changed
    assert question.status is S.PENDING


def test_a_delegation_is_worth_what_its_giver_may() -> None:
    """Given alice handed on her seat, when an admin lets carol decide instead, then the delegate may no more."""
    question = after(asked(ONE), Delegate(ALICE, "dan"), Reassign(ADMIN, ("carol",)))
    assert isinstance(refused(question, Approve(DAN)), NotAuthorised)
    assert "dan" not in audience(question)
    both = asked(Policy(approvers=["alice", "role:ops"]))
    given = after(both, Delegate(Actor("alice", ["ops"]), "dan")).handling.delegations[0].grants
    assert sorted(given) == ["alice", "role:ops"]


def test_a_delegate_who_is_a_program_for_somebody_else_has_no_seat() -> None:
    """Given dan was handed a seat, when a program called dan acts for another, then `NotAuthorised`."""
    question = after(asked(ONE), Delegate(ALICE, "dan"))
    assert isinstance(refused(question, Approve(Actor("dan", on_behalf_of="eva"))), NotAuthorised)


# Absences


def test_who_stands_in_decides_on_behalf_of_the_absent() -> None:
    """Given alice is away to dan, when he approves, then the vote says for whom; her roles count, not his."""
    question = asked(Policy(approvers=["role:ops"]))
    decided = after(question, Approve(DAN, standing=away(Actor("alice", ["ops"]))))
    assert decided.votes[0].by == Actor("dan", on_behalf_of="alice")
    assert isinstance(refused(question, Approve(DAN, standing=away(ALICE))), NotAuthorised)


def test_what_a_stand_in_hands_on_stays_the_seat_of_the_absent() -> None:
    """Given dan stands in for alice and hands on to eva, when eva and then alice vote, then it is 1 of 2."""
    question = after(asked(PAIR), Delegate(DAN, "eva", away(ALICE)), Approve(EVA))
    assert question.votes[0].by == Actor("eva", on_behalf_of="alice")
    assert not moved(question, Approve(ALICE)).changed


def test_a_stand_in_of_two_fills_the_seat_that_is_free() -> None:
    """Given dan stands in for alice, who requested, and for bob, when he approves, then it is for bob."""
    question = asked(Policy(approvers=["alice", "bob"]), by=ALICE)
    decided = after(question, Approve(DAN, standing=away(ALICE, BOB)))
    assert decided.votes[0].by.on_behalf_of == "bob"


def test_the_requester_does_not_stand_in_for_the_approver() -> None:
    """Given dan requested and stands in for alice, when he approves, then `SelfApproval`; so for who edited."""
    assert isinstance(refused(asked(ONE, by=DAN), Approve(DAN, standing=away(ALICE))), SelfApproval)
    edited = after(asked(Policy(approvers=["alice", "carol"], editors=["dan"])), Edit(DAN, "7"))
    assert isinstance(refused(edited, Approve(DAN, standing=away(ALICE))), EditorCannotApprove)


# Admins


def test_an_admin_lets_others_decide() -> None:
    """Given alice was asked, when an admin names carol, then she decides and alice does not."""
    question = moved(asked(ONE), Reassign(ADMIN, ("carol",)))
    assert (question.facts[0].event, question.facts[0].to) == (AuditEvent.REASSIGNED, ("carol",))
    assert audience(question.approval) == ("carol",)
    assert isinstance(refused(question.approval, Approve(ALICE)), NotAuthorised)
    assert after(question.approval, Approve(CAROL)).status is S.APPROVED
    assert not moved(question.approval, Reassign(ADMIN, ("carol",))).changed


def test_nobody_but_an_admin_says_who_is_to_decide() -> None:
    """Given an approver, when they reassign, then `NotAuthorised` names the role."""
    for by in (ALICE, Actor("admin"), Actor("mona", ["manager"])):
        assert "it takes the role 'admin'" in str(refused(asked(ONE), Reassign(by, ("bob",))))


@pytest.mark.parametrize(
    ("policy", "to"),
    [
        (ONE, ("gus",)),
        (PAIR, ("carol",)),
        (Policy(approvers=["role:a"], also=[Quorum(["role:b"])]), ("carol",)),
        (Policy(approvers=["role:a"], needs=3), ("carol", "dan", "gus")),
    ],
)
def test_an_admin_names_enough_people(policy: Policy, to: tuple[str, ...]) -> None:
    """Given gus requested, when those who are named are too few without him, then `NotPossible`."""
    refusal = refused(asked(policy, by=GUS), Reassign(ADMIN, to))
    assert isinstance(refusal, NotPossible)
    assert "then it could never end" in str(refusal)


def test_an_admin_is_told_why_those_are_too_few() -> None:
    """Nobody is barred here, so nobody is named besides those who may."""
    refusal = refused(asked(Policy(approvers=["alice", "bob"], needs=2)), Reassign(ADMIN, ("ann",)))
    assert refusal == NotPossible(
        "r", "manager", "then it could never end: 2 different people must approve, and only ann may"
    )


def test_votes_count_for_their_own_seats_alone_when_others_are_named() -> None:
    """Given two of ops voted for one seat, when ann alone is to fill both of legal, then `NotPossible`."""
    rule = Policy(approvers=["role:ops"], also=[Quorum(["role:legal"], needs=2)])
    voted = after(asked(rule), Approve(Actor("oz", ["ops"])), Approve(Actor("ola", ["ops"])))
    assert isinstance(refused(voted, Reassign(ADMIN, ("ann",))), NotPossible)
    assert after(voted, Reassign(ADMIN, ("ann", "dan"))).handling.assigned == ("ann", "dan")


def test_what_a_system_of_record_decides_counts_on_nobody() -> None:
    """Given an external approval of two, when an admin names one person, then it can still end."""
    outside = asked(Policy(approvers=["alice", "bob"], needs=2), external=True)
    assert after(outside, Reassign(ADMIN, ("ann",))).handling.assigned == ("ann",)


def test_an_admin_names_somebody() -> None:
    """Given nobody is named, when an admin reassigns, then `NotPossible`, also where a ladder would bring people."""
    assert "name at least one person or role" in str(refused(asked(ONE), Reassign(ADMIN, ())))


def test_the_votes_of_a_delegate_and_of_the_owner_are_counted_as_one_when_others_are_named() -> None:
    """Given dan voted for alice, when an admin names alice alone for the rest, then `NotPossible`."""
    voted = after(asked(PAIR), Delegate(ALICE, "dan"), Approve(DAN))
    assert isinstance(refused(voted, Reassign(ADMIN, ("alice",))), NotPossible)
    assert after(voted, Reassign(ADMIN, ("carol",)), Approve(CAROL)).status is S.APPROVED


def test_a_rule_may_be_named_by_an_admin() -> None:
    """Given an admin names a rule of the application, when it is asked which rules matter, then that one does."""
    question = after(asked(ONE), Reassign(ADMIN, ("rule:on-call",)))
    assert question.rules == {"rule:on-call"}
    on_call = Standing(rules=question.rules)
    assert after(question, Approve(BOB, standing=on_call)).status is S.APPROVED
