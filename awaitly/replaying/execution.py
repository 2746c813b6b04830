"""Drive a workflow over its journal until it ends or parks; no store in sight."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar, cast

from attrs import field

from awaitly.actors import By, as_actor
from awaitly.approvals.approval import Approval
from awaitly.changing import quick
from awaitly.durations import utc_now
from awaitly.errors import (
    ConflictReason,
    Interruption,
    NeedsReview,
    PendingApproval,
    RunCancelled,
    RunConflict,
    UnexpectedError,
    UnknownRun,
    Waiting,
    WorkflowChanged,
)
from awaitly.exceptions import DefinitionError, UnstorableValue
from awaitly.ids import checked_name, checked_run_id, new_run_id
from awaitly.replaying.calling import cancelled_from_outside, is_result, result_of, written
from awaitly.replaying.context import Run
from awaitly.replaying.host import Host
from awaitly.replaying.replay import Journal, Recorder
from awaitly.replaying.signals import Doubted, Drifted, Ended, FencedOut, Parked, Signal, parking_in, strongest
from awaitly.replaying.snapshot import Snapshot
from awaitly.replaying.workflow import Invocation, Workflow, checked_invocation
from awaitly.result import Err, Ok, Result
from awaitly.retry import Retry
from awaitly.runs import moves
from awaitly.statuses import RunStatus, WaitKind
from awaitly.storage.journal import DEFAULT_QUEUE, Lease, Raised, Recorded, RunRecord, RunState, Wait
from awaitly.values import frozen

__all__ = ["Ending", "Execution", "Fenced", "Finished", "Later", "Misfit", "Waits", "drive", "execute", "execution_of"]

T = TypeVar("T")
E = TypeVar("E")
T_co = TypeVar("T_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)


# How an execution comes to its end


@frozen
class Finished:
    """The workflow is over; `by` is the key of the step whose error ended it."""

    result: Recorded
    by: str | None = None


@frozen
class Waits:
    """The workflow waits for people, or for what `awaiting` says; `asked` are the questions that are new."""

    pending: tuple[PendingApproval, ...]
    asked: tuple[Approval, ...]
    awaiting: tuple[Wait, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the approvals that it waits for."""
        return tuple(p.key for p in self.pending)


@frozen
class Later:
    """The workflow failed, and is to be tried again after a time."""

    pause: timedelta
    reason: str


@frozen
class Misfit:
    """The code does not do what the run recorded."""

    change: WorkflowChanged


@frozen
class Doubtful:
    """What came of the call `key`, which may run at most once, is not known: a person has to say."""

    key: str


@frozen
class Fenced:
    """The run is no longer this executor's."""


Ending: TypeAlias = Finished | Waits | Later | Misfit | Doubtful | Fenced


def other_code(workflow: Workflow[..., Any, Any], run: RunRecord) -> WorkflowChanged | None:
    """Say that a run is one of another workflow, or of another version of it; None where it is one of this."""
    if run.workflow != workflow.name:
        return WorkflowChanged(run.run_id, run.workflow, f"workflow {run.workflow!r}", f"{workflow.name!r}")
    if run.code_version != workflow.version:
        recorded, found = f"version {run.code_version!r} of {run.workflow!r}", f"version {workflow.version!r}"
        return WorkflowChanged(run.run_id, run.workflow, recorded, found)
    return None


def other_arguments(workflow: Workflow[..., Any, Any], run: RunRecord) -> WorkflowChanged | None:
    """Say that a run was started with arguments that a workflow does not take; None where it does."""
    try:
        workflow.signature.decode(run.arguments)
    except ValueError as exc:
        return _unread(run, exc)
    return None


def _unread(run: RunRecord, why: ValueError) -> WorkflowChanged:
    return WorkflowChanged(run.run_id, run.workflow, "other arguments", f"a signature for which {why}")


