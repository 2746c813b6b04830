"""Having workflows run again and again, at the times of a clock on the wall."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from awaitly.actors import By, as_actor
from awaitly.durations import from_micros
from awaitly.errors import UnknownSchedule
from awaitly.ids import SCHEDULES, checked_name
from awaitly.replaying.workflow import Invocation, checked_invocation
from awaitly.result import Err, Ok, Result
from awaitly.runs.salvage import listed
from awaitly.runs.saving import is_due_soon
from awaitly.runs.schedules import checked_schedule, ended, next_tick, replaced, schedule_id
from awaitly.statuses import Priority, RunStatus
from awaitly.storage.asked import loaded
from awaitly.storage.journal import DEFAULT_QUEUE, RunRecord, Tick
from awaitly.storage.records import row_of_run
from awaitly.storage.store import Changes, Move, RunQuery, RunRow
from awaitly.values import frozen
from awaitly.verbs.queueing import Queueing
from awaitly.working.looks import Looks

__all__ = ["Scheduled", "Scheduling"]


@frozen
class Scheduled:
    """A schedule as it stands: `at` is its next tick, in UTC, or the one that is overdue.

    `replayed`: it was there before, with this very definition, and nothing has changed. `trouble` says why a tick that
    is overdue could not be taken.
    """

    name: str
    cron: str
    timezone: str
    at: datetime
    workflow: str
    queue: str = DEFAULT_QUEUE
    priority: Priority = Priority.NORMAL
    replayed: bool = False
    trouble: str | None = None


class Scheduling(Queueing):
    """What keeps schedules."""

    async def schedule(
        self,
        name: str,
        cron: str,
        invocation: Invocation[Any, Any],
        *,
        timezone: str = "UTC",
        requested_by: By | None = None,
        queue: str = DEFAULT_QUEUE,
        priority: Priority = Priority.NORMAL,
    ) -> Scheduled:
        """Have a worker of the `queue` run a workflow at each tick of `cron`, by the clocks of `timezone`.

        The same again changes nothing, so every process may say it when it starts. Another definition under the name
        replaces the one before; runs that have begun go on. The run of a tick has the id `nightly@2027-03-28T07:00:00Z`
        and is there once, whoever works. After an outage the oldest tick that was missed runs at once, and the others
        are skipped. Raises `ValueError` where `cron` or `timezone` does not parse, or names no time that ever comes.
        """
        checked_invocation("schedule", invocation)
        checked_name("a queue's name", queue)
        checked_schedule(name)
        who = None if requested_by is None else as_actor(requested_by)
        looks = Looks()
        while True:
            found = looks.again(await loaded(self._store, schedule_id(name)))
            now = from_micros(found.now)
            tick = Tick(name, cron, timezone, next_tick(cron, timezone, now))
            wanted = _row(invocation, tick, now, requested_by=who, queue=queue, priority=priority)
            before = None if found.run is None else listed(found.run)
            run = wanted if before is None else replaced(before, wanted)
            if run is None:
                return _shown(wanted, tick if before is None or before.tick is None else before.tick, replayed=True)
            if await self._kept(run):
                return _shown(run, run.tick or tick)

    async def unschedule(self, name: str, *, by: By | None = None) -> Result[Scheduled, UnknownSchedule]:
        """End a schedule, and give it as it was. Runs that are in the queue, or have begun, go on."""
        looks = Looks()
        while True:
            found = looks.again(await loaded(self._store, schedule_id(name)))
            run = None if found.run is None else listed(found.run)
            if run is None or run.tick is None or run.status is not RunStatus.SCHEDULED:
                return Err(UnknownSchedule(name))
            now = from_micros(found.now)
            if await self._kept(ended(run, None if by is None else as_actor(by), now)):
                return Ok(_shown(run, run.tick))

    async def schedules(self) -> tuple[Scheduled, ...]:
        """List all schedules, by name."""
        runs = [listed(row) async for row in self._rows()]
        shown = [_shown(run, run.tick) for run in runs if run.tick is not None]
        return tuple(sorted(shown, key=lambda schedule: schedule.name))

    async def _rows(self) -> AsyncIterator[RunRow]:
        after: str | None = None
        while True:
            query = RunQuery(prefix=SCHEDULES, statuses=(RunStatus.SCHEDULED.value,), limit=_AT_ONCE, after=after)
            page = await self._store.page_runs(query)
            for row in page.items:
                yield row
            if page.after is None:
                return
            after = page.after

    async def _kept(self, run: RunRecord) -> bool:
        """Write a schedule's row; False where somebody was quicker. Workers are told of a tick that is near."""
        kept = Changes(move=Move.SCHEDULE, runs=(row_of_run(run),), wakes=is_due_soon(run))
        return isinstance(await self._store.commit(kept), Ok)


_AT_ONCE = 1_000


def _row(invocation: Invocation[Any, Any], tick: Tick, now: datetime, **options: Any) -> RunRecord:
    """Give the row of a schedule that begins now."""
    return invocation.recorded(
        schedule_id(tick.schedule),
        now,
        status=RunStatus.SCHEDULED,
        due_at=tick.at,
        begun=False,
        tick=tick,
        **options,
    )


def _shown(run: RunRecord, tick: Tick, *, replayed: bool = False) -> Scheduled:
    about = tick.schedule, tick.cron, tick.timezone, tick.at
    return Scheduled(*about, run.workflow, run.queue, run.priority, replayed, run.reason)
