"""What a commit does when a condition does not hold: nothing at all."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import pytest

from awaitly.store import Changes, Hold, Store
from awaitly.testing.rows import T0, approval_row, changes, entry_row, run_row, step_row
from awaitly.testing.store_contract.tools import applied, refused, whole, with_both

__all__ = ["ConflictFacts"]

BEFORE = changes(
    runs=(run_row("taken", 1, due_at=T0), run_row("good", due_at=T0), run_row("held", due_at=T0), run_row("leaving")),
    steps=(step_row("taken"), step_row("good", "old"), step_row("leaving")),
    approvals=(approval_row("taken"), approval_row("good"), approval_row("leaving")),
    entries=(entry_row("taken"), entry_row("good"), entry_row("leaving")),
)
"""What stands in the store before each of the commits below."""

GOOD = changes(
    runs=(run_row("good", 2, status="done"), run_row("new")),
    holds=(Hold("held", 1, T0 + 99),),
    dropped=(("good", "old"),),
    steps=(step_row("good", "next"),),
    approvals=(approval_row("good", version=2, open=False), approval_row("good", "cfo")),
    entries=(entry_row("good", 2), entry_row("good", 3)),
    forgotten=(Hold("leaving", 1),),
)
"""A commit that would be taken, with every part there is."""

IDS = ("taken", "good", "held", "leaving", "new", "missing")

BAD = {
    "run-exists": changes(runs=(run_row("taken", 1),)),
    "run-behind": changes(runs=(run_row("taken", 3),)),
    "run-missing": changes(runs=(run_row("missing", 2),)),
    "hold-behind": changes(holds=(Hold("taken", 2),)),
    "hold-missing": changes(holds=(Hold("missing", 1),)),
    "hold-renewing": changes(holds=(Hold("taken", 2, T0 + 77),)),
    "step-exists": changes(steps=(step_row("taken", body='"other"'),)),
    "approval-exists": changes(approvals=(approval_row("taken"),)),
    "approval-behind": changes(approvals=(approval_row("taken", version=3),)),
    "approval-missing": changes(approvals=(approval_row("missing", version=2),)),
    "entry-exists": changes(entries=(entry_row("taken", 1, '"other"'),)),
    "forgotten-behind": changes(forgotten=(Hold("taken", 2),)),
    "forgotten-missing": changes(forgotten=(Hold("missing", 1),)),
}
"""One for each condition: all of them are about the runs `taken` and `missing`."""

each_condition = pytest.mark.parametrize("bad", list(BAD.values()), ids=list(BAD))


class ConflictFacts:
    """Commits that are refused."""

    @each_condition
    async def test_a_broken_condition_is_a_conflict(self, store: Store, bad: Changes) -> None:
        """The conflict names the run, and says in words what was in the way."""
        await applied(store, BEFORE)
        conflict = await refused(store, bad)
        assert conflict.run_id in {"taken", "missing"}
        assert conflict.what

    @each_condition
    async def test_a_conflict_after_good_parts_leaves_everything(self, store: Store, bad: Changes) -> None:
        """Where the condition that fails comes last, nothing of what comes before it is applied."""
        await applied(store, BEFORE)
        before = await whole(store, *IDS)
        await refused(store, with_both(GOOD, bad))
        assert await whole(store, *IDS) == before

    @each_condition
    async def test_a_conflict_before_good_parts_leaves_everything(self, store: Store, bad: Changes) -> None:
        """Where the condition that fails comes first, nothing of what comes after it is applied."""
        await applied(store, BEFORE)
        before = await whole(store, *IDS)
        await refused(store, with_both(bad, GOOD))
        assert await whole(store, *IDS) == before

    async def test_a_store_goes_on_after_a_conflict(self, store: Store) -> None:
        """A commit that is in order is taken right after one that was refused, and all of it is applied."""
        await applied(store, BEFORE)
        await refused(store, with_both(GOOD, BAD["forgotten-missing"]))
        await applied(store, GOOD)
        found = await whole(store, "good", "new")
        assert found["good"][0].run == run_row("good", 2, status="done")
        assert found["new"][0].run == run_row("new")

    async def test_a_conflict_names_the_run_at_fault(self, store: Store) -> None:
        """Among several runs, the conflict names the one whose condition does not hold."""
        await applied(store, BEFORE)
        conflict = await refused(store, changes(runs=(run_row("good", 2), run_row("taken", 7), run_row("held", 2))))
        assert conflict.run_id == "taken"

    async def test_a_recorded_step_stays(self, store: Store) -> None:
        """The first write of a step wins, whatever the second one says."""
        await applied(store, changes(runs=(run_row(),), steps=(step_row(body='"first"'),)))
        await refused(store, changes(runs=(run_row(version=2),), steps=(step_row(body='"second"'),)))
        assert (await store.load("run")).steps == (step_row(body='"first"'),)

    async def test_the_same_step_again_is_a_conflict(self, store: Store) -> None:
        """Even word for word: a store does not compare what steps say."""
        await applied(store, changes(runs=(run_row(),), steps=(step_row(),)))
        await refused(store, changes(steps=(step_row(),)))

    async def test_a_recorded_entry_stays(self, store: Store) -> None:
        """An entry is never overwritten."""
        await applied(store, changes(entries=(entry_row(body='"first"'),)))
        await refused(store, changes(entries=(entry_row(body='"second"'),)))
        assert await store.entries("run") == (entry_row(body='"first"'),)

    async def test_the_second_entry_of_a_commit_counts_too(self, store: Store) -> None:
        """An entry that exists already is a conflict where it is not the first of its commit."""
        await applied(store, changes(entries=(entry_row(seq=1), entry_row(seq=2))))
        await refused(store, changes(entries=(entry_row(seq=3), entry_row(seq=2))))
        assert await store.entries("run") == (entry_row(seq=1), entry_row(seq=2))

    async def test_a_step_twice_in_one_commit_is_a_conflict(self, store: Store) -> None:
        """A key is unique within a commit as it is over several."""
        await applied(store, changes(runs=(run_row(),)))
        await refused(store, changes(steps=(step_row(body="1"), step_row(body="2"))))
        assert (await store.load("run")).steps == ()

    async def test_an_entry_twice_in_one_commit_is_a_conflict(self, store: Store) -> None:
        """A number is unique within a commit as it is over several."""
        await refused(store, changes(entries=(entry_row(body="1"), entry_row(body="2"))))
        assert await store.entries("run") == ()

    async def test_a_swap_for_the_same_version_is_a_conflict(self, store: Store) -> None:
        """A writer that lost a race, and so writes a version that exists, is refused."""
        await applied(store, changes(runs=(run_row(),)), changes(runs=(run_row(version=2, body='"winner"'),)))
        await refused(store, changes(runs=(run_row(version=2, body='"loser"'),)))
        assert (await store.load("run")).run == run_row(version=2, body='"winner"')

    async def test_an_approval_for_the_same_version_is_a_conflict(self, store: Store) -> None:
        """A second decision on the same version is refused, and the first stays."""
        winner = approval_row(version=2, open=False, ready=True, body='"winner"')
        await applied(store, changes(approvals=(approval_row(),)), changes(approvals=(winner,)))
        await refused(store, changes(approvals=(approval_row(version=2, body='"loser"'),)))
        assert (await store.load("run")).approvals == (winner,)

    async def test_a_hold_at_an_old_version_is_a_conflict(self, store: Store) -> None:
        """A worker that held version 1 may not write once the run is at version 2."""
        await applied(store, changes(runs=(run_row(),)), changes(runs=(run_row(version=2),)))
        await refused(store, changes(holds=(Hold("run", 1),), steps=(step_row(),)))
        assert (await store.load("run")).steps == ()