async def drive(workflow: Workflow[..., Any, Any], run: RunRecord, journal: Journal, host: Host) -> Ending:
    """Run a workflow's code until it ends, parks, or must stop. A cancellation from outside goes through."""
    other = other_code(workflow, run)
    if other is not None:
        return Misfit(other)
    try:
        arguments = workflow.signature.decode(run.arguments)
    except ValueError as exc:
        return Misfit(_unread(run, exc))
    outcome = await _outcome(workflow, Run(workflow, journal, run, host), arguments)
    await journal.bodies_done()
    if journal.closed is not None:
        outcome = journal.closed
    elif journal.parked and not isinstance(outcome, Exception):
        outcome = _parking(journal)
    elif is_result(outcome):
        try:
            journal.check_complete()
            journal.check_awaited()
        except (Drifted, DefinitionError) as wrong:
            outcome = wrong
    journal.close(FencedOut("this execution is over"))
    if _to_be_retried(workflow.retry, outcome, run.attempts):
        return Later(workflow.retry.wait(run.attempts), _said(outcome))
    return _ending(workflow, journal, outcome)


def _parking(journal: Journal) -> Parked:
    pending = tuple(p for p in journal.parked.values() if isinstance(p, PendingApproval))
    return Parked(pending, tuple(w for w in journal.parked.values() if isinstance(w, Wait)))


def _to_be_retried(retry: Retry, outcome: object, attempt: int) -> bool:
    """Whether a workflow that came out like this is to be tried again, as its own policy says."""
    if isinstance(outcome, Exception):
        return retry.after_raising(outcome, attempt)
    error = _error_of(outcome)
    if isinstance(outcome, Ended) and isinstance(error, UnexpectedError):
        return retry.after_failing(attempt)
    return error is not None and retry.after_returning(error, attempt)


def _error_of(outcome: object) -> object | None:
    """Give the error with which a workflow's code ended, None where it ended with none."""
    if isinstance(outcome, Ended):
        return outcome.error
    return outcome.failure() if is_result(outcome) and isinstance(outcome, Err) else None


def _said(outcome: object) -> str:
    error = _error_of(outcome)
    return f"{type(outcome).__name__}: {outcome}" if error is None else str(error)


async def _outcome(workflow: Workflow[..., Any, Any], run: Run[Any], arguments: dict[str, Any]) -> object:
    """Give what the code returned, or what it raised."""
    try:
        return await run.through(workflow.signature.call(partial(workflow.function, run), arguments))
    except Signal as signal:
        return signal.with_traceback(None)  # its frames hold on to the journal, which holds on to it
    except Exception as raised:  # noqa: BLE001  (the caller gets it as a value)
        return raised
    except asyncio.CancelledError as cancelled:
        if cancelled_from_outside():
            raise
        return RuntimeError(f"the workflow raised {cancelled!r}, although nobody had cancelled it")
    except BaseExceptionGroup as group:
        leaves = [parking_in(leaf) or leaf for leaf in _leaves(group)]
        if not all(isinstance(leaf, Signal | Exception) for leaf in leaves):
            raise
        return strongest(leaves)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    leaves: list[BaseException] = []
    for exc in group.exceptions:
        leaves.extend(
            _leaves(cast("BaseExceptionGroup[BaseException]", exc)) if isinstance(exc, BaseExceptionGroup) else [exc]
        )
    return leaves


def _ending(workflow: Workflow[..., Any, Any], journal: Journal, outcome: object) -> Ending:
    match outcome:
        case FencedOut():
            return Fenced()
        case Drifted(change=change):
            return Misfit(change)
        case Doubted(key=key):
            return Doubtful(key)
        case Parked(pending=pending, awaiting=awaiting):
            keys = {p.key for p in pending}
            return Waits(pending, tuple(a for a in journal.asked.values() if a.key in keys), awaiting)
        case Ended(error=error, by=by):
            return Finished(_recorded(workflow, Err(error)), by)
        case _:
            return Finished(_recorded(workflow, outcome))


