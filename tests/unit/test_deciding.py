from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any, get_args

import pytest
from attrs import evolve

from awaitly import (
    Actor,
    AlreadyDecided,
    Approval,
    ApprovalStatus,
    Approved,
    Edited,
    EditorCannotApprove,
    Expired,
    NotAuthorised,
    OnExpiry,
    Policy,
    PolicyError,
    Rejected,
    SelfApproval,
    StaleRevision,
)
from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.deciding import TABLE, decide
from awaitly.approvals.events import (
    Answer,
    Approve,
    AskAgain,
    Cancel,
    Chime,
    Claim,
    Comment,
    Consume,
    Delegate,
    Edit,
    Event,
    Expire,
    Inquire,
    Observe,
    Reassign,
    Reject,
    Release,
    See,
    Shown,
    Spoof,
    Supersede,
)
from awaitly.approvals.transition import Transition
from tests.support import ADMIN, ALICE, BOB, CAROL
from tests.unit.approvals import HOUR, NOW, after, asked, refused

S = ApprovalStatus
TIMEOUT = Actor("system:timeout")


TWO = Policy(needs=2)
TIMED = Policy(expires_in="1h")

# One approval in each status, by the shortest way there

IN_STATUS: dict[ApprovalStatus, Approval] = {
    S.PENDING: asked(),
    S.APPROVED: after(asked(), Approve(ALICE)),
    S.EDITED: after(asked(), Edit(ALICE, "7")),
    S.REJECTED: after(asked(), Reject(ALICE, "no")),
    S.EXPIRED: after(asked(TIMED), Expire(), at=NOW + HOUR),
    S.CANCELLED: after(asked(), Cancel(ALICE)),
    S.SUPERSEDED: after(asked(), Supersede("rewound")),
}
EVENTS: list[Event] = [
    Approve(ALICE),
    Approve(BOB),
    Edit(ALICE, "7"),
    Edit(BOB, "8"),
    Reject(ALICE, "no"),
    Reject(BOB),
    Cancel(ALICE),
    Cancel(BOB),
    Expire(),
    Observe(BOB, approves=True),
    Observe(BOB, approves=False),
    See(ALICE),
    Claim(ALICE),
    Release(ALICE),
    Delegate(ALICE, "bob"),
    Reassign(ADMIN, ("bob",)),
    Comment(ALICE, "hm"),
    Inquire(ALICE, "why?"),
    Answer(ALICE, "so"),
    Spoof(ALICE, ("by",), ("bob",)),
    Chime(),
    Supersede("again"),
    AskAgain(asked()),
    Consume(),
]
LEGAL: set[tuple[ApprovalStatus, type]] = {
    *((S.PENDING, kind) for kind in (Approve, Edit, Reject, Cancel, Expire, Observe, Supersede)),
    *((S.PENDING, kind) for kind in (Spoof, See, Claim, Release, Delegate, Reassign, Comment, Inquire, Answer, Chime)),
    *product((S.APPROVED, S.EDITED, S.REJECTED, S.EXPIRED), (Consume, Supersede)),
    *((S.APPROVED, kind) for kind in (Approve, Edit)),
    (S.EDITED, Edit),
    (S.REJECTED, Reject),
    (S.CANCELLED, Cancel),
    (S.SUPERSEDED, AskAgain),
}


def test_every_status_is_reached() -> None:
    """The table leads to each status there is."""
    assert {status: a.status for status, a in IN_STATUS.items()} == {status: status for status in S}


def test_the_table_has_these_moves_and_no_others() -> None:
    """A decision is only taken up, replaced, or made the same again; what was replaced may be asked anew."""
    assert set(TABLE) == LEGAL
    assert {type(event) for event in EVENTS} == set(get_args(Event))


@pytest.mark.parametrize(
    ("status", "event"),
    [(status, event) for status, event in product(S, EVENTS) if (status, type(event)) not in LEGAL],
    ids=lambda part: part.value if isinstance(part, ApprovalStatus) else type(part).__name__,
)
def test_a_move_that_is_not_in_the_table_is_refused(status: ApprovalStatus, event: Event) -> None:
    """It is `AlreadyDecided`, or `Expired` where nobody decided; there is no transition to write."""
    refusal = refused(IN_STATUS[status], event, NOW + 2 * HOUR)
    assert isinstance(refusal, Expired if status is S.EXPIRED else AlreadyDecided)


# Votes


