"""Bugs in what is due in some lanes, and in the next time that comes."""

from __future__ import annotations

from attrs import evolve

from awaitly.result import Result
from awaitly.storage.store import Changes, Conflict, RunRow, Store
from tests.stores.planted.bug import Around, Bug, Lanes


class KeepsTheFirstLane(Around):
    """Writes a run's lane down once, under its id."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.first: dict[str, str] = {}

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Put a run where it was at first."""
        runs = [evolve(row, lane=self.first.setdefault(row.run_id, row.lane)) for row in changes.runs]
        return await super().commit(evolve(changes, runs=tuple(runs)))


class MovesTimesAlone(Around):
    """Looks for a run anew only where its time was changed."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.stood: dict[str, RunRow] = {}

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Leave a run where it was while its time stays the same."""
        runs = tuple(self.moved(row) for row in changes.runs)
        return await super().commit(evolve(changes, runs=runs))

    def moved(self, row: RunRow) -> RunRow:
        """Give a run's row with the lane that it had, if so had it its time."""
        before = self.stood.get(row.run_id, row)
        self.stood[row.run_id] = evolve(row, lane=before.lane) if row.due_at == before.due_at else row
        return self.stood[row.run_id]


class RenewedInNoLane(Around):
    """Finds a renewed lease in no lane but that without a name."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.renewed: set[str] = set()

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Remember who was renewed."""
        self.renewed |= {hold.run_id for hold in changes.holds if hold.due_at is not None}
        return await super().commit(changes)

    async def due(self, now: int, limit: int, lanes: Lanes = None) -> tuple[str, ...]:
        """Leave them out."""
        names = await super().due(now, limit, lanes)
        return names if lanes is None else tuple(name for name in names if name not in self.renewed)


class DecisionsLast(Around):
    """Names the runs of all lanes whose time has come, and only then those with a decision."""

    async def due(self, now: int, limit: int, lanes: Lanes = None) -> tuple[str, ...]:
        """Sort once more."""
        runs = [found.run for name in await super().due(now, 1000, lanes) if (found := await self.load(name)).run]
        runs.sort(key=lambda run: run.due_at is None or run.due_at > now)
        return tuple(run.run_id for run in runs[:limit])


class DecisionsInAnyLane(Around):
    """Compares lanes for times alone."""

    async def due(self, now: int, limit: int, lanes: Lanes = None) -> tuple[str, ...]:
        """Name those with a decision of every lane."""
        names = await super().due(now, limit, lanes)
        ready = {row.run_id for found in await self.everything() for row in found.approvals if row.ready and found.run}
        return (*names, *sorted(ready - set(names)))[:limit]


class LimitsEachLane(Around):
    """Counts anew in every lane."""

    async def due(self, now: int, limit: int, lanes: Lanes = None) -> tuple[str, ...]:
        """Ask lane by lane."""
        if lanes is None:
            return await super().due(now, limit)
        names: list[str] = []
        for lane in lanes:
            names.extend(await super().due(now, limit, [lane]))
        return tuple(names)


class NextDeadline(Around):
    """Takes the deadline of an approval for a time of its run."""

    async def next_due(self, now: int, lanes: Lanes = None) -> int | None:
        """Look at both."""
        at = await super().next_due(now, lanes)
        times = [at, *(row.deadline for found in await self.everything() for row in found.approvals)]
        return min((time for time in times if time is not None and time > now), default=None)


def trimmed(changes: Changes) -> Changes:
    """Take lanes for words."""
    return evolve(changes, runs=tuple(evolve(row, lane=row.lane.strip().lower()) for row in changes.runs))


LANE_BUGS = {
    "lanes are trimmed and folded": Bug(
        commit=trimmed, caught_by=("test_a_lane_comes_back_to_the_letter", "test_a_lane_is_asked_about_alone")
    ),
    "a run keeps its first lane": Bug(
        around=KeepsTheFirstLane,
        caught_by=(
            "test_a_swap_changes_the_lane",
            "test_a_run_that_changes_lane_is_due_there",
            "test_a_run_that_changes_lane_keeps_its_time",
            "test_a_forgotten_run_is_due_in_no_lane",
        ),
    ),
    "a lane changes with the time alone": Bug(
        around=MovesTimesAlone, caught_by=("test_a_run_that_changes_lane_keeps_its_time",)
    ),
    "renewed runs are in no lane": Bug(around=RenewedInNoLane, caught_by=("test_a_renewing_hold_counts_in_its_lane",)),
    "lanes are ignored": Bug(
        lanes=lambda _: None,
        caught_by=("test_a_lane_is_asked_about_alone", "test_no_lanes_name_nothing"),
    ),
    "lanes are sorted": Bug(
        lanes=lambda lanes: lanes and sorted(lanes), caught_by=("test_lanes_come_in_the_given_order",)
    ),
    "no lanes are all lanes": Bug(
        lanes=lambda lanes: lanes or None,
        next_args=lambda now, lanes: (now, lanes or None),
        caught_by=("test_no_lanes_name_nothing",),
    ),
    "no lanes have a next time": Bug(
        next_args=lambda now, lanes: (now, lanes or None), caught_by=("test_no_lanes_name_nothing",)
    ),
    "decisions come after all lanes": Bug(around=DecisionsLast, caught_by=("test_a_decision_counts_in_its_runs_lane",)),
    "decisions are in any lane": Bug(
        around=DecisionsInAnyLane,
        caught_by=("test_a_decision_counts_in_its_runs_lane", "test_no_lanes_name_nothing"),
    ),
    "each lane has a limit of its own": Bug(around=LimitsEachLane, caught_by=("test_limit_counts_over_lanes",)),
    "the next time is due already": Bug(
        next_args=lambda now, lanes: (now - 1, lanes),
        caught_by=("test_the_next_time_is_the_earliest_to_come", "test_there_may_be_no_next_time"),
    ),
    "no next time is 0": Bug(next_due=lambda at: at or 0, caught_by=("test_there_may_be_no_next_time",)),
    "the next time is of any lane": Bug(
        next_args=lambda now, _: (now, None),
        caught_by=("test_the_next_time_is_of_the_lanes_asked_about", "test_a_renewing_hold_counts_in_its_lane"),
    ),
    "the next time is of the first lane": Bug(
        next_args=lambda now, lanes: (now, lanes and lanes[:1]),
        caught_by=("test_the_next_time_is_of_the_lanes_asked_about",),
    ),
    "the next time may be a deadline": Bug(around=NextDeadline, caught_by=("test_the_next_time_is_that_of_a_run",)),
}
