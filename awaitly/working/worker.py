"""A worker: goes on with whatever is due, as soon as it is, and with so many runs at a time."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

from awaitly.durations import Duration, as_timedelta
from awaitly.errors import ConflictReason, NeedsReview, RunConflict, UnknownRun, WorkflowChanged
from awaitly.exceptions import DefinitionError, StoreError, UnknownWorkflow
from awaitly.ids import checked_name
from awaitly.logs import LOGGER, line
from awaitly.notifying.courier import Courier
from awaitly.replaying.execution import Execution
from awaitly.replaying.watchdog import Watchdog
from awaitly.rests import LONGEST, Growing, Pace, Rests
from awaitly.result import Err, Ok, Result
from awaitly.runs import moves
from awaitly.runs.moves import Moved
from awaitly.runs.running import RunRefusal
from awaitly.runs.saving import LOOK_AGAIN
from awaitly.runs.watching import watching
from awaitly.statuses import RunStatus
from awaitly.storage.journal import DEFAULT_QUEUE, RunState
from awaitly.storage.lanes import lanes_of, new_lanes_of
from awaitly.storage.store import Store
from awaitly.values import frozen
from awaitly.working.executor import Executor, Take
from awaitly.working.solitude import Solitude

__all__ = ["CONCURRENCY", "GRACE", "Worker"]

CONCURRENCY = 10
GRACE = "30s"
_LOOK_AGAIN = LOOK_AGAIN.total_seconds()
_MORE = 3
"""How many due runs are asked for, for each that can be taken: others may be quicker with some."""
_SPACING, _IN_A_ROW = 0.01, 3
"""Seconds between looks that find nothing, beyond so many in a row: others' wake-ups may come in swarms."""
_HEAD_START = 3
"""Turns of the loop after which what was begun has asked for its run; only then the worker asks for something else."""
_CROWDED = 5.0
"""Seconds for which a worker that met another takes what is due in no order, so that they do not meet again."""
_FULL = 8
"""After so many looks in a row that find more than there is room for, one run begins before all that has begun."""
_STRANGE, _STRANGEST = LONGEST, 60.0
"""Seconds for which a run is left alone, at first and at most, whose workflow is not known here."""


@frozen
class _Seen:
    """What a look in the store gave: whether there was anything to try, and the seconds until the next look.

    `fresh`: some of it was not tried in vain before.
    """

    found: bool
    pause: float
    fresh: bool = False