def _recorded(workflow: Workflow[..., Any, Any], outcome: object) -> Recorded:
    """Write a workflow's result by its own annotations."""
    if isinstance(outcome, BaseException):
        return Raised(UnexpectedError(type(outcome).__name__, str(outcome)))
    if not is_result(outcome):
        why = f"the workflow {workflow.name} gave {type(outcome).__name__}, where it gives Ok(...) or Err(...)"
        return Raised(UnexpectedError("TypeError", why))
    try:
        return written(outcome, workflow.hint, workflow.codec)
    except UnstorableValue as exc:
        unresolved = workflow.hint.unresolved
        why = f"the result of {workflow.name}: {exc.error}{f'; {unresolved}' if unresolved else ''}"
        return Raised(UnexpectedError("Unstorable", why))


# What the caller gets


@quick
@frozen
class Execution(Generic[T_co, E_co]):
    """A run as it stands after a call. `status` is None where there is no such run."""

    run_id: str
    status: RunStatus | None
    result: Result[T_co, E_co | Interruption]
    pending: tuple[PendingApproval, ...] = ()
    state: RunState | None = field(default=None, repr=False)

    @property
    def snapshot(self) -> Snapshot:
        """All that is known of the run, to be kept as text. Raises `LookupError` where there is no such run.

        Also where not all of it can be known, because its records do not decode.
        """
        if self.state is None:
            damaged = f"the records of run {self.run_id!r} do not decode, so there is no snapshot of it"
            raise LookupError(str(UnknownRun(self.run_id)) if self.status is None else damaged)
        return Snapshot(self.state)


def execution_of(
    workflow: Workflow[..., T, E], state: RunState, interruption: Interruption | None = None
) -> Execution[T, E]:
    """Give a run as its caller sees it; `interruption` says why this call left it alone, if the run does not."""
    pending = tuple(approval.view() for approval in state.pending if approval.key in state.run.waits)
    result: Result[T, E | Interruption] = (
        _result_of(workflow, state.run, pending) if interruption is None else Err(interruption)
    )
    return Execution(state.run.run_id, state.run.status, result, pending, state)


def _result_of(
    workflow: Workflow[..., T, E], run: RunRecord, pending: tuple[PendingApproval, ...]
) -> Result[T, E | Interruption]:
    match run.status:
        case RunStatus.COMPLETED | RunStatus.FAILED if run.result is not None:
            return _decoded(workflow, run, run.result)
        case RunStatus.PARKED if pending:
            return Err(pending[0])
        case RunStatus.PARKED if run.awaiting:
            wait = run.awaiting[0]
            return Err(Waiting(run.run_id, wait.key, wait.kind, wait.until))
        case RunStatus.QUEUED | RunStatus.SCHEDULED if run.due_at is not None and run.due_at > run.updated_at:
            return Err(Waiting(run.run_id, run.workflow, _why_queued(run), run.due_at))
        case RunStatus.CANCELLED:
            return Err(RunCancelled(run.run_id, run.by.name if run.by else "nobody known", run.reason))
        case RunStatus.NEEDS_REVIEW:
            return Err(NeedsReview(run.run_id, run.reason or "it was set aside"))
        case RunStatus.RUNNING:
            return Err(RunConflict(run.run_id, ConflictReason.EXECUTING_ELSEWHERE, "it runs elsewhere right now"))
        case _:
            return Err(RunConflict(run.run_id, ConflictReason.RESUMABLE, f"it is {run.status.value}; resume it"))


def _why_queued(run: RunRecord) -> WaitKind:
    return WaitKind.RETRY if run.begun else WaitKind.TIMER


def _decoded(workflow: Workflow[..., T, E], run: RunRecord, recorded: Recorded) -> Result[T, E | Interruption]:
    try:
        return result_of(recorded, workflow.hint, workflow.codec)
    except ValueError as exc:
        return Err(WorkflowChanged(run.run_id, run.workflow, "a result of another type", f"one for which {exc}"))


# Without an orchestrator

_HERE = Lease("this process", datetime.max.replace(tzinfo=utc_now().tzinfo))


