"""The timeline of runs, read from the commits that a store takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from difflib import ndiff

from attrs import evolve

from awaitly.approvals.approval import Approval
from awaitly.approvals.ladder import tellings_between
from awaitly.digest import digest
from awaitly.ids import is_of_no_run
from awaitly.statuses import ApprovalStatus, RunStatus, WaitKind
from awaitly.storage.journal import Arrived, Decided, Elapsed, Failed, Message, Returned, RunRecord, Step
from awaitly.storage.records import approval_of, is_message, message_of, run_of, step_of
from awaitly.storage.store import ApprovalRow, Changes, Move
from awaitly.testing import events as was
from awaitly.testing.events import At, Happening

__all__ = ["Timelines", "difference_of"]

_TIMER = digest(WaitKind.TIMER.value, "")
_WITHDRAWN = {ApprovalStatus.CANCELLED, ApprovalStatus.SUPERSEDED}
_MOST_BRANCHES = 100


class Timelines:
    """Notes what happens, commit by commit; times are those that the records say."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._began = clock()
        self._runs: dict[str, RunRecord] = {}
        self._approvals: dict[tuple[str, str], Approval] = {}
        self._attempts: dict[tuple[str, str], int] = {}
        self._happened: defaultdict[str, list[At]] = defaultdict(list)
        self.commits = 0

    def of(self, run_id: str) -> list[At]:
        """Give what happened in a run, in order of time."""
        return sorted(self._happened.get(run_id, ()), key=lambda at: at.since)

    def note(self, changes: Changes) -> None:
        """Take note of a commit that stands."""
        self.commits += 1
        runs = [row for row in changes.runs if not is_of_no_run(row.run_id)]
        for row in runs:
            run, before = run_of(row), self._runs.get(row.run_id)
            self._runs[row.run_id] = run
            self._put(run.run_id, run.updated_at, _beginnings(before, run, changes.move))
            if before is None and run.forked_from is not None:
                changes = evolve(changes, steps=())  # those of the other run, which it brings along
            if before is None and run.parent is not None:
                self._put(run.parent, run.created_at, [was.ChildStarted(run.run_id)])
        for step in changes.steps:
            self._note_step(step.run_id, step_of(step))
        for approval in changes.approvals:
            self._note_row(approval)
        for row in runs:
            self._note_attempts(self._runs[row.run_id])
            self._put(row.run_id, self._runs[row.run_id].updated_at, _ends(self._runs[row.run_id], changes.move))

    def _put(self, run_id: str, moment: datetime, happenings: Iterable[Happening]) -> None:
        self._happened[run_id] += [At(moment - self._began, what) for what in happenings]

    def _note_step(self, run_id: str, step: Step) -> None:
        known = self._attempts.pop((run_id, step.key), 1)
        if step.attempts > known:
            self._put(run_id, step.started_at, [was.Retried(step.key, step.attempts)])
        self._put(run_id, step.ended_at, _ended_step(step))

    def _note_row(self, row: ApprovalRow) -> None:
        if is_message(row):
            if row.version == 1:
                self._put(row.run_id, self._clock(), [_heard(message_of(row))])
            return
        approval, place = approval_of(row), (row.run_id, row.key)
        before = self._approvals.get(place)
        self._approvals[place] = approval
        for moment, what in _moved(before, approval, self._clock()):
            self._put(row.run_id, moment, [what])

    def _note_attempts(self, run: RunRecord) -> None:
        """Note which attempts of steps have failed: the first is none that was made again."""
        for wait in run.awaiting:
            place = (run.run_id, wait.key)
            if wait.kind is WaitKind.RETRY and wait.attempts > self._attempts.get(place, 1):
                self._attempts[place] = wait.attempts
                self._put(run.run_id, wait.since, [was.Retried(wait.key, wait.attempts)])


def _beginnings(before: RunRecord | None, run: RunRecord, move: Move) -> Iterator[Happening]:
    if before is None and not run.begun:
        yield was.Queued()
    if run.begun and (before is None or not before.begun or (_is_still(before) and not _is_still(run))):
        yield was.Started()
    if before is None or _is_still(run):
        return
    if before.begun and before.status is RunStatus.QUEUED and run.status is not RunStatus.QUEUED and run.attempts > 1:
        yield was.Retried(run.workflow, run.attempts)
    if before.status is RunStatus.RUNNING and (move is Move.CLAIM or run.recoveries > before.recoveries):
        yield was.TakenOver()


def _is_still(run: RunRecord) -> bool:
    return run.status.ended or run.status is RunStatus.NEEDS_REVIEW


def _ends(run: RunRecord, move: Move) -> Iterator[Happening]:
    if run.status is RunStatus.NEEDS_REVIEW:
        yield was.SetAside()
    if run.status.ended and move is not Move.TELL:
        yield was.Ended(run.status)


def _ended_step(step: Step) -> Iterator[Happening]:
    """Say what came of a call; what merely notes a time, a random number or a race's winner is left out."""
    match step.recorded:
        case Elapsed():
            yield was.Slept(step.key) if step.digest == _TIMER else was.WaitedInVain(step.key)
        case Arrived() | Decided():
            return
        case Returned(payload):
            if step.digest.startswith("v1:") and not _is_race(step, payload):
                yield was.StepDone(step.key)
        case _:
            yield was.StepFailed(step.key)


def _is_race(step: Step, payload: str) -> bool:
    name = step.key.rpartition("/")[2].partition("#")[0]
    return name == "race" and any(step.digest == digest("race", str(n)) for n in range(int(payload), _MOST_BRANCHES))


def _heard(message: Message) -> Happening:
    match message.kind:
        case WaitKind.PROMISE if isinstance(message.content, Failed):
            return was.PromiseBroken(message.name)
        case WaitKind.PROMISE:
            return was.PromiseKept(message.name)
        case WaitKind.CHILD:
            return was.ChildEnded(message.name)
        case _:
            return was.Signalled(message.name)


def _moved(before: Approval | None, after: Approval, now: datetime) -> Iterator[tuple[datetime, Happening]]:
    if before is None or (after.pending and not before.pending):
        yield after.asked_at, was.Asked(after.key)
    elif before.pending:
        for what in _chimed(before, after):
            yield now, what
    status = ApprovalStatus.PENDING if before is None else before.status
    if after.pending and before is not None and before.pending:
        if after.revision > before.revision and after.editor is not None:
            yield now, was.Changed(after.key, after.editor.name)
        if len(after.votes) > len(before.votes):
            yield after.votes[-1].at, was.Voted(after.key, after.votes[-1].by.name)
    elif after.status is not status and after.status in _WITHDRAWN:
        yield now, was.Withdrawn(after.key)
    elif after.status is not status and after.closing is not None:
        yield after.closing.at, was.Decided(after.key, after.closing.by.name, after.status)


def _chimed(before: Approval, after: Approval) -> Iterator[Happening]:
    for rung in tellings_between(before, after):
        yield was.Escalated(after.key, rung.level)
    if after.handling.reminded > before.handling.reminded:
        yield was.Reminded(after.key)


def difference_of(found: Sequence[At], expected: Sequence[At]) -> str:
    """Say how two timelines differ, a line for each happening: `-` is missing, `+` was not expected."""
    return "\n".join(ndiff([repr(at) for at in expected], [repr(at) for at in found]))
