from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from awaitly import (
    Actor,
    Approval,
    ApprovalStatus,
    Approved,
    NotAuthorised,
    Policy,
    Priority,
    Rejected,
    Result,
    RunConflict,
    RunEnded,
    RunStatus,
    UnexpectedError,
    UnknownStep,
)
from awaitly.approvals.approval import question_digest
from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.deciding import decide
from awaitly.approvals.events import Approve, Edit, Event, Reject
from awaitly.runs import moves
from awaitly.runs.moves import StillWaiting
from awaitly.statuses import WaitKind
from awaitly.storage.journal import Arrived, Decided, Failed, Lease, Message, Returned, RunRecord, RunState, Step, Wait
from tests.support import ADMIN, ALICE, BOB, error_of

NOW = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEASE = Lease("me", NOW + HOUR)


def question(key: str = "manager", policy: Policy | None = None, **members: Any) -> Approval:
    """Make a question that is not asked yet."""
    return Approval(
        run_id="r",
        key=key,
        workflow="refund",
        place="1",
        operation=f"refund:{key}",
        summary="?",
        proposal="5",
        schema="{}",
        policy=policy or Policy(),
        asked_at=NOW,
        **members,
    )


def state(status: RunStatus = RunStatus.RUNNING, *approvals: Approval, **run: Any) -> RunState:
    """Make a run with approvals and one recorded step."""
    lease = LEASE if status is RunStatus.RUNNING else None
    waits = tuple(a.key for a in approvals) if status is RunStatus.PARKED else ()
    record = RunRecord("r", "refund", "1", "{}", "v1:x", NOW, NOW, status, lease=lease, waits=waits)
    step = Step("load", "0", "v1:y", Returned("1"), NOW, NOW)
    return RunState(evolve(record, **run), (step,), approvals)


def decided(approval: Approval, event: Event) -> Approval:
    """Decide."""
    return decide(approval, event, NOW).unwrap().approval


def parked(*approvals: Approval) -> RunState:
    """Park a run on approvals."""
    return moves.park(state(), tuple(a.key for a in approvals), approvals, NOW).unwrap().state


def message(key: str) -> Message:
    """Tell the run of the end of a child, which it has not looked at yet."""
    return Message("r", key, "refund", WaitKind.CHILD, "c", Failed("1"), NOW)


# Park


def test_parking_asks_and_starts_the_clocks() -> None:
    """The new questions are asked now, each with its deadline from now; the run is due at the first."""
    later = NOW + HOUR
    asked = (question("a", Policy(expires_in="2h")), question("b", Policy(expires_in="1h")), question("c"))
    moved = moves.park(state(), ("a", "b", "c"), asked, later).unwrap()
    run, approvals = moved.state.run, moved.state.approvals
    assert (run.status, run.waits, run.due_at) == (RunStatus.PARKED, ("a", "b", "c"), later + HOUR)
    assert [a.asked_at for a in approvals] == [later] * 3
    assert [a.deadline for a in approvals] == [later + 2 * HOUR, later + HOUR, None]
    assert [f.event for f in moved.facts] == [AuditEvent.ASKED] * 3


def test_only_a_running_run_parks() -> None:
    """A run that somebody cancelled meanwhile does not."""
    assert isinstance(error_of(moves.park(state(RunStatus.CANCELLED), (), (), NOW)), RunEnded)


# Claim


def test_a_claim_takes_up_the_decision() -> None:
    """The decision stands in the journal as a step, is consumed, and was noted, all in one move."""
    waiting = parked(question())
    answered = evolve(waiting, approvals=(decided(waiting.approvals[0], Edit(ALICE, "7")),))
    moved = moves.claim(answered, LEASE, NOW + HOUR).unwrap()
    [_, step] = moved.state.steps
    [approval] = moved.state.approvals
    assert (step.key, step.place, step.digest) == ("manager", "1", question_digest("refund:manager", "5"))
    assert (step.started_at, step.ended_at) == (NOW, NOW + HOUR)
    assert step.recorded == Decided(approval.outcome)  # type: ignore[arg-type]
    assert approval.consumed_at == NOW + HOUR
    assert [f.event for f in moved.facts] == [AuditEvent.CONSUMED]
    assert moved.state.run.status is RunStatus.RUNNING


