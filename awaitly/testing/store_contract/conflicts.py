"""What a commit does when a condition does not hold: nothing at all."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import pytest
from attrs import evolve

from awaitly.storage.store import Changes, Hold, Store
from awaitly.testing.rows import T0, approval_row, changes, entry_row, notice_row, run_row, step_row
from awaitly.testing.store_contract.tools import applied, inserted, refused, whole, with_both

__all__ = ["ConflictFacts"]

ALONE = (
    *(step_row("gate"), step_row("gate", "old")),
    *(approval_row("gate"), approval_row("gate", "taken")),
    *(notice_row("gate"), notice_row("gate", "taken")),
    entry_row("gate"),
)
"""What stands under the id `gate`, which has no run."""

BEFORE = (run_row(due_at=T0), *(evolve(row, run_id="run") for row in ALONE), *ALONE)
"""What stands in the store before each of the commits below: the same under `run`, with a run of version 1."""


def good_beside(run_id: str) -> Changes:
    """Make a commit that would be taken, with every part there is but the run's row."""
    return changes(
        dropped=((run_id, "old"),),
        steps=(step_row(run_id, "next"), step_row(run_id, "old", '"anew"')),
        approvals=(approval_row(run_id, version=2, open=False, ready=True), approval_row(run_id, "cfo")),
        notices=(notice_row(run_id, version=2, due_at=None), notice_row(run_id, "2 mail")),
        entries=(entry_row(run_id, 2), entry_row(run_id, 3)),
        redacted=(evolve(entry_row("gate", body='"redacted"'), run_id=run_id),),
    )


GOOD_ROW = {
    "swap": changes(runs=(run_row(version=2, status="done"),)),
    "hold": changes(holds=(Hold("run", 1, T0 + 99),)),
    "forget": changes(forgotten=(Hold("run", 1),)),
    "insert": changes(runs=(run_row("gate"),)),
    "forget-alone": changes(forgotten=(Hold("gate", 0),)),
}
"""What a commit may do to the row of `run`, or of `gate`."""

BAD_ROW = {
    "run-exists": changes(runs=(run_row(),)),
    "run-behind": changes(runs=(run_row(version=3),)),
    "run-missing": changes(runs=(run_row("gate", 2),)),
    "hold-behind": changes(holds=(Hold("run", 2),)),
    "hold-missing": changes(holds=(Hold("gate", 1),)),
    "hold-nothing": changes(holds=(Hold("gate", 0),)),
    "hold-renewing": changes(holds=(Hold("run", 2, T0 + 77),)),
    "hold-renewing-missing": changes(holds=(Hold("gate", 1, T0 + 77),)),
    "forgotten-behind": changes(forgotten=(Hold("run", 2),)),
    "forgotten-missing": changes(forgotten=(Hold("gate", 1),)),
    "forgotten-exists": changes(forgotten=(Hold("run", 0),)),
}
"""One for each condition about a run's row."""


def bad_beside(run_id: str) -> dict[str, Changes]:
    """Make one for each condition about what stands beside a run's row."""
    return {
        "step-exists": changes(steps=(step_row(run_id, body='"other"'),)),
        "approval-exists": changes(approvals=(approval_row(run_id, "taken"),)),
        "approval-behind": changes(approvals=(approval_row(run_id, "taken", 3),)),
        "approval-missing": changes(approvals=(approval_row(run_id, "missing", 2),)),
        "notice-exists": changes(notices=(notice_row(run_id, "taken"),)),
        "notice-behind": changes(notices=(notice_row(run_id, "taken", 3),)),
        "notice-missing": changes(notices=(notice_row(run_id, "missing", 2),)),
        "entry-exists": changes(entries=(entry_row(run_id, 1, '"other"'),)),
        "redacted-missing": changes(redacted=(entry_row(run_id, 9),)),
        "redacted-other-hash": changes(redacted=(evolve(entry_row(run_id), hash=entry_row(run_id, 9).hash),)),
    }


BAD = BAD_ROW | bad_beside("run") | {f"{name}-alone": bad for name, bad in bad_beside("gate").items()}

MIXED = {
    **{name: (good_beside(bad.run_id), bad) for name, bad in BAD.items()},
    **{
        f"{name}-and-{kind}": (with_both(row, good_beside(row.run_id)), bad)
        for kind, row in GOOD_ROW.items()
        for name, bad in bad_beside(row.run_id).items()
    },
}
"""Good parts of a commit, and one that does not hold: the run's row is named in one of the two at most."""

each_condition = pytest.mark.parametrize("bad", list(BAD.values()), ids=list(BAD))
each_mixture = pytest.mark.parametrize(("good", "bad"), list(MIXED.values()), ids=list(MIXED))


class ConflictFacts:
    """Commits that are refused."""

    @each_condition
    async def test_a_broken_condition_is_a_conflict(self, store: Store, bad: Changes) -> None:
        """The conflict names the run, and says in words what was in the way."""
        await inserted(store, *BEFORE)
        conflict = await refused(store, bad)
        assert conflict.run_id == bad.run_id
        assert conflict.what

    @each_mixture
    async def test_a_conflict_after_good_parts_leaves_everything(
        self, store: Store, good: Changes, bad: Changes
    ) -> None:
        """Where the condition that fails comes last, nothing of what comes before it is applied."""
        await inserted(store, *BEFORE)
        before = await whole(store, "run", "gate")
        await refused(store, with_both(good, bad))
        assert await whole(store, "run", "gate") == before

    @each_mixture
    async def test_a_conflict_before_good_parts_leaves_everything(
        self, store: Store, good: Changes, bad: Changes
    ) -> None:
        """Where the condition that fails comes first, nothing of what comes after it is applied."""
        await inserted(store, *BEFORE)
        before = await whole(store, "run", "gate")
        await refused(store, with_both(bad, good))
        assert await whole(store, "run", "gate") == before

    @pytest.mark.parametrize("row", list(GOOD_ROW.values()), ids=list(GOOD_ROW))
    async def test_a_store_goes_on_after_a_conflict(self, store: Store, row: Changes) -> None:
        """The same parts without the condition that failed are taken right after."""
        await inserted(store, *BEFORE)
        good = with_both(row, good_beside(row.run_id))
        await refused(store, with_both(good, bad_beside(row.run_id)["entry-exists"]))
        await applied(store, good)
        steps = [step.key for step in (await store.load(row.run_id)).steps]
        assert steps == ([] if row.forgotten else ["pay", "next", "old"])

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
