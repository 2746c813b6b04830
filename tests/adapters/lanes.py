"""Facts about lanes and next times for stores that join or shard what they are asked; and a store's plain model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

import pytest
from attrs import define, evolve, field

from awaitly import ApprovalRow, Changes, Hold, Ok, RunRow, Store
from awaitly.testing.rows import T0, approval_row, changes, run_row

__all__ = ["LANES", "History", "LaneFacts", "applied", "placed"]

LANES = ("", "a", "ab", "a\1", "b" * 300, "\u00e9")
"""Names of which some begin others, or would if their lengths did not stand ahead of them."""

_IDS = [f"run-{number}" for number in range(12)]
_QUESTIONS: tuple[Sequence[str] | None, ...] = (None, (), LANES, LANES[::-1], *((lane,) for lane in LANES))


async def applied(store: Store, *commits: Changes) -> None:
    """Make commits, each of which must be taken."""
    for commit in commits:
        assert await store.commit(commit) == Ok(None), commit


def placed(run_id: str, lane: str, due_at: int | None = None, *, ready: bool = False) -> Changes:
    """Give the commit that begins a run in a lane, with an approval where it has a decision to take up."""
    approvals = (approval_row(run_id, open=False, ready=True),) if ready else ()
    return changes(runs=(run_row(run_id, lane=lane, due_at=due_at),), approvals=approvals)


@define
class History:
    """Draws commits that a store must take, and knows what it must then say is due."""

    random: Random
    runs: dict[str, RunRow] = field(factory=dict[str, RunRow])
    approvals: dict[str, ApprovalRow] = field(factory=dict[str, ApprovalRow])

    def commit(self) -> Changes:
        """Draw the next one."""
        run_id = self.random.choice(_IDS)
        run = self.runs.get(run_id)
        if run is None:
            return self._swapped(run_row(run_id, lane=self.random.choice(LANES), due_at=self._time()))
        match self.random.randrange(6):
            case 0:
                due_at = self.random.randrange(T0, T0 + 6)
                self.runs[run_id] = evolve(run, due_at=due_at)
                return changes(holds=(Hold(run_id, run.version, due_at),))
            case 1:
                return self.forgotten(run_id)
            case 2 | 3:
                return changes(approvals=(self._decided(run_id),))
            case _:
                lane = self.random.choice((run.lane, *LANES))
                return self._swapped(evolve(run, version=run.version + 1, lane=lane, due_at=self._time()))

    def forgotten(self, run_id: str) -> Changes:
        """Give the commit that deletes a run."""
        self.approvals.pop(run_id, None)
        return changes(forgotten=(Hold(run_id, self.runs.pop(run_id).version),))

    def due(self, now: int, lanes: Sequence[str] | None) -> list[str]:
        """Name all runs that are due, in order."""
        if lanes is None:
            return _due(self.runs.values(), self._ready(), now)
        in_lane = {lane: [row for row in self.runs.values() if row.lane == lane] for lane in lanes}
        return [run_id for rows in in_lane.values() for run_id in _due(rows, self._ready(), now)]

    def next_due(self, now: int, lanes: Sequence[str] | None) -> int | None:
        """Give the first time after now."""
        rows = [row for row in self.runs.values() if lanes is None or row.lane in lanes]
        times = [row.due_at for row in rows if row.due_at is not None and row.due_at > now]
        return min(times) if times else None

    def _ready(self) -> set[str]:
        return {run_id for run_id, row in self.approvals.items() if row.ready}

    def _time(self) -> int | None:
        times: tuple[int | None, ...] = (None, *range(T0, T0 + 6))
        return self.random.choice(times)

    def _swapped(self, row: RunRow) -> Changes:
        self.runs[row.run_id] = row
        return changes(runs=(row,))

    def _decided(self, run_id: str) -> ApprovalRow:
        version = self.approvals[run_id].version + 1 if run_id in self.approvals else 1
        row = approval_row(run_id, version=version, open=False, ready=self.random.random() < 0.7)
        self.approvals[run_id] = row
        return row


def _due(rows: Iterable[RunRow], ready: set[str], now: int) -> list[str]:
    timed = sorted((row.due_at, row.run_id) for row in rows if row.due_at is not None and row.due_at <= now)
    named = [run_id for _, run_id in timed]
    return named + sorted({row.run_id for row in rows} & ready - set(named))


class LaneFacts:
    """What is due in some lanes, and what comes next there. Needs a fixture `store`: open, and empty."""

    async def test_lanes_come_in_the_order_in_which_they_are_named(self, store: Store) -> None:
        """All of the first, then all of the second, whichever has waited longer; and those not named do not come."""
        await applied(store, placed("x", "a", T0 - 1), placed("y", "b", T0 - 2), placed("z", "a", T0 - 3))
        await applied(store, placed("w", "c", T0 - 9))
        assert await store.due(T0, 10, ["a", "b"]) == ("z", "x", "y")
        assert await store.due(T0, 10, ["b", "a"]) == ("y", "z", "x")

    async def test_a_lane_can_be_asked_about_alone(self, store: Store) -> None:
        """Whatever its name, also where that begins another's or is empty; an unknown lane has nothing."""
        await applied(store, *(placed(f"run-{number}", lane, T0) for number, lane in enumerate(LANES)))
        for number, lane in enumerate(LANES):
            assert await store.due(T0, 10, [lane]) == (f"run-{number}",)
        assert await store.due(T0, 10, ["nobody's"]) == ()
        assert await store.next_due(T0 - 1, ["nobody's"]) is None

    async def test_without_lanes_all_are_asked_about(self, store: Store) -> None:
        """By time across lanes, then those with a decision by id."""
        await applied(store, placed("x", "b", T0), placed("y", "a", T0 - 1), placed("z", "", T0 - 2))
        await applied(store, placed("v", "a", ready=True), placed("u", "b", ready=True))
        assert await store.due(T0, 10) == await store.due(T0, 10, None) == ("z", "y", "x", "u", "v")
        assert await store.due(T0, 4) == ("z", "y", "x", "u")

    async def test_no_lanes_have_nothing(self, store: Store) -> None:
        """An empty list is not the same as none."""
        await applied(store, placed("x", "", T0), placed("y", "a", T0 + 5, ready=True))
        assert await store.due(T0, 10, []) == ()
        assert await store.next_due(T0 - 1, []) is None

    async def test_decisions_come_behind_their_own_lanes_times(self, store: Store) -> None:
        """And ahead of the next lane's; one whose time has come too is named once, in its place."""
        await applied(store, placed("c", "a", ready=True), placed("b", "a", T0 + 9, ready=True), placed("d", "a", T0))
        await applied(store, placed("a", "b", ready=True), placed("e", "b", T0 - 5), placed("f", "b", T0, ready=True))
        assert await store.due(T0, 10, ["a", "b"]) == ("d", "b", "c", "e", "f", "a")
        assert await store.due(T0, 10, ["b", "a"]) == ("e", "f", "a", "d", "b", "c")
        assert await store.due(T0, 10, ["b"]) == ("e", "f", "a")

    async def test_a_limit_goes_across_lanes(self, store: Store) -> None:
        """It cuts between lanes, within their times and within their decisions."""
        await applied(store, placed("b", "a", T0), placed("a", "a", ready=True), placed("c", "a", ready=True))
        await applied(store, placed("e", "b", T0 - 9), placed("d", "b", ready=True), placed("f", "c", T0 - 10))
        every = ("b", "a", "c", "e", "d", "f")
        for limit in range(1, 8):
            assert await store.due(T0, limit, ["a", "b", "c"]) == every[:limit]

    async def test_a_run_with_two_decisions_counts_once(self, store: Store) -> None:
        """A limit of two in a lane gives two runs."""
        every = [placed(name, "a") for name in ("x", "y", "z")]
        ready = [changes(approvals=(approval_row(name, key, ready=True),)) for name in ("x", "y") for key in ("k", "l")]
        await applied(store, *every, *ready)
        assert await store.due(T0, 2, ["a"]) == ("x", "y")
        assert await store.due(T0, 9, ["b", "a"]) == ("x", "y")

    async def test_one_lanes_crowd_hides_no_other(self, store: Store) -> None:
        """Where hundreds are due in one lane, another's few are named within a small limit all the same."""
        await applied(store, *(placed(f"a-{number:03}", "a", ready=True) for number in range(150)))
        await applied(store, *(placed(f"b-{number:03}", "b", T0 - 9) for number in range(50)))
        await applied(store, placed("c-1", "c", ready=True), placed("c-0", "c", T0))
        assert await store.due(T0, 3, ["c", "a"]) == ("c-0", "c-1", "a-000")
        assert await store.due(T0, 2, ["c"]) == ("c-0", "c-1")

    async def test_a_run_can_change_its_lane(self, store: Store) -> None:
        """Its time and its decisions go with it, and nothing of it stays behind."""
        await applied(store, placed("x", "a", T0), placed("y", "a", ready=True))
        await applied(store, *(changes(runs=(run_row(run_id, 2, lane="b", due_at=at),)) for run_id, at in MOVED))
        assert await store.due(T0 + 1, 10, ["a"]) == ()
        assert await store.due(T0 + 1, 10, ["b"]) == ("x", "y")
        assert await store.next_due(0, ["a"]) is None
        assert await store.next_due(0, ["b"]) == T0
        assert [(await store.load(name)).run for name in ("x", "y")] == [
            run_row(name, 2, lane="b", due_at=at) for name, at in MOVED
        ]

    async def test_a_renewed_lease_counts_in_its_lane(self, store: Store) -> None:
        """From its new time on, whether it had one before; its lane stays."""
        await applied(store, placed("x", "a", T0), placed("y", "b"))
        await applied(store, changes(holds=(Hold("x", 1, T0 + 5),)), changes(holds=(Hold("y", 1, T0 + 7),)))
        assert await store.due(T0 + 4, 10, ["a", "b"]) == ()
        assert await store.due(T0 + 7, 10, ["a", "b"]) == ("x", "y")
        assert [await store.next_due(T0, [lane]) for lane in ("a", "b")] == [T0 + 5, T0 + 7]

    async def test_what_comes_next_is_after_now(self, store: Store) -> None:
        """Strictly, to the microsecond, of the lanes that are named or of all; no decision and no deadline counts."""
        assert await store.next_due(T0) is None
        await applied(store, placed("x", "a", T0), placed("y", "b", T0 + 2), placed("z", "b", T0 + 1, ready=True))
        await applied(store, changes(approvals=(approval_row("x", ready=True, deadline=T0 + 1),)))
        assert [await store.next_due(T0 + n) for n in range(-1, 3)] == [T0, T0 + 1, T0 + 2, None]
        assert [await store.next_due(T0 + n, ["b"]) for n in range(-1, 3)] == [T0 + 1, T0 + 1, T0 + 2, None]
        assert [await store.next_due(T0 + n, ["b", "a"]) for n in range(-1, 1)] == [T0, T0 + 1]
        assert await store.next_due(T0, ["a"]) is None

    async def test_a_forgotten_run_is_in_no_lane(self, store: Store) -> None:
        """Neither by its time nor by its decision."""
        await applied(store, placed("x", "a", T0, ready=True), placed("y", "a", T0 + 5))
        await applied(store, *(changes(forgotten=(Hold(name, 1),)) for name in ("x", "y")))
        assert await store.due(T0 + 9, 10, ["a"]) == ()
        assert await store.next_due(0, ["a"]) is None

    async def test_a_decision_without_a_run_is_in_no_lane(self, store: Store) -> None:
        """Not even in the one without a name; it counts once its run begins, in that one's lane."""
        await applied(store, changes(approvals=(approval_row("x", open=False, ready=True),)))
        assert await store.due(T0, 10, [""]) == ()
        await applied(store, placed("x", "a"))
        assert await store.due(T0, 10, ["a", ""]) == ("x",)

    async def test_times_beyond_exact_fractions_are_told_apart(self, store: Store) -> None:
        """By the microsecond, where a floating-point number could not tell any more."""
        far = 2**53 + 1
        await applied(store, placed("b", "a", far), placed("a", "a", far + 1), placed("c", "a", far - 1))
        assert await store.due(far, 10, ["a"]) == await store.due(far, 10) == ("c", "b")
        assert await store.due(far + 1, 2, ["a"]) == await store.due(far + 1, 2) == ("c", "b")
        assert await store.next_due(far, ["a"]) == await store.next_due(far) == far + 1

    @pytest.mark.parametrize("seed", range(4))
    async def test_it_names_what_a_plain_list_would(self, store: Store, seed: int) -> None:
        """Over random histories, for every lane and limit."""
        history = History(Random(seed))
        for _ in range(12):
            await applied(store, *(history.commit() for _ in range(12)))
            await _check(store, history)
        await applied(store, *(history.forgotten(run_id) for run_id in tuple(history.runs)))
        await _check(store, history)


MOVED = (("x", T0), ("y", None))


async def _check(store: Store, history: History) -> None:
    now = history.random.randrange(T0 - 1, T0 + 7)
    for lanes in _QUESTIONS:
        expected = tuple(history.due(now, lanes))
        for limit in (1, 2, 4, 50):
            assert await store.due(now, limit, lanes) == expected[:limit]
        assert await store.next_due(now, lanes) == history.next_due(now, lanes)
