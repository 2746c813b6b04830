"""Finding runs that somebody must look at."""

# ruff: noqa: S101  (tests assert, and numbers are what a test is about)

from __future__ import annotations

from awaitly.storage.store import Hold, Store
from awaitly.testing.rows import T0, approval_row, changes, run_row
from awaitly.testing.store_contract.page_runs import IN_ORDER
from awaitly.testing.store_contract.tools import applied, inserted

__all__ = ["DueFacts"]


class DueFacts:
    """What is due."""

    async def test_nothing_is_due_in_an_empty_store(self, store: Store) -> None:
        """No names."""
        assert await store.due(T0, 10) == ()

    async def test_a_run_is_due_from_its_time_on(self, store: Store) -> None:
        """At that very microsecond and later; not before."""
        await applied(store, changes(runs=(run_row(due_at=T0),)))
        assert await store.due(T0 - 1, 10) == ()
        assert await store.due(T0, 10) == ("run",)
        assert await store.due(T0 + 1, 10) == ("run",)

    async def test_a_run_without_a_time_is_never_due(self, store: Store) -> None:
        """Nor is one that lost its time with its next version."""
        await inserted(store, run_row("a"), run_row("b", due_at=T0))
        await applied(store, changes(runs=(run_row("b", 2),)))
        assert await store.due(T0 + 9, 10) == ()

    async def test_the_longest_due_comes_first(self, store: Store) -> None:
        """By `due_at`, to the microsecond, whatever the ids and the times of creation."""
        rows = (
            run_row("b", due_at=T0 + 1, created_at=T0 + 3),
            run_row("a", due_at=T0 + 2, created_at=T0 + 1),
            run_row("c", due_at=T0, created_at=T0 + 2),
        )
        await inserted(store, *rows)
        assert await store.due(T0 + 9, 10) == ("c", "b", "a")

    async def test_runs_due_at_one_moment_come_by_id(self, store: Store) -> None:
        """By code point, and a limit cuts between them."""
        await inserted(store, *(run_row(run_id, due_at=T0) for run_id in IN_ORDER[::2] + IN_ORDER[1::2]))
        assert await store.due(T0, 100) == IN_ORDER
        assert await store.due(T0, 4) == IN_ORDER[:4]

    async def test_those_with_a_decision_alone_come_last(self, store: Store) -> None:
        """By id, after all whose time has come, whether they have no time of their own or one that is still to come."""
        late = (run_row("z", due_at=T0), run_row("y", due_at=T0 - 1), run_row("e", due_at=T0 - 2))
        waiting = (run_row("c", due_at=T0 + 1), run_row("a", due_at=T0 + 9), run_row("d"), run_row("b"))
        ready = tuple(approval_row(name, ready=True) for name in ("a", "b", "c", "d", "e"))
        await inserted(store, *late, *waiting, *ready)
        assert await store.due(T0, 10) == ("e", "y", "z", "a", "b", "c", "d")
        assert await store.due(T0, 5) == ("e", "y", "z", "a", "b")

    async def test_an_approval_without_a_run_makes_nothing_due(self, store: Store) -> None:
        """Where no run stands under its id there is nothing to go on with."""
        await inserted(store, approval_row("gate", ready=True), run_row("run"), approval_row("run", ready=True))
        assert await store.due(T0, 10) == ("run",)

    async def test_due_gives_at_most_limit_runs(self, store: Store) -> None:
        """The longest due ones."""
        await inserted(store, *(run_row(f"run-{n}", due_at=T0 - n) for n in range(5)))
        assert await store.due(T0, 2) == ("run-4", "run-3")

    async def test_a_ready_approval_makes_its_run_due(self, store: Store) -> None:
        """Whether the run has no time of its own or one that is far off."""
        runs = (run_row("a"), run_row("b", due_at=T0 + 99), run_row("c"))
        approvals = (approval_row("a", open=False, ready=True), approval_row("b", open=False, ready=True))
        await inserted(store, *runs, *approvals, approval_row("c"))
        assert await store.due(T0, 10) == ("a", "b")

    async def test_an_approval_that_was_taken_up_makes_nothing_due(self, store: Store) -> None:
        """A run is due until its approval is ready no more."""
        await applied(store, changes(runs=(run_row(),), approvals=(approval_row(open=False, ready=True),)))
        assert await store.due(T0, 10) == ("run",)
        await applied(store, changes(approvals=(approval_row(version=2, open=False),)))
        assert await store.due(T0, 10) == ()

    async def test_a_run_is_due_once(self, store: Store) -> None:
        """Also where its time has come and it has two ready approvals."""
        approvals = (approval_row(key="a", ready=True), approval_row(key="b", ready=True))
        await applied(store, changes(runs=(run_row(due_at=T0),), approvals=approvals))
        assert await store.due(T0, 10) == ("run",)

    async def test_limit_counts_runs_and_not_their_approvals(self, store: Store) -> None:
        """Where each of three runs has two ready approvals, a limit of two gives two runs."""
        names = ("a", "b", "c")
        ready = tuple(approval_row(name, key, ready=True) for name in names for key in ("x", "y"))
        await inserted(store, *map(run_row, names), *ready)
        assert await store.due(T0, 2) == ("a", "b")

    async def test_a_renewing_hold_puts_a_run_off(self, store: Store) -> None:
        """A renewed lease is due at its new time."""
        await applied(store, changes(runs=(run_row(due_at=T0),)), changes(holds=(Hold("run", 1, T0 + 5),)))
        assert await store.due(T0 + 4, 10) == ()
        assert await store.due(T0 + 5, 10) == ("run",)

    async def test_a_forgotten_run_is_not_due(self, store: Store) -> None:
        """Neither by its time nor by its approvals."""
        ready = approval_row(open=False, ready=True)
        await applied(store, changes(runs=(run_row(due_at=T0),), approvals=(ready,)))
        await applied(store, changes(forgotten=(Hold("run", 1),)))
        assert await store.due(T0 + 9, 10) == ()

    async def test_lanes_come_in_the_given_order(self, store: Store) -> None:
        """All of the first, then all of the second, whatever their names and times; without lanes, all by time."""
        rows = (
            run_row("a", due_at=T0 - 1, lane="slow"),
            run_row("b", due_at=T0 - 2, lane="fast"),
            run_row("c", due_at=T0 - 3, lane="slow"),
            run_row("d", due_at=T0 - 4),
        )
        await inserted(store, *rows)
        assert await store.due(T0, 10, ["slow", "fast", ""]) == ("c", "a", "b", "d")
        assert await store.due(T0, 10, ("", "fast", "slow")) == ("d", "b", "c", "a")
        assert await store.due(T0, 10) == ("d", "c", "b", "a")

    async def test_a_lane_is_asked_about_alone(self, store: Store) -> None:
        """Names are compared to the letter; the lane `""` is one like any other."""
        lanes = ("", "fast", "Fast", "fast ", "fa", "fast:er")
        await inserted(store, *(run_row(f"in-{lane}", due_at=T0, lane=lane) for lane in lanes))
        for lane in lanes:
            assert await store.due(T0, 10, [lane]) == (f"in-{lane}",)
        assert await store.due(T0, 10, ["none"]) == ()

    async def test_no_lanes_name_nothing(self, store: Store) -> None:
        """An empty list is not the same as no list."""
        await inserted(store, run_row("a", due_at=T0), run_row("b"), approval_row("b", ready=True))
        assert await store.due(T0, 10, []) == ()
        assert await store.next_due(T0 - 1, []) is None

    async def test_a_decision_counts_in_its_runs_lane(self, store: Store) -> None:
        """Behind that lane's runs whose time has come, and ahead of the next lane; it may come before its run."""
        timely = (run_row("x", due_at=T0, lane="a"), run_row("y", due_at=T0, lane="b"))
        waiting = (run_row("m", lane="b"), run_row("n", due_at=T0 + 1, lane="a"), run_row("o", lane="a"), run_row("p"))
        ready = tuple(approval_row(name, ready=True) for name in ("m", "n", "o", "p", "x", "gate"))
        await inserted(store, *timely, *waiting, *ready)
        assert await store.due(T0, 10, ["a", "b"]) == ("x", "n", "o", "y", "m")
        assert await store.due(T0, 10, ["b"]) == ("y", "m")
        assert await store.due(T0, 10, [""]) == ("p",)
        await applied(store, changes(runs=(run_row("gate", lane="b"),)))
        assert await store.due(T0, 10, ["b"]) == ("y", "gate", "m")

    async def test_a_run_that_changes_lane_is_due_there(self, store: Store) -> None:
        """By its time and by its decision, and no longer where it was."""
        await inserted(store, run_row("a", due_at=T0, lane="old"), run_row("b", lane="old"))
        await inserted(store, approval_row("b", open=False, ready=True))
        await applied(store, *(changes(runs=(run_row(name, 2, lane="new"),)) for name in ("a", "b")))
        await applied(store, changes(runs=(run_row("a", 3, due_at=T0, lane="new"),)))
        assert await store.due(T0, 10, ["new"]) == ("a", "b")
        assert await store.due(T0, 10, ["old"]) == ()

    async def test_a_run_that_changes_lane_keeps_its_time(self, store: Store) -> None:
        """One commit moves it, with the `due_at` that it had."""
        await applied(store, changes(runs=(run_row(due_at=T0, lane="old"),)))
        await applied(store, changes(runs=(run_row(version=2, due_at=T0, lane="new"),)))
        assert await store.due(T0, 10, ["old"]) == ()
        assert await store.due(T0, 10, ["new"]) == ("run",)
        assert [await store.next_due(T0 - 1, [lane]) for lane in ("old", "new")] == [None, T0]

    async def test_limit_counts_over_lanes(self, store: Store) -> None:
        """It cuts within a lane, or between its times and its decisions, or between two lanes."""
        timely = (run_row("a", due_at=T0, lane="x"), run_row("b", due_at=T0, lane="x"), run_row("d", due_at=T0))
        await inserted(store, *timely, run_row("c", lane="x"), approval_row("c", ready=True))
        for limit in range(1, 5):
            assert await store.due(T0, limit, ["x", ""]) == ("a", "b", "c", "d")[:limit]

    async def test_a_renewing_hold_counts_in_its_lane(self, store: Store) -> None:
        """A renewed lease is due at its new time, in the lane where its run stands."""
        await applied(store, changes(runs=(run_row(due_at=T0, lane="a"),)), changes(holds=(Hold("run", 1, T0 + 5),)))
        assert await store.due(T0 + 4, 10, ["a"]) == ()
        assert await store.due(T0 + 5, 10, ["a"]) == ("run",)
        assert await store.due(T0 + 5, 10, [""]) == ()
        assert [await store.next_due(T0, lanes) for lanes in (None, ["a"], [""])] == [T0 + 5, T0 + 5, None]

    async def test_a_forgotten_run_is_due_in_no_lane(self, store: Store) -> None:
        """Neither now nor later; whoever uses its id again chooses a lane anew."""
        ready = approval_row(open=False, ready=True)
        await applied(store, changes(runs=(run_row(due_at=T0, lane="a"),), approvals=(ready,)))
        await applied(store, changes(forgotten=(Hold("run", 1),)))
        assert await store.due(T0, 10, ["a"]) == ()
        assert await store.next_due(T0 - 1, ["a"]) is None
        await applied(store, changes(runs=(run_row(due_at=T0, lane="b"),)))
        assert [await store.due(T0, 10, [lane]) for lane in ("a", "b")] == [(), ("run",)]

    async def test_the_next_time_is_the_earliest_to_come(self, store: Store) -> None:
        """After `now`, to the microsecond: what is due already does not count."""
        await inserted(store, *(run_row(f"run-{n}", due_at=T0 + n) for n in (5, 0, 2)), run_row("none"))
        assert [await store.next_due(T0 + n) for n in (-1, 0, 1, 2, 4)] == [T0, T0 + 2, T0 + 2, T0 + 5, T0 + 5]

    async def test_there_may_be_no_next_time(self, store: Store) -> None:
        """In an empty store, where no run has a time, and where none is still to come."""
        assert await store.next_due(T0) is None
        await inserted(store, run_row("a"), run_row("b", due_at=T0), run_row("c", lane="x"))
        assert await store.next_due(T0) is None
        assert await store.next_due(T0 - 1, ["x", "none"]) is None

    async def test_the_next_time_is_of_the_lanes_asked_about(self, store: Store) -> None:
        """The earliest over all of them, in whatever order they are named."""
        times = {"a": T0 + 3, "b": T0 + 1, "": T0 + 2}
        await inserted(store, *(run_row(f"in-{lane}", due_at=at, lane=lane) for lane, at in times.items()))
        for lane, at in times.items():
            assert await store.next_due(T0, [lane]) == at
        assert await store.next_due(T0, ["a", ""]) == await store.next_due(T0, ["", "a"]) == T0 + 2
        assert await store.next_due(T0) == T0 + 1

    async def test_the_next_time_is_that_of_a_run(self, store: Store) -> None:
        """No deadline of an approval is one, whether it waits, is ready or has no run."""
        open_one, ready = approval_row("a", deadline=T0 + 1), approval_row("b", ready=True, deadline=T0 + 2)
        await inserted(store, run_row("a"), run_row("b", due_at=T0 + 9), open_one, ready)
        await inserted(store, approval_row("gate", deadline=T0 + 3))
        assert await store.next_due(T0) == await store.next_due(T0, [""]) == T0 + 9