def test_an_eligible_vote_decides_where_one_suffices() -> None:
    """Given one approver is enough, when one approves, then it is approved with the proposed value."""
    approved = after(asked(), Approve(ALICE))
    assert approved.outcome == Approved("5", ALICE, NOW)


@pytest.mark.parametrize(
    "shown", [Shown(revision=1), Shown(digest=asked().digest), Shown(revision=1, digest=asked().digest)]
)
def test_a_vote_on_what_is_there_counts(shown: Shown) -> None:
    """Given revision 1, when a vote names it or its digest, then it counts."""
    assert after(asked(), Approve(ALICE, shown)).status is S.APPROVED


@pytest.mark.parametrize("shown", [Shown(revision=2), Shown(revision=0), Shown(digest="v1:other")])
def test_a_vote_on_anything_else_is_stale(shown: Shown) -> None:
    """Given revision 1, when a decision names another revision or content, then it is `StaleRevision`."""
    for event in (Approve(ALICE, shown), Reject(ALICE, None, shown), Edit(ALICE, "1", shown)):
        assert isinstance(refused(asked(), event), StaleRevision)


def test_nobody_decides_on_what_they_requested() -> None:
    """Given alice requested, when she votes or edits, then it is `SelfApproval` and nothing changed."""
    mine = asked(by=ALICE)
    for event in (Approve(ALICE), Reject(ALICE), Edit(ALICE, "7"), Approve(Actor("alice", ["admin"]))):
        assert refused(mine, event) == SelfApproval("r", "manager", "alice")


@pytest.mark.parametrize(
    ("requester", "voter"),
    [
        (Actor("bot", on_behalf_of="alice"), Actor("alice")),
        (Actor("bot", on_behalf_of="alice"), Actor("bot")),
        (Actor("bot", on_behalf_of="alice"), Actor("other", on_behalf_of="alice")),
        (Actor("alice"), Actor("bot", on_behalf_of="alice")),
    ],
)
def test_the_human_behind_a_program_counts_as_the_requester(requester: Actor, voter: Actor) -> None:
    """Given a run started by a program for alice, when she or a program of hers votes, then it is `SelfApproval`."""
    assert isinstance(refused(asked(by=requester), Approve(voter)), SelfApproval)


def test_self_approval_can_be_allowed() -> None:
    """Given `self_approval`, when the requester votes, then it counts."""
    assert after(asked(Policy(self_approval=True), by=ALICE), Approve(ALICE)).status is S.APPROVED


def test_only_approvers_vote_and_only_editors_edit() -> None:
    """Given named approvers and editors, when somebody else acts, then it is `NotAuthorised`."""
    rule = Policy(approvers=["alice"], editors=["bob"])
    for event in (Approve(BOB), Reject(BOB), Approve(ADMIN), Edit(ALICE, "7"), Edit(CAROL, "7")):
        assert isinstance(refused(asked(rule), event), NotAuthorised)


def test_a_quorum_counts_different_people() -> None:
    """Given two are needed, when one votes twice, then it is 1 of 2; when another votes, then it is decided."""
    rule = Policy(approvers=["alice", "role:ops"], needs=2)
    once = after(asked(rule), Approve(ALICE))
    again = decide(once, Approve(ALICE), NOW).unwrap()
    assert (again.approval, again.changed) == (once, False)
    by_bot = decide(once, Approve(Actor("bot", ["ops"], on_behalf_of="alice")), NOW).unwrap()
    assert by_bot.approval.status is S.PENDING
    assert len(by_bot.approval.votes) == 1
    decided = after(once, Approve(Actor("oscar", ["ops"])))
    assert (decided.status, [v.by.name for v in decided.votes]) == (S.APPROVED, ["alice", "oscar"])


def test_one_rejection_is_a_veto() -> None:
    """Given two approvals are needed and one is there, when anybody eligible rejects, then it is rejected."""
    rejected = after(asked(TWO), Approve(ALICE), Reject(BOB, "no"))
    assert rejected.outcome == Rejected("no", BOB, NOW)


def test_a_policy_may_want_more_rejections() -> None:
    """Given `rejections=2`, when one rejects, then it waits; when another does, then it is rejected."""
    rule = Policy(rejections=2)
    once = after(asked(rule), Reject(ALICE, "no"))
    assert once.status is S.PENDING
    assert not decide(once, Reject(ALICE), NOW).unwrap().changed
    assert after(once, Reject(BOB)).status is S.REJECTED