def test_nothing_is_claimed_while_nobody_decided() -> None:
    """A run that waits stays as it is."""
    assert error_of(moves.claim(parked(question()), LEASE, NOW)) == StillWaiting()
    one = parked(question("a", Policy(needs=2)))
    voted = evolve(one, approvals=(decided(one.approvals[0], Approve(ALICE)),))
    assert error_of(moves.claim(voted, LEASE, NOW)) == StillWaiting()


def test_a_wait_is_over_at_its_time() -> None:
    """Beside a signal that has none, a timer lets the run go on at its very moment, and not before."""
    timer = Wait("later", "0", WaitKind.TIMER, NOW, until=NOW + HOUR)
    signal = Wait("paid", "1", WaitKind.SIGNAL, NOW, "paid")
    waiting = moves.park(state(), (), (), NOW, (signal, timer)).unwrap().state
    assert waiting.run.due_at == NOW + HOUR
    lease = Lease("me", NOW + 2 * HOUR)
    assert error_of(moves.claim(waiting, lease, NOW + HOUR - timedelta(microseconds=1))) == StillWaiting()
    assert moves.claim(waiting, lease, NOW + HOUR).unwrap().state.run.status is RunStatus.RUNNING


def test_a_run_that_is_to_begin_later_is_claimed_then() -> None:
    """At its very moment, and not before; one that has no time, at once."""
    lease = Lease("me", NOW + 2 * HOUR)
    later = state(RunStatus.QUEUED, due_at=NOW + HOUR)
    assert error_of(moves.claim(later, lease, NOW + HOUR - timedelta(microseconds=1))) == StillWaiting()
    for queued, at in ((later, NOW + HOUR), (state(RunStatus.QUEUED), NOW)):
        assert moves.claim(queued, lease, at).unwrap().state.run.status is RunStatus.RUNNING


def test_whoever_claims_a_run_has_looked_at_its_messages() -> None:
    """They let a parked run go on, and are read from then on."""
    waiting = evolve(parked(question()), messages=(message("one"), message("two")))
    assert all(each.unread for each in waiting.messages)
    claimed = moves.claim(waiting, LEASE, NOW).unwrap().state
    assert claimed.messages == tuple(evolve(each, unread=False) for each in waiting.messages)


def test_one_of_several_decisions_is_enough_to_go_on() -> None:
    """The others wait on; what was decided is taken up."""
    waiting = parked(question("a"), question("b"))
    one = evolve(waiting, approvals=(waiting.approvals[0], decided(waiting.approvals[1], Reject(BOB))))
    moved = moves.claim(one, LEASE, NOW).unwrap()
    assert [s.key for s in moved.state.steps] == ["load", "b"]
    assert [a.pending for a in moved.state.approvals] == [True, False]


def test_a_passed_deadline_is_a_decision() -> None:
    """At the deadline a claim finds the question expired, notes that, and takes it up."""
    waiting = parked(question("a", Policy(expires_in="1h")))
    assert error_of(moves.claim(waiting, LEASE, NOW + HOUR - timedelta(microseconds=1))) == StillWaiting()
    moved = moves.claim(waiting, LEASE, NOW + HOUR).unwrap()
    assert [f.event for f in moved.facts] == [AuditEvent.EXPIRED, AuditEvent.CONSUMED]
    assert moved.state.approvals[0].status is ApprovalStatus.EXPIRED


def test_what_was_changed_after_the_decision_is_not_taken_up() -> None:
    """The run is set aside instead, with nothing consumed and no step made of it."""
    waiting = parked(question())
    forged = evolve(decided(waiting.approvals[0], Approve(ALICE)), proposal="500")
    moved = moves.claim(evolve(waiting, approvals=(forged,)), LEASE, NOW).unwrap()
    assert moved.state.run.status is RunStatus.NEEDS_REVIEW
    assert moved.state.approvals[0].consumed_at is None
    assert len(moved.state.steps) == 1
    assert "'manager'" in (moved.state.run.reason or "")


def test_a_held_run_is_not_claimed() -> None:
    """Before the lease of another ends there is nothing to take."""
    assert isinstance(error_of(moves.claim(state(), LEASE, NOW)), RunConflict)
    assert moves.claim(state(), LEASE, NOW + HOUR).unwrap().state.run.recoveries == 1


