"""Runs do not reach into each other, however alike their names."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import pytest

from awaitly.storage.store import Hold, Store
from awaitly.testing.rows import approval_row, changes, entry_row, notice_row, run_row, step_row
from awaitly.testing.store_contract.tools import Row, applied, inserted, whole

__all__ = ["ApartFacts"]

ALIKE = {
    "longer": ("run", "run2"),
    "case": ("run", "RUN"),
    "percent": ("r%", "run"),
    "underscore": ("r_n", "run"),
    "star": ("r*", "run"),
    "question-mark": ("r?n", "run"),
    "bracket": ("r[u]n", "run"),
    "blank": ("run", "run "),
    "accent": ("caf\u00e9", "cafe"),
    "composed-and-not": ("caf\u00e9", "cafe\u0301"),
    "width": ("run", "\uff52\uff55\uff4e"),
    "beyond-the-bmp": ("\U0001f600", "\U0001f601"),
    "number": ("1", "01"),
}


def beside(run_id: str) -> tuple[Row, ...]:
    """Give a row of each kind that may stand under an id, save the run's own."""
    return step_row(run_id), approval_row(run_id), notice_row(run_id), entry_row(run_id)


each_pair = pytest.mark.parametrize(("one", "other"), list(ALIKE.values()), ids=list(ALIKE))


class ApartFacts:
    """Several runs in one store."""

    async def test_the_same_approval_key_in_two_runs_is_two_approvals(self, store: Store) -> None:
        """A decision in one run does not touch the other's approval of the same key."""
        await inserted(store, approval_row("a"), approval_row("b"))
        decided = approval_row("a", version=2, open=False, ready=True)
        await applied(store, changes(approvals=(decided,)))
        assert (await store.load("a")).approvals == (decided,)
        assert (await store.load("b")).approvals == (approval_row("b"),)

    async def test_the_same_step_key_in_two_runs_is_two_steps(self, store: Store) -> None:
        """Each run has its own record of a step."""
        await inserted(store, step_row("a", body="1"), step_row("b", body="2"))
        assert (await store.load("a")).steps == (step_row("a", body="1"),)
        assert (await store.load("b")).steps == (step_row("b", body="2"),)

    async def test_the_same_notice_key_in_two_runs_is_two_notices(self, store: Store) -> None:
        """One that was sent leaves the other as it is."""
        await inserted(store, notice_row("a"), notice_row("b"))
        sent = notice_row("a", version=2, due_at=None)
        await applied(store, changes(notices=(sent,)))
        assert await store.notices("a") == (sent,)
        assert await store.notices("b") == (notice_row("b"),)

    async def test_each_run_has_its_own_ledger(self, store: Store) -> None:
        """Entry 1 of one run is not entry 1 of another."""
        await inserted(store, entry_row("a"), entry_row("b"), entry_row("b", 2))
        assert await store.entries("a") == (entry_row("a"),)
        assert await store.entries("b") == (entry_row("b"), entry_row("b", 2))

    @pytest.mark.parametrize("mark", [":", "/", "|", ",", "#", "-", ".", " ", "{", "}"])
    async def test_run_and_key_are_not_run_together(self, store: Store, mark: str) -> None:
        """Run `a` with key `b:c` is not run `a:b` with key `c`, whatever stands between them."""
        one, other = ("a", f"b{mark}c"), (f"a{mark}b", "c")
        await applied(
            store, changes(steps=(step_row(*one),), approvals=(approval_row(*one),), notices=(notice_row(*one),))
        )
        beside = changes(steps=(step_row(*other),), approvals=(approval_row(*other),), notices=(notice_row(*other),))
        await applied(store, beside)
        assert (await store.load("a")).approvals == (approval_row(*one),)
        assert (await store.load(f"a{mark}b")).steps == (step_row(*other),)
        assert await store.notices("a") == (notice_row(*one),)

    @each_pair
    async def test_alike_ids_are_different_runs(self, store: Store, one: str, other: str) -> None:
        """Ids are compared to the letter: nothing is folded, trimmed or taken as a pattern."""
        for run_id in (one, other):
            await inserted(store, run_row(run_id, body=run_id), *beside(run_id))
        assert (await store.load(one)).run == run_row(one, body=one)
        assert (await store.load(other)).run == run_row(other, body=other)

    @each_pair
    async def test_forgotten_leaves_alike_ids_alone(self, store: Store, one: str, other: str) -> None:
        """Forgetting a run deletes nothing of a run whose id looks like its own."""
        for run_id in (one, other):
            await inserted(store, run_row(run_id), *beside(run_id))
        before = await whole(store, other)
        await applied(store, changes(forgotten=(Hold(one, 1),)))
        assert await whole(store, other) == before

    @each_pair
    async def test_forgotten_without_a_run_leaves_alike_ids_alone(self, store: Store, one: str, other: str) -> None:
        """The same at version 0, for what is kept under an id that has no run."""
        for run_id in (one, other):
            await inserted(store, *beside(run_id))
        before = await whole(store, other)
        await applied(store, changes(forgotten=(Hold(one, 0),)))
        assert await whole(store, other) == before

    @each_pair
    async def test_alike_keys_are_different(self, store: Store, one: str, other: str) -> None:
        """Keys of steps, approvals and notices are compared to the letter too."""
        for key in (one, other):
            await inserted(store, step_row(key=key), approval_row(key=key), notice_row(key=key))
        await applied(store, changes(dropped=(("run", one),)))
        found = await store.load("run")
        assert found.steps == (step_row(key=other),)
        assert {row.key for row in found.approvals} == {one, other}
        assert {row.key for row in await store.notices("run")} == {one, other}
