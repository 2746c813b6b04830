"""Finding runs that somebody must look at."""

# ruff: noqa: S101  (tests assert, and numbers are what a test is about)

from __future__ import annotations

from awaitly.store import Hold, Store
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