def test_who_changes_their_mind_has_one_vote() -> None:
    """Given a vote, when the same person votes otherwise, then only the later vote counts."""
    rule = Policy(needs=2, rejections=2)
    turned = after(asked(rule), Approve(ALICE), Reject(ALICE, "no"))
    assert [v.approves for v in turned.votes] == [False]
    assert after(turned, Approve(BOB)).status is S.PENDING
    assert after(turned, Approve(BOB), Approve(ALICE)).status is S.APPROVED


# The same again


def test_the_same_vote_again_is_ok_and_changes_nothing() -> None:
    """Given a decision, when the same actor decides the same on the same revision, then `Ok` without facts."""
    for event in (
        Approve(ALICE),
        Approve(ALICE, Shown(revision=1)),
        Reject(ALICE, "no"),
        Edit(ALICE, "7"),
        Cancel(ALICE),
    ):
        decided = after(asked(), event)
        again = decide(decided, event, NOW + HOUR).unwrap()
        assert again == Transition(decided)


def test_an_earlier_voter_of_a_decided_quorum_is_told_that_it_stands() -> None:
    """Given alice voted and bob decided, when alice votes the same again, then it is `Ok` and changes nothing."""
    decided = after(asked(TWO), Approve(ALICE), Approve(BOB))
    assert decide(decided, Approve(ALICE), NOW) == decide(decided, Approve(BOB), NOW)
    assert refused(decided, Approve(CAROL)) == AlreadyDecided("r", "manager", S.APPROVED, "bob", NOW)


def test_the_same_person_with_other_roles_is_the_same_actor() -> None:
    """Given alice decided, when she repeats it with roles that changed meanwhile, then it is the same again."""
    promoted = Actor("alice", ["manager"])
    for event, again in (
        (Approve(ALICE), Approve(promoted)),
        (Reject(ALICE), Reject(promoted)),
        (Edit(ALICE, "7"), Edit(promoted, "7")),
        (Cancel(ALICE), Cancel(promoted)),
    ):
        decided = after(asked(), event)
        assert decide(decided, again, NOW).unwrap() == Transition(decided)


def test_the_same_edit_again_is_the_same_although_it_made_a_new_revision() -> None:
    """Given an edit of revision 1 whose answer was lost, when it is sent again, then `Ok` and no third revision."""
    edit = Edit(ALICE, "7", Shown(revision=1, digest=asked().digest))
    for policy in (Policy(), TWO):
        revised = after(asked(policy), Edit(ALICE, "7", Shown(revision=1)))
        assert revised.revision == 2
        assert decide(revised, edit, NOW).unwrap() == Transition(revised)


def test_the_same_decision_on_other_content_is_not_the_same() -> None:
    """Given alice approved, when she approves naming other content or another revision, then she is refused."""
    decided = after(asked(), Approve(ALICE, Shown(revision=1)))
    for shown in (Shown(revision=2), Shown(digest="v1:other")):
        assert isinstance(refused(decided, Approve(ALICE, shown)), AlreadyDecided | StaleRevision)


@pytest.mark.parametrize(("first", "second"), list(product(["approve", "edit", "reject"], repeat=2)))
def test_a_decision_is_not_overwritten(first: str, second: str) -> None:
    """Given a decision, when anybody decides otherwise, then it is `AlreadyDecided` with the winner."""

    def event(verb: str, by: Actor) -> Event:
        made: dict[str, Event] = {"approve": Approve(by), "edit": Edit(by, "7"), "reject": Reject(by)}
        return made[verb]

    decided = after(asked(), event(first, ALICE))
    for by in (ALICE, BOB) if first != second else (BOB,):
        assert refused(decided, event(second, by)) == AlreadyDecided("r", "manager", decided.status, "alice", NOW)


# Edits


def test_an_edit_decides_where_one_suffices() -> None:
    """Given one approver is enough, when an editor edits, then it is edited: original, value and editor are kept."""
    edited = after(asked(), Edit(ALICE, "7"))
    assert (edited.status, edited.revision) == (S.EDITED, 2)
    assert edited.outcome == Edited("5", "7", ALICE, NOW)


def test_an_edit_makes_a_revision_and_voids_votes() -> None:
    """Given one vote of two, when bob edits, then revision 2 has no votes and still waits."""
    voted = after(asked(TWO), Approve(ALICE))
    revised = after(voted, Edit(BOB, "7"))
    assert (revised.status, revised.revision, revised.votes) == (S.PENDING, 2, ())
    assert revised.digest != voted.digest
    assert revised.intact()