class Worker:
    """Executes what is due in some queues. Use it as `async with orchestrator.working() as worker`, or await `run()`.

    It hears of what is enqueued, decided, signalled and resolved anywhere, wakes for each time that a run waits for,
    and looks in the store every five seconds in any case. By the channels of its orchestrator it tells people what the
    outbox holds for them. What cannot go on here is left alone for a growing time:
    `unknown` names the workflows, and versions of workflows, that it met and was not given.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        courier: Courier,
        *,
        concurrency: int = CONCURRENCY,
        queues: Iterable[str] = (DEFAULT_QUEUE,),
        grace: Duration = GRACE,
    ) -> None:
        if concurrency < 1:
            msg = f"a worker executes at least one run at a time, not {concurrency}"
            raise ValueError(msg)
        self._store = store
        self._executor = executor
        self._courier = courier
        self._concurrency = concurrency
        self._queues = _checked(queues)
        self._lanes, self._new_lanes = lanes_of(self._queues), new_lanes_of(self._queues)
        self._grace = as_timedelta(grace).total_seconds()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._rests = Rests()
        self._unknown: set[str] = set()
        self._survived: set[str] = set()
        self._solitude = Solitude(executor.lease.total_seconds())
        self._news = asyncio.Event()
        self._hurry = asyncio.Event()
        self._begun = False
        self._full = 0
        self._stop = asyncio.Event()
        self._busy = 0.0
        self._crowded_until = 0.0
        self._working: asyncio.Task[None] | None = None

    @property
    def unknown(self) -> frozenset[str]:
        """The workflows of due runs that this worker was not given, and the versions of those that it was."""
        return frozenset(self._unknown)

    @property
    def executing(self) -> frozenset[str]:
        """The runs that execute here right now; once the worker is over, those whose steps would not end."""
        return frozenset(self._tasks)

    async def __aenter__(self) -> Self:
        """Begin to work, beside whatever else this event loop does."""
        self._check_opened()
        self._working = asyncio.create_task(self.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, as `stop` does, and wait until all is given back."""
        self.stop()
        if self._working is not None:
            await self._working

    def stop(self, *, at_once: bool = False) -> None:
        """Begin nothing more. What executes has the grace to end or to park, and is then given back for others.

        With `at_once` there is no grace; that may be said later too.
        """
        self._stop.set()
        if at_once:
            self._hurry.set()
        self._news.set()

    def look(self) -> None:
        """Look in the store right now, without having heard anything: for tests whose clock was moved, for instance."""
        self._rests.wake(self._rests.names())
        self._courier.look()
        self._news.set()

    async def run(self, *, once: bool = False, idle_exit: Duration | None = None) -> None:
        """Work until `stop` is called, or until this is cancelled: the runs that execute are then given their grace.

        `once`: return as soon as nothing is due and nothing executes. `idle_exit`: return once that was so for so long.
        With `once` a store that is away raises its `StoreError`; otherwise the worker tries again until it is back.
        """
        idle = math.inf if idle_exit is None else as_timedelta(idle_exit).total_seconds()
        if self._working is None:
            self._check_opened()
        if self._begun:
            msg = "a worker works once: make another with `orchestrator.working(...)`"
            raise DefinitionError(msg)
        self._begun = True
        LOGGER.info(line("started", concurrency=self._concurrency, queues=",".join(self._queues)))
        beside = [] if once else [asyncio.create_task(each) for each in (self._listen(), self._courier.run())]
        with Watchdog(self._executor.host.underway):
            try:
                await (self._work_off() if once else self._work(idle))
            except Exception:
                LOGGER.exception(line("failed"))
                raise
            finally:
                self._stop.set()
                await self._drain()
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
        LOGGER.info(line("stopped"))

    def _check_opened(self) -> None:
        if not self._executor.roster.opened:
            msg = "the orchestrator is not open: use it as `async with Orchestrator(...) as orchestrator:`"
            raise DefinitionError(msg)

    # Looking

    async def _work_off(self) -> None:
        while not self._over():
            self._news.clear()
            seen = await self._look()
            if not seen.found and not self._tasks:
                await self._courier.work_off()
                return
            await _happens(self._news, seen.pause)

    async def _work(self, idle: float) -> None:
        self._busy, trouble, pace = time.monotonic(), Growing(), Pace(_SPACING, _IN_A_ROW)
        while not self._over():
            self._news.clear()
            seen = await self._tried(trouble)
            now = time.monotonic()
            if seen.fresh:
                self._busy = now
            elif not self._tasks and now - self._busy >= idle:
                LOGGER.info(line("idle", seconds=now - self._busy))
                return
            left = math.inf if self._tasks else self._busy + idle - now
            await _happens(self._news, min(seen.pause, left))
            if not seen.found:
                await asyncio.sleep(pace.pause())

    def _over(self) -> bool:
        return self._stop.is_set() or self._executor.roster.closing

    async def _tried(self, trouble: Growing) -> _Seen:
        """Look, or, where the store is away, give the time until the next try."""
        try:
            seen = await self._look()
        except StoreError as error:
            if not trouble.last:
                LOGGER.warning(line("store_away", error=error))
            await _happens(self._stop, trouble.next())
            return _Seen(found=True, pause=0.0, fresh=True)
        if trouble.last:
            LOGGER.info(line("store_back"))
            trouble.reset()
        return seen

    async def _look(self) -> _Seen:
        """Begin what is due, as much as there is room for."""
        room = self._concurrency - len(self._tasks)
        if room <= 0:
            return _Seen(found=True, pause=_LOOK_AGAIN)
        if held := self._solitude.holding(self._tasks):
            return _Seen(found=True, pause=min(held, _LOOK_AGAIN))
        now, here = await self._store.now(), time.monotonic()
        known = len(self._rests) + len(self._tasks) + len(self._solitude)
        due = await self._due(now, _MORE * room, known)
        self._survived.intersection_update(due)
        self._solitude.keep(due)
        awake = self._rests.awake(due, self._tasks)
        ready = [run_id for run_id in awake if run_id not in self._tasks and run_id not in self._solitude]
        if time.monotonic() < self._crowded_until:
            near = ready[: _MORE * room]
            ready = [*random.sample(near, len(near)), *ready[len(near) :]]
        fresh = any(run_id not in self._rests for run_id in ready)
        turn = self._solitude.turn(self._tasks, others=bool(ready))
        if turn.alone is not None and not self._over():
            self._begin(turn.alone, alone=True)
        if not turn.others:
            return _Seen(found=True, pause=min(turn.pause, _LOOK_AGAIN), fresh=True)
        for run_id in ready[: 0 if self._over() else room]:
            self._begin(run_id)
        self._full = self._full + 1 if len(ready) >= room else 0
        if len(ready) >= room:  # whoever ends makes room, and is heard of
            return _Seen(found=True, pause=_LOOK_AGAIN, fresh=fresh)
        for _ in range(_HEAD_START if ready else 0):
            await asyncio.sleep(0)
        following = await self._store.next_due(now, self._lanes)
        passed = time.monotonic() - here
        pause = _LOOK_AGAIN if following is None else (following - now) / 1_000_000 - passed
        found = bool(ready) or len(self._solitude) > 0
        return _Seen(found, min(pause, _LOOK_AGAIN, self._rests.soonest(), turn.pause), fresh)

    async def _due(self, now: int, most: int, known: int) -> tuple[str, ...]:
        """Name what is due, what has begun first; but now and then a new run, lest what has begun never ends."""
        due = await self._store.due(now, most + known, self._lanes)
        if self._full < _FULL:
            return due
        self._full = 0
        new = await self._store.due(now, 1 + known, self._new_lanes)
        one = [each for each in new if each not in self._rests and each not in self._tasks][:1]
        return tuple(dict.fromkeys((*one, *due)))

    async def _listen(self) -> None:
        """Look whenever something may have happened; where the store cannot be listened to, try again."""
        trouble = Growing()
        while True:
            with suppress(StoreError):
                async with watching(self._store) as wakes:
                    self._news.set()
                    while True:
                        self._rests.wake(await wakes.next(_LOOK_AGAIN))
                        self._courier.look()
                        self._news.set()
                        trouble.reset()
            await asyncio.sleep(trouble.next())

    async def until_due(self, known: Collection[str] = ()) -> None:
        """Wait until something is due besides those that are `known` to be, and take nothing.

        What is known counts again once it is named by a wake-up, or the time of any run has come.
        """
        left = set(known)
        async with watching(self._store) as wakes:
            while True:
                now = await self._store.now()
                due = await self._store.due(now, len(left) + 1, self._lanes)
                if not left.issuperset(due):
                    return
                left.intersection_update(due)
                following = await self._store.next_due(now, self._lanes)
                until = math.inf if following is None else (following - now) / 1_000_000
                left -= await wakes.next(min(until, _LOOK_AGAIN))
                if until <= _LOOK_AGAIN and await self._store.now() >= (following or 0):
                    left.clear()

    async def due(self, limit: int) -> frozenset[str]:
        """Name runs that are due in this worker's queues, `limit` at most."""
        return frozenset(await self._store.due(await self._store.now(), limit, self._lanes))

    # Executing

    def _begin(self, run_id: str, *, alone: bool = False) -> None:
        task = asyncio.create_task(self._execute(run_id, alone=alone or self._concurrency == 1))
        self._tasks[run_id] = task

        def ended(_: asyncio.Task[None]) -> None:
            del self._tasks[run_id]
            self._progressed(run_id)

        task.add_done_callback(ended)

    def _progressed(self, run_id: str) -> None:
        """Look whether others may begin, now that a run has recorded a step, or is over."""
        self._solitude.over(run_id)
        self._news.set()

    async def _execute(self, run_id: str, *, alone: bool) -> None:
        """Take a run and go on with it, and note what came of it: no run may end the worker."""
        begun = time.monotonic()
        try:
            prepare = partial(self._prepared, run_id, alone)
            progressed = partial(self._progressed, run_id) if alone else None
            take = Take(prepare=prepare, wary=run_id not in self._survived, progressed=progressed)
            execution = await self._executor.take(run_id, None, take)
        except UnknownWorkflow as unknown:
            self._meet_strange(run_id, unknown.workflow)
        except StoreError as error:
            LOGGER.warning(line("store_trouble", run=run_id, error=error))
            self._rests.leave(run_id)
        except (KeyboardInterrupt, SystemExit) as end:
            LOGGER.critical(line("exit", run=run_id, error=repr(end)))
            raise
        except asyncio.CancelledError:
            if not self._stop.is_set():  # it has cancelled itself
                LOGGER.exception(line("broken", run=run_id))
            self._rests.leave(run_id)
            raise
        except BaseException:  # noqa: BLE001  (its traceback is in the log)
            LOGGER.exception(line("broken", run=run_id))
            self._rests.leave(run_id)
        else:
            if execution.run_id == run_id:
                self._note(execution, time.monotonic() - begun)

    def _prepared(self, run_id: str, alone: bool, state: RunState, now: datetime) -> Result[Moved, RunRefusal]:  # noqa: FBT001  (bound at once)
        """Claim a run as it is; a worker that stops begins nothing, and what others may have died of begins alone.

        What came of a schedule that rang is due by itself now, so the schedule is not held up by the run of its tick.
        """
        if state.run.run_id != run_id:
            return Err(RunConflict(state.run.run_id, ConflictReason.RESUMABLE, "it is in the queue"))
        if self._stop.is_set():
            stopping = "this worker is stopping; another goes on with it"
            return Err(RunConflict(state.run.run_id, ConflictReason.RESUMABLE, stopping))
        if not alone and moves.suspect(state, now):
            self._solitude.ask(run_id)
            LOGGER.info(line("alone", run=run_id, workflow=state.run.workflow, recoveries=state.run.recoveries))
            return Err(RunConflict(run_id, ConflictReason.RESUMABLE, "it is to execute alone"))
        return Ok(Moved(state))

    def _note(self, execution: Execution[Any, Any], seconds: float) -> None:
        if execution.run_id in self._solitude:
            return
        match execution.result:
            case Err(RunConflict(reason=ConflictReason.EXECUTING_ELSEWHERE)):
                self._crowded_until = time.monotonic() + _CROWDED
                self._rests.leave(execution.run_id)
            case Err(RunConflict(reason=ConflictReason.GIVEN_BACK)):
                LOGGER.info(line("given_back", run=execution.run_id, seconds=seconds))
            case Err(RunConflict() | UnknownRun()):
                self._rests.leave(execution.run_id)
            case Err(WorkflowChanged() as change):
                self._survived.add(execution.run_id)
                self._meet_changed(execution, change)
            case Err(NeedsReview(reason=reason)):
                self._report(execution, seconds, reason)
                self._rests.leave(execution.run_id)
            case _:
                state = execution.state
                if execution.status is RunStatus.PARKED:
                    self._survived.add(execution.run_id)
                if state is None or self._rests.stands(execution.run_id, state.run.version):
                    self._busy = time.monotonic()
                    self._report(execution, seconds, None)

    @staticmethod
    def _report(execution: Execution[Any, Any], seconds: float, reason: str | None) -> None:
        workflow = "" if execution.state is None else execution.state.run.workflow
        status = "" if execution.status is None else execution.status.value
        said = {"run": execution.run_id, "workflow": workflow, "status": status, "seconds": seconds}
        if reason is not None:
            LOGGER.warning(line("executed", **said, reason=reason))
        elif LOGGER.isEnabledFor(logging.INFO):
            LOGGER.info(line("executed", **said))

    def _meet_strange(self, run_id: str, workflow: str) -> None:
        """Leave a run to a worker that has its workflow."""
        self._rests.leave(run_id, _STRANGE, _STRANGEST)
        if workflow not in self._unknown:
            self._unknown.add(workflow)
            LOGGER.warning(line("unknown_workflow", run=run_id, workflow=workflow))

    def _meet_changed(self, execution: Execution[Any, Any], change: WorkflowChanged) -> None:
        """Leave a run whose records the code here does not fit."""
        run_id = execution.run_id
        run = None if execution.state is None else execution.state.run
        if run is not None and run.code_version not in self._executor.versions_of(run.workflow):
            self._meet_strange(run_id, f"{run.workflow}@{run.code_version}")
            return
        if run_id not in self._rests:
            LOGGER.warning(line("changed_workflow", run=run_id, workflow=run.workflow if run else "", reason=change))
        self._rests.leave(run_id)

    # Stopping

    async def _drain(self) -> None:
        """Let what executes end or park within the grace, then have it given back."""
        LOGGER.info(line("stopping", executing=len(self._tasks)))
        try:
            await self._within_grace()
        finally:
            back = asyncio.ensure_future(self._executor.roster.give_back(tuple(self._tasks.values())))
            while not back.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([back])
            for task in tuple(self._tasks.values()):
                task.cancel()

    async def _within_grace(self) -> None:
        limit = time.monotonic() + self._grace
        while self._tasks and not self._hurry.is_set() and not self._executor.roster.closing:
            left = limit - time.monotonic()
            if left <= 0:
                return
            self._news.clear()
            await _happens(self._news, left)


async def _happens(event: asyncio.Event, longest: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(longest):
            await event.wait()


def _checked(queues: Iterable[str]) -> tuple[str, ...]:
    if isinstance(queues, str):
        msg = f"queues are named in a list: [{queues!r}]"
        raise DefinitionError(msg)
    named = tuple(dict.fromkeys(checked_name("a queue's name", queue) for queue in queues))
    if not named:
        msg = "a worker works in at least one queue"
        raise ValueError(msg)
    return named
