"""Who may change what is proposed, and whether their change is also their yes."""

from __future__ import annotations

import pytest

from awaitly import (
    Actor,
    ApprovalStatus,
    Edited,
    EditorCannotApprove,
    Escalation,
    NotAuthorised,
    NotPossible,
    Policy,
    SelfApproval,
    StaleRevision,
)
from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.deciding import decide
from awaitly.approvals.eligibility import is_open_to
from awaitly.approvals.events import ALONE, Approve, Delegate, Edit, Reassign, Reject, Shown, Standing
from awaitly.approvals.quorum import Quorum
from tests.support import ADMIN, ALICE, BOB, CAROL
from tests.unit.approvals import HOUR, NOW, after, asked, facts_of, moved, refused

S = ApprovalStatus
TWO = Policy(needs=2)


def test_an_edit_voids_the_votes_and_says_whose() -> None:
    """Given two votes of three, when carol edits, then they are void, the ledger names them, and all vote anew."""
    voted = after(asked(Policy(needs=3)), Approve(ALICE), Approve(BOB))
    edited = moved(voted, Edit(CAROL, "7"))
    assert (edited.approval.votes, edited.approval.revision) == ((), 2)
    assert edited.facts[0].reason == "votes void: alice, bob"
    stale = refused(edited.approval, Approve(ALICE, Shown(revision=1)))
    assert stale == StaleRevision("r", "manager", "revision 1", 2)
    assert "look at the current content and decide again" in str(stale)


@pytest.mark.parametrize("by", [BOB, Actor("bot", on_behalf_of="bob"), Actor("bob", ["admin"])])
def test_whoever_made_the_revision_may_not_approve_it_but_may_reject(by: Actor) -> None:
    """Given bob edited, when he or a program of his approves, then `EditorCannotApprove`; his no counts."""
    edited = after(asked(TWO), Edit(BOB, "7"))
    assert isinstance(refused(edited, Approve(by)), EditorCannotApprove)
    assert after(edited, Reject(by)).status is S.REJECTED


def test_the_editor_may_approve_where_the_policy_says_so() -> None:
    """Given `editor_approves`, when the editor votes and another does, then it is decided."""
    edited = after(asked(Policy(needs=2, editor_approves=True)), Edit(BOB, "7"), Approve(BOB))
    assert after(edited, Approve(ALICE)).outcome == Edited("5", "7", BOB, NOW)


def test_a_delegate_is_barred_with_the_owner_who_edited() -> None:
    """Given bob edited and had handed on his seat, when the delegate approves for him, then `EditorCannotApprove`."""
    rule = Policy(approvers=["alice", "bob", "carol"], needs=2)
    edited = after(asked(rule), Delegate(BOB, "dan"), Edit(BOB, "7"))
    assert isinstance(refused(edited, Approve(Actor("dan"))), EditorCannotApprove)


def test_an_edit_after_which_nobody_could_approve_is_refused() -> None:
    """Given alice and bob must both approve, when one edits without that counting, then `NotPossible` says why."""
    question = asked(Policy(approvers=["alice", "bob"], needs=2))
    refusal = refused(question, Edit(ALICE, "7"))
    assert isinstance(refusal, NotPossible)
    assert str(refusal) == (
        "approval 'manager' of run r: after an edit by alice too few are left to approve it: 2 different people must "
        "approve, and besides alice only bob may; let somebody else edit"
    )
    assert after(asked(Policy(approvers=["alice", "bob"], needs=2, edit_counts_as_vote=True)), Edit(ALICE, "7"))


def test_a_delegate_is_nobody_more() -> None:
    """Given alice and bob must both approve and bob handed on, when alice edits, then two are still not left."""
    question = after(asked(Policy(approvers=["alice", "bob"], needs=2)), Delegate(BOB, "dan"))
    assert isinstance(refused(question, Edit(ALICE, "7")), NotPossible)


def test_each_seat_must_still_have_somebody_after_an_edit() -> None:
    """Given carol alone fills a seat, when she edits, then `NotPossible` although two others could approve."""
    question = asked(Policy(approvers=["alice", "bob"], also=[Quorum(["carol"])]))
    assert isinstance(refused(question, Edit(CAROL, "7")), NotPossible)
    assert isinstance(
        refused(asked(Policy(approvers=["role:ops"], also=[Quorum(["alice"])])), Edit(ALICE, "7")), NotPossible
    )
    assert isinstance(refused(asked(Policy(also=[Quorum(["carol"])])), Edit(CAROL, "7")), NotPossible)


def test_who_is_barred_and_who_is_left_are_named() -> None:
    """Given the requester and the editor are both barred, when too few are left, then `NotPossible` names them all."""
    rule = Policy(approvers=["alice", "bob", "carol", "dan"], needs=3, edit_counts_as_vote=False)
    assert str(refused(asked(rule, by=ALICE), Edit(BOB, "7"))).endswith(
        "3 different people must approve, and besides alice, bob only carol, dan may; let somebody else edit"
    )