def test_a_run_that_is_set_aside_by_a_claim_takes_nothing_up() -> None:
    """Where a claim ends in a review, the decisions stay ready for whoever goes on."""
    waiting = decided(question(), Approve(ALICE))
    worn = state(RunStatus.RUNNING, waiting, recoveries=5, progress=1)
    moved = moves.claim(worn, LEASE, NOW + HOUR).unwrap()
    assert moved.state.run.status is RunStatus.NEEDS_REVIEW
    again = moves.retry(moved.state, NOW + HOUR).unwrap().state
    taken = moves.claim(again, Lease("me", NOW + 3 * HOUR), NOW + 2 * HOUR).unwrap().state
    assert [s.key for s in taken.steps] == ["load", "manager"]
    assert taken.run.status is RunStatus.RUNNING


def test_a_system_of_record_is_asked_again() -> None:
    """A run that waits for one is claimed without a decision: asking is what its code does."""
    waiting = parked(question(external=True))
    assert moves.claim(waiting, LEASE, NOW).unwrap().state.run.status is RunStatus.RUNNING


# End


@pytest.mark.parametrize("event", [None, Approve(ALICE)])
def test_questions_that_nobody_will_take_up_are_superseded(event: Event | None) -> None:
    """What still waits when the run ends, or was decided too late, cannot be decided or taken up any more."""
    open_question = question() if event is None else decided(question(), event)
    moved = moves.end(state(RunStatus.RUNNING, open_question), Returned("1"), None, NOW).unwrap()
    assert moved.state.approvals[0].status is ApprovalStatus.SUPERSEDED
    assert [f.event for f in moved.facts] == [AuditEvent.SUPERSEDED]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Approved("5", BOB, NOW), ApprovalStatus.APPROVED), (Rejected("no", BOB, NOW), ApprovalStatus.REJECTED)],
)
def test_the_answer_of_a_system_of_record_closes_its_question(outcome: Any, status: ApprovalStatus) -> None:
    """What it answered in this execution is noted and consumed where the run parks or ends."""
    running = state(RunStatus.RUNNING, question(external=True))
    step = Step("manager", "1", "v1:z", Decided(outcome), NOW, NOW)
    for moved in (
        moves.end(evolve(running, steps=(*running.steps, step)), Returned("1"), None, NOW).unwrap(),
        moves.park(evolve(running, steps=(*running.steps, step)), ("b",), (question("b"),), NOW).unwrap(),
    ):
        first = moved.state.approvals[0]
        assert (first.status, first.closing and first.closing.by, first.consumed_at) == (status, BOB, NOW)
        assert [f.event.value for f in moved.facts[:2]] == [status.value, "consumed"]
        assert moved.facts[0].reason == getattr(outcome, "reason", None)


# Cancel, release, review, retry


def test_a_cancel_withdraws_what_is_asked() -> None:
    """Pending questions are cancelled by whoever cancels the run; decisions that were not taken up are superseded."""
    run = state(RunStatus.PARKED, question("a"), decided(question("b"), Approve(ALICE)), requested_by=ALICE)
    moved = moves.cancel(run, ADMIN, "x", NOW).unwrap()
    assert [a.status for a in moved.state.approvals] == [ApprovalStatus.CANCELLED, ApprovalStatus.SUPERSEDED]
    assert moved.state.run.by == ADMIN
    assert isinstance(error_of(moves.cancel(run, BOB, None, NOW)), NotAuthorised)


def test_whoever_may_not_cancel_is_told_who_may() -> None:
    """By the first question that the run waits for, or by the run alone where it waits for none."""
    needs = "whoever requested it, or the role 'admin'"
    waiting = state(RunStatus.PARKED, question("a"), question("b"), requested_by=ALICE)
    assert error_of(moves.cancel(waiting, BOB, None, NOW)) == NotAuthorised("r", "a", "bob", needs)
    assert error_of(moves.cancel(state(requested_by=ALICE), BOB, None, NOW)) == NotAuthorised("r", "", "bob", needs)