def new_run(
    invocation: Invocation[Any, Any],
    run_id: str | None,
    requested_by: By | None,
    now: datetime,
    lease: Lease,
    channels: tuple[str, ...] = (),
    queue: str = DEFAULT_QUEUE,
) -> RunRecord:
    """Give the record of a run that begins now, in its starter's hands."""
    return invocation.recorded(
        new_run_id() if run_id is None else checked_run_id(run_id),
        now,
        status=RunStatus.RUNNING,
        requested_by=None if requested_by is None else as_actor(requested_by),
        lease=lease,
        due_at=lease.until,
        channels=channels,
        queue=checked_name("a queue", queue),
    )


async def execute(
    invocation: Invocation[T, E],
    *,
    snapshot: Snapshot | None = None,
    run_id: str | None = None,
    requested_by: By | None = None,
) -> Execution[T, E]:
    """Run a workflow with no store: from its beginning, or on from a snapshot.

    A snapshot of a parked run goes on if what it waits for was decided (`snapshot.approve(...)`); one of a failed run
    is tried again with its approvals kept. Nothing remembers that an old snapshot was run on before: its steps since
    then run again, with the same idempotency keys.
    """
    checked_invocation("execute", invocation)
    now = utc_now()
    if snapshot is None:
        return await _driven(invocation, RunState(new_run(invocation, run_id, requested_by, now, _HERE)))
    state = snapshot.state
    if state.run.digest != invocation.digest:
        return execution_of(invocation.workflow, state, _other_input(state.run))
    if state.run.status is RunStatus.FAILED:
        state = _tried_anew(state, now)
    match moves.claim(state, _HERE, now):
        case Ok(moved):
            return await _driven(invocation, moved.state, snapshot.state)
        case Err(_):
            return execution_of(invocation.workflow, state)


def _tried_anew(state: RunState, now: datetime) -> RunState:
    match moves.retry(state, now):
        case Ok(moved):
            return moved.state
        case Err(_):
            return state


def _other_input(run: RunRecord) -> RunConflict:
    other = f"it was started as {run.workflow!r} with other arguments; choose another run id"
    return RunConflict(run.run_id, ConflictReason.ID_TAKEN, other)


async def _driven(invocation: Invocation[T, E], state: RunState, before: RunState | None = None) -> Execution[T, E]:
    workflow = invocation.workflow
    journal = journal_of(state, None)
    ending = await drive(workflow, state.run, journal, Host())
    state = state.but(steps=state.steps + tuple(journal.made))
    match settled(state, ending, utc_now()):
        case Ok(moved):
            return execution_of(workflow, moved.state)
        case Err(interruption):
            return execution_of(workflow, before or state, interruption)


def journal_of(state: RunState, recorder: Recorder | None, *, by_step: bool = True) -> Journal:
    """Give the journal over which a run's code is driven."""
    awaiting = {wait.key: wait for wait in state.run.awaiting}
    return Journal(state.run.run_id, state.steps, state.approvals, recorder, by_step, awaiting, state.messages)


def _in_doubt(key: str) -> str:
    return (
        f"a process died while it called {key!r}, which may run at most once: find out what came of it, and say so "
        "(`awaitly settle`)"
    )


def settled(state: RunState, ending: Ending, now: datetime) -> Result[moves.Moved, Any]:
    """Move a run to where its execution ended; an `Interruption` where it must stay as it was."""
    match ending:
        case Finished(result, by):
            return moves.end(state, result, by, now)
        case Waits() as waits:
            return moves.park(state, waits.keys, waits.asked, now, waits.awaiting)
        case Later(pause, reason):
            return moves.again(state, now + pause, reason, now)
        case Doubtful(key):
            return moves.review(state, _in_doubt(key), now)
        case Misfit(change):
            return Err(change)
        case Fenced():
            return Err(RunConflict(state.run.run_id, ConflictReason.EXECUTING_ELSEWHERE, "somebody else has it now"))