@pytest.mark.parametrize(
    ("replaces", "expires_in", "editor", "allowed"),
    [
        (False, None, ALICE, True),
        (False, "1h", ALICE, True),
        (True, None, ALICE, True),
        (True, None, BOB, False),
        (True, "1h", BOB, True),
        (False, None, BOB, True),
    ],
)
def test_an_edit_counts_on_those_whom_the_ladder_brings(
    replaces: bool, expires_in: str | None, editor: Actor, allowed: bool
) -> None:
    """Where a deadline ends it, somebody at any level is enough; else it must be somebody at the last."""
    ladder = [Escalation("30m", ["bob"], replaces=replaces)]
    policy = Policy(
        approvers=["alice"],
        editors=["alice", "bob"],
        edit_counts_as_vote=False,
        escalations=ladder,
        expires_in=expires_in,
    )
    assert decide(asked(policy), Edit(editor, "7"), NOW).map(lambda _: True).value_or(False) is allowed


def test_an_edit_does_not_count_on_those_whom_the_ladder_has_left_behind() -> None:
    """Given a level that replaced alice was climbed, when bob edits, then nobody is left, deadline or not."""
    ladder = [Escalation("30m", ["bob"], replaces=True)]
    policy = Policy(
        approvers=["alice"], editors=["bob"], edit_counts_as_vote=False, escalations=ladder, expires_in="1h"
    )
    assert isinstance(refused(asked(policy), Edit(BOB, "7"), NOW + HOUR / 2), NotPossible)


def test_an_edit_that_counts_may_not_void_votes_that_nobody_is_left_to_give_again() -> None:
    """Given two of three voted and an admin named alice and bob for the rest, when alice edits, then `NotPossible`."""
    question = asked(Policy(approvers=["role:ops"], needs=3, edit_counts_as_vote=True))
    voted = after(question, Approve(Actor("oz", ["ops"])), Approve(Actor("ola", ["ops"])))
    reassigned = after(voted, Reassign(ADMIN, ("alice", "bob")))
    refusal = str(refused(reassigned, Edit(ALICE, "7")))
    assert "3 different people must approve, and besides alice only bob may" in refusal
    assert after(reassigned, Approve(ALICE)).status is S.APPROVED


def test_named_editors_edit_and_nobody_else_does() -> None:
    """Given editors, when an approver edits, then `NotAuthorised` names them; a rule may be among them."""
    question = asked(Policy(approvers=["alice"], editors=["bob", "rule:writers"]))
    assert "it takes bob or rule:writers" in str(refused(question, Edit(ALICE, "7")))
    assert after(question, Edit(BOB, "7")).status is S.PENDING
    by_rule = Edit(CAROL, "7", standing=Standing(rules=frozenset({"rule:writers"})))
    assert after(question, by_rule).editor == CAROL


def test_where_nobody_may_edit_the_refusal_says_so() -> None:
    """Given `editors=[]`, when an approver edits, then the words name no empty list."""
    refusal = refused(asked(Policy(editors=[])), Edit(ALICE, "7"))
    assert isinstance(refusal, NotAuthorised)
    assert "this one lets nobody edit" in str(refusal)


def test_the_requester_does_not_edit_what_others_decide() -> None:
    """Given alice requested, when she edits, then `SelfApproval`, also where she is a named editor."""
    for rule in (Policy(), Policy(editors=["alice"])):
        assert isinstance(refused(asked(rule, by=ALICE), Edit(ALICE, "7")), SelfApproval)


def test_an_edit_by_two_people_of_the_same_content_is_two_revisions() -> None:
    """Given alice edited, when bob sends the same content, then it is his revision, and alice may approve it."""
    twice = after(asked(TWO), Edit(ALICE, "7"), Edit(BOB, "7"))
    assert (twice.revision, twice.editor) == (3, BOB)
    assert after(twice, Approve(ALICE), Approve(CAROL)).status is S.APPROVED


def test_an_edit_that_decides_is_one_entry() -> None:
    """Given one approval suffices, when somebody edits, then the ledger has one entry, which names the editor."""
    edited = moved(asked(), Edit(ALICE, "7"))
    assert facts_of(edited) == [AuditEvent.EDITED]
    assert (edited.facts[0].by, edited.facts[0].reason) == (ALICE, None)


def test_what_waits_for_its_editor_is_in_others_inboxes_alone() -> None:
    """Given bob edited, when it is asked for whom it waits, then for alice and not for bob."""
    edited = after(asked(TWO), Edit(BOB, "7"))
    assert is_open_to(edited, ALICE, ALONE, NOW)
    assert not is_open_to(edited, BOB, ALONE, NOW)


def test_nobody_is_left_to_decide_who_made_the_revision() -> None:
    """Given bob edited, when an admin lets bob alone decide, then `NotPossible`: he may not approve what he made."""
    edited = after(asked(Policy(edit_counts_as_vote=False)), Edit(BOB, "7"))
    refusal = refused(edited, Reassign(ADMIN, ("bob",)))
    assert isinstance(refusal, NotPossible)
    assert "1 must approve, and besides bob nobody may" in str(refusal)