def test_the_ledger_says_why_questions_were_withdrawn() -> None:
    """By a cancel, by the end, because the run went on without them, or because something else came first."""
    run = state(RunStatus.RUNNING, question("a"), decided(question("b"), Approve(ALICE)))
    later = NOW + HOUR / 2

    def noted(moved: moves.Moved) -> list[tuple[str, AuditEvent, str | None, datetime]]:
        return [(fact.key, fact.event, fact.reason, fact.at) for fact in moved.facts]

    over = AuditEvent.SUPERSEDED
    cancelled = moves.cancel(run, ADMIN, "too late", later).unwrap()
    assert noted(cancelled) == [
        ("a", AuditEvent.CANCELLED, "too late", later),
        ("b", over, "the run was cancelled", later),
    ]
    assert (cancelled.state.run.by, cancelled.state.run.reason) == (ADMIN, "too late")
    closing = cancelled.state.approvals[0].closing
    assert closing is not None
    assert (closing.by, closing.reason) == (ADMIN, "too late")
    assert noted(moves.end(run, Returned("1"), None, later).unwrap()) == [
        ("a", over, "the run ended", later),
        ("b", over, "the run ended", later),
    ]
    assert noted(moves.park(run, ("b",), (), later).unwrap()) == [("a", over, "the run went on without it", later)]
    signal = Wait("paid", "1", WaitKind.SIGNAL, NOW, "paid")
    remembered = moves.note(run, (signal,), frozenset({"a"}), LEASE, later).unwrap()
    assert noted(remembered) == [("a", over, "something else came first", later)]
    assert remembered.state.run.awaiting == (signal,)
    assert [a.status for a in remembered.state.approvals] == [ApprovalStatus.SUPERSEDED, ApprovalStatus.APPROVED]


def test_a_cancel_by_an_admin_withdraws_what_others_requested() -> None:
    """Whoever may cancel the run may withdraw its questions too: none is left open."""
    bot = Actor("bot", on_behalf_of="alice")
    run = state(RunStatus.PARKED, question("a", requested_by=bot), requested_by=bot)
    for by in (ADMIN, ALICE, Actor("bot")):
        moved = moves.cancel(run, by, None, NOW).unwrap()
        assert moved.state.approvals[0].status is ApprovalStatus.CANCELLED


def test_the_same_cancel_again_changes_nothing() -> None:
    """Who cancelled may say so again; somebody else is told that the run is over."""
    cancelled = moves.cancel(state(), ALICE, "x", NOW).unwrap().state
    assert moves.cancel(cancelled, ALICE, "x", NOW).unwrap().state is cancelled
    assert isinstance(error_of(moves.cancel(cancelled, BOB, None, NOW)), RunEnded)


def test_a_release_and_a_review_keep_everything() -> None:
    """Steps and approvals stay as they are."""
    running = state(RunStatus.RUNNING, question())
    for moved in (moves.release(running, NOW).unwrap(), moves.review(running, "odd", NOW).unwrap()):
        assert (moved.state.steps, moved.state.approvals, moved.facts) == (running.steps, running.approvals, ())


def test_a_retry_forgets_only_the_step_that_ended_the_run() -> None:
    """Other steps and every decision stay, a rejection too."""
    failed = Step("pay", "2", "v1:z", Failed("1"), NOW, NOW, fatal=True)
    said_no = Step("manager", "1", "v1:q", Decided(Rejected("no", BOB, NOW)), NOW, NOW)
    ended = state(RunStatus.FAILED, result=Failed("1"), ended_by="pay")
    ended = evolve(ended, steps=(*ended.steps, said_no, failed))
    retried = moves.retry(ended, NOW).unwrap().state
    assert [s.key for s in retried.steps] == ["load", "manager"]
    handled = evolve(ended, steps=(*ended.steps[:-1], evolve(failed, fatal=False)))
    assert [s.key for s in moves.retry(handled, NOW).unwrap().state.steps] == ["load", "manager", "pay"]


def test_a_retry_voids_what_its_children_came_to() -> None:
    """What ended the run was told by a child, which is tried again too: that message counts no more, others do."""
    told, other = message("child-1"), message("child-2")
    fatal = Step("child", "2", "v1:z", Arrived("child-1", Failed("1")), NOW, NOW, fatal=True)
    ended = state(RunStatus.FAILED, result=Failed("1"), ended_by="child")
    ended = evolve(ended, steps=(*ended.steps, fatal), messages=(told, other))
    retried = moves.retry(ended, NOW).unwrap().state
    assert [s.key for s in retried.steps] == ["load"]
    assert retried.messages == (evolve(told, void=True, unread=False), other)


def test_a_workflow_that_is_tried_again_says_when_and_why_and_forgets_what_ended_it() -> None:
    """All else that is recorded stays."""
    fatal = Step("pay", "2", "v1:z", Failed("1"), NOW, NOW, fatal=True)
    failed = evolve(state(), steps=(*state().steps, fatal))
    again = moves.again(failed, NOW + HOUR, "the bank is closed", NOW).unwrap().state
    assert (again.run.status, again.run.due_at, again.run.reason) == (
        RunStatus.QUEUED,
        NOW + HOUR,
        "the bank is closed",
    )
    assert [s.key for s in again.steps] == ["load"]