def test_the_editor_does_not_approve() -> None:
    """Given bob edited revision 2 under a two-person rule, when he votes, then it is `EditorCannotApprove`."""
    revised = after(asked(TWO), Edit(BOB, "7"))
    assert refused(revised, Approve(BOB)) == EditorCannotApprove("r", "manager", "bob", 2)
    assert isinstance(refused(revised, Approve(Actor("bot", on_behalf_of="bob"))), EditorCannotApprove)
    assert after(revised, Reject(BOB)).status is S.REJECTED
    decided = after(revised, Approve(ALICE), Approve(CAROL))
    assert decided.outcome == Edited("5", "7", BOB, NOW)


def test_a_later_editor_frees_the_earlier_one() -> None:
    """Given bob edited and then carol did, when bob votes on carol's revision, then it counts."""
    revised = after(asked(TWO), Edit(BOB, "7"), Edit(CAROL, "8"))
    assert isinstance(refused(revised, Approve(CAROL)), EditorCannotApprove)
    assert after(revised, Approve(BOB), Approve(ALICE)).outcome == Edited("5", "8", CAROL, NOW)


def test_an_edit_may_count_as_the_editors_vote() -> None:
    """Given `edit_counts_as_vote` and two needed, when bob edits and alice approves, then it is decided."""
    rule = Policy(needs=2, edit_counts_as_vote=True)
    revised = after(asked(rule), Edit(BOB, "7"))
    assert (revised.status, len(revised.votes)) == (S.PENDING, 1)
    assert after(revised, Approve(ALICE)).outcome == Edited("5", "7", BOB, NOW)


def test_an_edit_need_not_count() -> None:
    """Given `edit_counts_as_vote=False`, when the editor edits, then somebody else must approve."""
    rule = Policy(edit_counts_as_vote=False)
    revised = after(asked(rule), Edit(BOB, "7"))
    assert revised.status is S.PENDING
    assert isinstance(refused(revised, Approve(BOB)), EditorCannotApprove)
    assert after(revised, Approve(ALICE)).outcome == Edited("5", "7", BOB, NOW)


def test_the_edit_of_who_may_only_edit_is_no_vote() -> None:
    """Given an editor who is no approver, when they edit, then an approver decides."""
    rule = Policy(approvers=["alice"], editors=["bob"])
    revised = after(asked(rule), Edit(BOB, "7"))
    assert revised.status is S.PENDING
    assert after(revised, Approve(ALICE)).outcome == Edited("5", "7", BOB, NOW)


def test_after_an_edit_a_vote_on_the_old_content_is_stale() -> None:
    """Given revision 2, when somebody votes on revision 1 or its digest, then it is `StaleRevision`."""
    first = asked(TWO)
    revised = after(first, Edit(BOB, "7"))
    assert refused(revised, Approve(ALICE, Shown(revision=1))) == StaleRevision("r", "manager", "revision 1", 2)
    assert isinstance(refused(revised, Approve(ALICE, Shown(digest=first.digest))), StaleRevision)


# Time


@pytest.mark.parametrize("event", [Approve(ALICE), Reject(ALICE), Edit(ALICE, "7")], ids=lambda e: type(e).__name__)
def test_at_the_deadline_it_is_too_late(event: Event) -> None:
    """Given a deadline, when a decision comes just before, then it counts; when at it or later, then `Expired`."""
    timed = asked(TIMED)
    assert decide(timed, event, NOW + HOUR - timedelta(microseconds=1)).unwrap().approval.status is not S.PENDING
    for late in (NOW + HOUR, NOW + 2 * HOUR):
        assert refused(timed, event, late) == Expired("r", "manager", NOW + HOUR)


def test_the_timer_fires_once_and_not_before_its_time() -> None:
    """Given a deadline, when the timer comes early, then nothing; at it, then expired; again, then refused."""
    timed = asked(TIMED)
    early = decide(timed, Expire(), NOW + HOUR - timedelta(microseconds=1)).unwrap()
    assert early == Transition(timed)
    assert decide(asked(), Expire(), NOW + HOUR).unwrap() == Transition(asked())
    fired = decide(timed, Expire(), NOW + HOUR).unwrap()
    assert [fact.event for fact in fired.facts] == [AuditEvent.EXPIRED]
    assert fired.approval.outcome == Expired("r", "manager", NOW + HOUR)
    assert isinstance(refused(fired.approval, Expire(), NOW + 2 * HOUR), Expired)


