"""Bugs in reading runs, in what is due, in the clock, and in opening and closing."""

from __future__ import annotations

import asyncio

from attrs import evolve

from awaitly.result import Result
from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import Changes, Conflict, Found, Store
from awaitly.testing.rows import run_row
from tests.stores.planted.bug import Around, Bug, Lanes


class HeadByText(Around):
    """Takes 9 for more than 10."""

    async def load(self, run_id: str) -> Found:
        """Find the wrong head."""
        found = await super().load(run_id)
        return evolve(found, head=max(await self.entries(run_id), key=lambda entry: str(entry.seq), default=None))


class ApprovalsGiveTheRun(Around):
    """Reads more than it was asked."""

    async def approvals(self, run_id: str) -> Found:
        """Load everything."""
        return await super().load(run_id)


class LoadsInTwoTurns(Around):
    """Reads the run in one transaction and its steps in another."""

    async def load(self, run_id: str) -> Found:
        """Join what does not belong together."""
        found = await super().load(run_id)
        return evolve(found, steps=(await super().load(run_id)).steps)


class FoldsIds(Around):
    """Compares ids without their case."""

    async def load(self, run_id: str) -> Found:
        """Find whatever reads alike."""
        alike = [name for name in sorted(self.ids) if name.lower() == run_id.lower()]
        return await super().load(alike[0] if alike else run_id)


class SharesReads(Around):
    """Lets readers of one run wait for one read, and cancels it with any of them."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.shared: dict[str, asyncio.Task[Found]] = {}

    async def load(self, run_id: str) -> Found:
        """Wait with the others."""
        if run_id not in self.shared or self.shared[run_id].done():
            self.shared[run_id] = asyncio.create_task(super().load(run_id))
        return await self.shared[run_id]


class RemembersReady(Around):
    """Never forgets that a run was due."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.once: dict[str, None] = {}

    async def due(self, now: int, limit: int, lanes: Lanes = None) -> tuple[str, ...]:
        """Name those of earlier calls too."""
        self.once |= dict.fromkeys(await super().due(now, limit, lanes))
        return tuple(self.once)


class IgnoresReady(Around):
    """Looks at times alone."""

    async def due(self, now: int, limit: int, lanes: Lanes = None) -> tuple[str, ...]:
        """Leave out those that only a decision makes due."""
        names = await super().due(now, limit, lanes)
        runs = [(await self.load(name)).run for name in names]
        return tuple(run.run_id for run in runs if run and run.due_at is not None and run.due_at <= now)


class JoinsApprovals(Around):
    """Names a run once for each of its ready approvals, and counts each."""

    async def due(self, now: int, limit: int, lanes: Lanes = None) -> tuple[str, ...]:
        """Repeat."""
        names: list[str] = []
        for name in await super().due(now, limit, lanes):
            ready = [row for row in (await self.load(name)).approvals if row.ready]
            names.extend([name] * max(1, len(ready)))
        return tuple(names[:limit])


class DueWithoutARun(Around):
    """Looks at approvals alone, and not whether their run is there."""

    async def due(self, now: int, limit: int, lanes: Lanes = None) -> tuple[str, ...]:
        """Name those too."""
        ready = {row.run_id for found in await self.everything() for row in found.approvals if row.ready}
        return tuple(sorted(ready | set(await super().due(now, limit, lanes))))


class SortsByAnyTime(Around):
    """Orders those with a decision by times that have not come."""

    async def due(self, now: int, limit: int, lanes: Lanes = None) -> tuple[str, ...]:
        """Sort by `due_at`, wherever it lies."""
        runs = [found.run for name in await super().due(now, 1000, lanes) if (found := await self.load(name)).run]
        runs.sort(key=lambda run: (run.due_at is None, run.due_at or 0, run.run_id))
        return tuple(run.run_id for run in runs[:limit])


class SortsByTimeAlone(Around):
    """Leaves those of one moment in any order."""

    async def due(self, now: int, limit: int, lanes: Lanes = None) -> tuple[str, ...]:
        """Turn the order of ids around."""
        runs = [found.run for name in await super().due(now, 1000, lanes) if (found := await self.load(name)).run]
        runs.sort(key=lambda run: run.run_id, reverse=True)
        runs.sort(key=lambda run: run.due_at or 0)
        return tuple(run.run_id for run in runs[:limit])


class DueWithoutTime(Around):
    """Takes no time for the earliest of all."""

    async def due(self, now: int, limit: int, lanes: Lanes = None) -> tuple[str, ...]:
        """Name those too."""
        without = [found.run.run_id for found in await self.everything() if found.run and found.run.due_at is None]
        return (*await super().due(now, limit, lanes), *without)


class ReadsItsClockOnce(Around):
    """Has a clock that stands still."""

    first: int | None = None

    async def now(self) -> int:
        """Tell the time of the first reading."""
        self.first = self.first or await super().now()
        return self.first


class ClosesOnce(Around):
    """Minds being closed twice."""

    closed = False

    async def close(self) -> None:
        """Raise the second time, as a client that is gone would."""
        if self.closed and not self.forgiving:
            self.forgiving = True
            raise RuntimeError("closed already")
        self.closed = True
        await super().close()

    forgiving = False


class NeverCloses(Around):
    """Works on after it was closed."""

    async def close(self) -> None:
        """Do nothing."""