MOVES: list[Callable[[RunState], Result[Any, Any]]] = [
    lambda of: moves.claim(of, LEASE, NOW),
    lambda of: moves.park(of, (), (), NOW),
    lambda of: moves.note(of, (), frozenset(), LEASE, NOW),
    lambda of: moves.end(of, Returned("1"), None, NOW),
    lambda of: moves.again(of, NOW, "x", NOW),
    lambda of: moves.cancel(of, ADMIN, "x", NOW),
    lambda of: moves.review(of, "x", NOW),
    lambda of: moves.release(of, NOW),
    lambda of: moves.put_back(of, of.run, NOW),
    lambda of: moves.retry(of, NOW),
]


@pytest.mark.parametrize("move", MOVES)
def test_a_run_that_is_over_is_told_to_be_over(move: Callable[[RunState], Result[Any, Any]]) -> None:
    """Each move refuses with what the table says."""
    assert error_of(move(state(RunStatus.COMPLETED))) == RunEnded("r", RunStatus.COMPLETED)


def test_a_run_that_is_not_over_has_no_end_to_tell() -> None:
    """That others know of it is noted at its end, and changes nothing but when it is looked at."""
    assert isinstance(error_of(moves.told(state(), NOW)), RunConflict)
    ended = state(RunStatus.COMPLETED, due_at=NOW)
    assert moves.told(ended, NOW).unwrap().state.run == evolve(ended.run, due_at=None, version=2)


@pytest.mark.parametrize("status", [s for s in RunStatus if s not in {RunStatus.FAILED, RunStatus.NEEDS_REVIEW}])
def test_only_what_failed_or_was_set_aside_is_retried(status: RunStatus) -> None:
    """Any other run refuses."""
    assert isinstance(error_of(moves.retry(state(status), NOW)), RunEnded | RunConflict)


def test_an_unexpected_error_is_no_result_to_keep() -> None:
    """A run that raised can be retried like one that failed."""
    from awaitly.storage.journal import Raised  # noqa: PLC0415

    ended = moves.end(state(), Raised(UnexpectedError("KeyError", "x")), None, NOW).unwrap().state
    assert ended.run.status is RunStatus.FAILED
    assert moves.retry(ended, NOW).unwrap().state.run.result is None


def test_a_fork_stands_in_the_queue_of_its_run() -> None:
    """Whoever works for that queue goes on with it, once it has parked."""
    old = state(queue="mail", priority=Priority.HIGH)
    forked = moves.fork(old, "load", "new", LEASE, NOW).unwrap().state.run
    assert (forked.run_id, forked.forked_from) == ("new", old.run.run_id)
    assert (forked.queue, forked.priority) == ("mail", Priority.HIGH)


def test_a_fork_has_what_came_and_none_of_the_messages() -> None:
    """A message is one run's own, so the copied step names none."""
    came = Step("mail", "1", "v1:z", Arrived("m-1", Returned("7")), NOW, NOW)
    last = Step("pay", "2", "v1:z", Returned("1"), NOW, NOW)
    old = evolve(state(), steps=(*state().steps, came, last))
    forked = moves.fork(old, "pay", "new", LEASE, NOW).unwrap().state
    assert forked.steps == (*state().steps, evolve(came, recorded=Arrived("", Returned("7"))))
    assert forked.messages == ()


def test_a_fork_is_a_new_run_of_the_same_call() -> None:
    """It was asked for now, by the same person with the same arguments, and its starter executes it."""
    old = state(requested_by=ALICE, recoveries=3, progress=1, attempts=4)
    assert moves.fork(old, "load", "new", LEASE, NOW + HOUR).unwrap().state.run == RunRecord(
        "new",
        "refund",
        "1",
        "{}",
        "v1:x",
        NOW + HOUR,
        NOW + HOUR,
        RunStatus.RUNNING,
        requested_by=ALICE,
        lease=LEASE,
        due_at=LEASE.until,
        forked_from="r",
    )


def test_a_fork_before_a_step_that_is_not_there_names_those_that_are() -> None:
    """So that one can be chosen."""
    assert error_of(moves.fork(state(), "pay", "new", LEASE, NOW)) == UnknownStep("r", "pay", ("load",))