@pytest.mark.parametrize(
    ("on_expiry", "status"), [("expire", S.EXPIRED), ("reject", S.REJECTED), ("approve", S.APPROVED)]
)
def test_silence_means_what_the_policy_says(on_expiry: Any, status: ApprovalStatus) -> None:
    """Given `on_expiry`, when the timer fires, then `system:timeout` ends it accordingly."""
    fired = after(asked(Policy(expires_in="1h", on_expiry=on_expiry)), Expire(), at=NOW + HOUR)
    assert (fired.status, fired.closing and fired.closing.by) == (status, TIMEOUT)


def test_silence_is_a_reason() -> None:
    """Given a deadline that passed, then whoever reads of it is told by when somebody had to decide."""
    closing = after(asked(TIMED), Expire(), at=NOW + HOUR).closing
    assert closing is not None
    assert (closing.by, closing.reason) == (TIMEOUT, "nobody decided by 2030-01-07T10:00:00+00:00")


def test_silence_never_approves_what_is_risky() -> None:
    """Given `risk="high"`, approval by silence is refused where the policy is written."""
    with pytest.raises(PolicyError):
        Policy(expires_in="1h", on_expiry=OnExpiry.APPROVE, risk="high")


def test_silence_approves_what_was_edited_as_edited() -> None:
    """Given an edit that waits for approval, when silence approves, then the edited value counts."""
    rule = Policy(needs=2, expires_in="1h", on_expiry=OnExpiry.APPROVE)
    fired = after(after(asked(rule), Edit(BOB, "7")), Expire(), at=NOW + HOUR)
    assert fired.outcome == Edited("5", "7", BOB, NOW + HOUR)


# Cancel, supersede, consume, observe


def test_the_requester_or_an_admin_cancels() -> None:
    """Given a requester, when others cancel, then `NotAuthorised`; the requester and an admin may."""
    for by, allowed in ((ALICE, True), (ADMIN, True), (BOB, False), (Actor("bot", on_behalf_of="alice"), True)):
        result = decide(asked(by=ALICE), Cancel(by, "x"), NOW)
        assert (result.map(lambda t: t.approval.status).value_or(None) is S.CANCELLED) is allowed
    assert after(asked(), Cancel(BOB)).outcome is None


def test_who_cancelled_may_say_so_again_and_nobody_else() -> None:
    """Given a cancelled question, when somebody else cancels it, then they are told that it is over and who did it."""
    over = IN_STATUS[S.CANCELLED]
    assert decide(over, Cancel(ALICE), NOW).unwrap() == Transition(over)
    assert refused(over, Cancel(ADMIN)) == AlreadyDecided("r", "manager", S.CANCELLED, "alice", NOW)


def test_a_decision_is_consumed_once() -> None:
    """Given a decision, when the run takes it up, then it is marked; a second time is refused."""
    for status in (S.APPROVED, S.EDITED, S.REJECTED, S.EXPIRED):
        decided = IN_STATUS[status]
        assert decided.ready
        consumed = after(decided, Consume(), at=NOW + HOUR)
        assert (consumed.status, consumed.consumed_at, consumed.ready) == (status, NOW + HOUR, False)
        assert consumed.outcome == decided.outcome
        assert isinstance(refused(consumed, Consume()), AlreadyDecided | Expired)
        assert decide(consumed, Supersede("late"), NOW).unwrap() == Transition(consumed)


def test_what_was_not_taken_up_is_superseded() -> None:
    """Given a question or decision that no run will take up, when superseded, then it has no outcome any more."""
    for status in (S.PENDING, S.APPROVED, S.EDITED, S.REJECTED, S.EXPIRED):
        over = after(IN_STATUS[status], Supersede("the run ended"))
        assert (over.status, over.outcome, over.pending, over.ready) == (S.SUPERSEDED, None, False, False)
        assert over.closing == IN_STATUS[status].closing