class Volatile(Around):
    """Says that it persists, and starts empty each time."""

    async def open(self) -> None:
        """Throw away what there was."""
        self._store = MemoryStore()
        await super().open()


class Resurrects(Around):
    """Writes down what is added, not what is deleted."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.log: list[Changes] = []

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Write down half of it."""
        self.log.append(evolve(changes, dropped=(), forgotten=()))
        return await super().commit(changes)

    async def open(self) -> None:
        """Do again what was written down."""
        self._store = MemoryStore()
        await super().open()
        for changes in self.log:
            await self._store.commit(changes)


def text_order(found: Found) -> Found:
    """Sort by key what has an order of its own."""
    return evolve(
        found,
        steps=tuple(sorted(found.steps, key=lambda step: step.key)),
        approvals=tuple(sorted(found.approvals, key=lambda row: row.key)),
    )


def invented(found: Found) -> Found:
    """Find a run where there is none."""
    return evolve(found, run=found.run or run_row("nobody"))


READ_BUGS = {
    "rows are sorted by key": Bug(
        found=text_order,
        caught_by=("test_steps_come_in_the_order_of_recording", "test_approvals_come_in_the_order_of_asking"),
    ),
    "entries are sorted as text": Bug(
        entries=lambda entries: tuple(sorted(entries, key=lambda entry: str(entry.seq))),
        caught_by=("test_entries_come_in_order",),
    ),
    "the head is found as text": Bug(around=HeadByText, caught_by=("test_head_is_the_last_entry",)),
    "only open approvals are loaded": Bug(
        found=lambda found: evolve(found, approvals=tuple(row for row in found.approvals if row.open)),
        caught_by=("test_load_gives_decided_approvals_too",),
    ),
    "approvals give the run": Bug(around=ApprovalsGiveTheRun, caught_by=("test_approvals_leaves_out_run_and_steps",)),
    "a run is invented": Bug(found=invented, caught_by=("test_what_is_not_there_is_empty",)),
    "a load is of two moments": Bug(around=LoadsInTwoTurns, caught_by=("test_load_is_of_one_moment",)),
    "at most 500 steps are loaded": Bug(
        found=lambda found: evolve(found, steps=found.steps[:500]), caught_by=("test_many_steps_come_back",)
    ),
    "ids are folded": Bug(around=FoldsIds, caught_by=("test_alike_ids_are_different_runs",)),
    "reads share a cancellation": Bug(around=SharesReads, caught_by=("test_a_cancelled_reader_disturbs_nobody",)),
    "a run is due a moment late": Bug(
        due_args=lambda now, limit: (now - 1, limit), caught_by=("test_a_run_is_due_from_its_time_on",)
    ),
    "due runs of one moment are in any order": Bug(
        around=SortsByTimeAlone, caught_by=("test_runs_due_at_one_moment_come_by_id",)
    ),
    "due runs are sorted by times to come": Bug(
        around=SortsByAnyTime, caught_by=("test_those_with_a_decision_alone_come_last",)
    ),
    "a due approval needs no run": Bug(
        around=DueWithoutARun, caught_by=("test_an_approval_without_a_run_makes_nothing_due",)
    ),
    "a run without a time is due": Bug(around=DueWithoutTime, caught_by=("test_a_run_without_a_time_is_never_due",)),
    "due runs are sorted by id": Bug(
        due=lambda names: tuple(sorted(names)),
        caught_by=("test_the_longest_due_comes_first", "test_due_gives_at_most_limit_runs"),
    ),
    "due has no limit": Bug(
        due_args=lambda now, _limit: (now, 1000),
        caught_by=("test_due_gives_at_most_limit_runs", "test_limit_counts_runs_and_not_their_approvals"),
    ),
    "decisions make nothing due": Bug(around=IgnoresReady, caught_by=("test_a_ready_approval_makes_its_run_due",)),
    "a run is due for each approval": Bug(
        around=JoinsApprovals,
        caught_by=("test_a_run_is_due_once", "test_limit_counts_runs_and_not_their_approvals"),
    ),
    "a run stays due": Bug(around=RemembersReady, caught_by=("test_an_approval_that_was_taken_up_makes_nothing_due",)),
    "a due run is invented": Bug(
        due=lambda names: names or ("nobody",),
        caught_by=("test_nothing_is_due_in_an_empty_store", "test_a_renewing_hold_puts_a_run_off"),
    ),
    "the clock is in milliseconds": Bug(now=lambda now: now // 1000, caught_by=("test_now_is_in_microseconds",)),
    "the clock stands still": Bug(around=ReadsItsClockOnce, caught_by=("test_the_given_clock_is_the_stores_clock",)),
    "loads tell no time": Bug(
        found=lambda found: evolve(found, now=0), caught_by=("test_reads_tell_the_time_of_reading",)
    ),
    "a second close raises": Bug(around=ClosesOnce, caught_by=("test_closing_twice_is_harmless",)),
    "a closed store works on": Bug(around=NeverCloses, caught_by=("test_a_closed_store_is_unavailable",)),
    "rows are lost by closing": Bug(
        around=Volatile,
        caught_by=(
            "test_a_reopened_store_has_every_row",
            "test_a_reopened_store_finds_its_rows",
            "test_a_reopened_store_goes_on",
        ),
    ),
    "rows come back by closing": Bug(around=Resurrects, caught_by=("test_what_is_gone_stays_gone",)),
}