def test_what_was_superseded_is_asked_anew_with_nothing_of_before() -> None:
    """Given a superseded question, when a retried run asks again, then it is a new revision without votes."""
    voted = after(asked(TWO), Approve(ALICE), Edit(BOB, "7"), Approve(CAROL), Supersede("the run failed"))
    moved = decide(voted, AskAgain(asked(TIMED, by=CAROL)), NOW).unwrap()
    again = moved.approval
    assert (again.status, again.revision, again.version) == (S.PENDING, voted.revision + 1, voted.version + 1)
    assert (again.votes, again.closing, again.edited, again.editor, again.policy) == ((), None, None, None, TIMED)
    assert again.intact()
    assert [(fact.event, fact.by) for fact in moved.facts] == [(AuditEvent.ASKED, CAROL)]
    assert isinstance(refused(again, Approve(ALICE, Shown(revision=1))), StaleRevision)
    assert after(again, Approve(ALICE)).status is S.APPROVED


def test_a_system_of_record_decides_what_is_its_own() -> None:
    """Given an external approval, when people decide, then `NotAuthorised`; its own answer closes it."""
    outside = asked(external=True)
    for event in (Approve(ADMIN), Reject(ALICE), Edit(ALICE, "7")):
        assert isinstance(refused(outside, event), NotAuthorised)
    assert after(outside, Observe(BOB, approves=True)).status is S.APPROVED
    assert after(outside, Observe(BOB, approves=False, reason="no")).outcome == Rejected("no", BOB, NOW)


def test_no_system_of_record_decides_what_people_were_asked() -> None:
    """Given an ordinary approval, an observed answer does not close it around its policy."""
    result = decide(asked(Policy(approvers=["alice"], needs=1)), Observe(BOB, approves=True), NOW)
    assert result.map(lambda t: t.approval.status).value_or(None) is not S.APPROVED
    assert refused(asked(TWO), Observe(BOB, approves=True)) == NotAuthorised("r", "manager", "bob", TWO.describe())


def test_each_move_is_noted() -> None:
    """Every change has one fact for the ledger: what, when, by whom, on which revision and digest."""
    cases: list[tuple[Approval, Event, AuditEvent]] = [
        (asked(), Approve(ALICE), AuditEvent.APPROVED),
        (asked(TWO), Approve(ALICE), AuditEvent.VOTED),
        (asked(), Reject(ALICE), AuditEvent.REJECTED),
        (asked(Policy(rejections=2)), Reject(ALICE), AuditEvent.OPPOSED),
        (asked(), Edit(ALICE, "7"), AuditEvent.EDITED),
        (asked(), Cancel(ALICE), AuditEvent.CANCELLED),
        (asked(external=True), Observe(ALICE, approves=True), AuditEvent.APPROVED),
    ]
    for approval, event, noted in cases:
        moved = decide(approval, event, NOW).unwrap()
        [fact] = moved.facts
        assert (fact.event, fact.key, fact.at, fact.by) == (noted, "manager", NOW, ALICE)
        assert (fact.revision, fact.digest) == (moved.approval.revision, moved.approval.digest)


REASONS: list[tuple[Approval, Event]] = [
    (asked(), Reject(ALICE, "too much")),
    (asked(Policy(rejections=2)), Reject(ALICE, "too much")),
    (asked(), Cancel(ALICE, "too much")),
    (asked(), Supersede("too much")),
    (asked(external=True), Observe(ALICE, approves=True, reason="too much")),
    (asked(external=True), Observe(ALICE, approves=False, reason="too much")),
]


@pytest.mark.parametrize(("approval", "event"), REASONS)
def test_the_ledger_keeps_the_reason(approval: Approval, event: Event) -> None:
    """Why somebody said no, or ended it, stands beside who did."""
    assert [fact.reason for fact in decide(approval, event, NOW).unwrap().facts] == ["too much"]


def test_whoever_ends_it_may_say_why() -> None:
    """The reason stands in the approval, for whoever reads how it ended."""
    for event in (Reject(ALICE, "late"), Cancel(ALICE, "late")):
        closing = after(asked(), event).closing
        assert closing is not None
        assert (closing.by, closing.at, closing.reason) == (ALICE, NOW, "late")


def test_the_digest_binds_each_part_of_what_is_shown() -> None:
    """Operation, content, schema and policy: changing any one makes another digest, and an old one no longer covers."""
    one = asked()
    others = [
        evolve(one, operation="other"),
        evolve(one, proposal="6"),
        evolve(one, edited="6"),
        evolve(one, schema="{}"),
        evolve(one, policy=TWO),
    ]
    for other in others:
        assert not other.intact()
        assert evolve(other, digest=asked(TWO).digest).digest != one.digest
    assert evolve(one, summary="other", metadata='{"a":1}').intact()
