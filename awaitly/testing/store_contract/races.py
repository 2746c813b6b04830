"""Many at once, over one open store."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from awaitly.result import Err, Ok, Result
from awaitly.storage.store import Changes, Conflict, Found, Store
from awaitly.testing.rows import T0, approval_row, changes, entry_row, notice_row, run_row, step_row
from awaitly.testing.store_contract.tools import applied, inserted, whole

__all__ = ["RaceFacts"]

MANY = 64


async def race(store: Store, *commits: Changes) -> list[Result[None, Conflict]]:
    """Make commits at the same time."""
    return await asyncio.gather(*(store.commit(commit) for commit in commits))


def winner(results: list[Result[None, Conflict]]) -> int:
    """Give the place of the only commit that was taken."""
    winners = [place for place, result in enumerate(results) if result == Ok(None)]
    losers = [result for result in results if isinstance(result, Err)]
    assert (len(winners), len(losers)) == (1, len(results) - 1)
    return winners[0]


def agrees(found: Found) -> bool:
    """Tell whether what was read is of one moment, given that commit n writes version, step and entry n together."""
    version = found.run.version if found.run else 0
    return len(found.steps) == version == (found.head.seq if found.head else 0)


class RaceFacts:
    """Commits and reads that overlap."""

    async def test_one_of_many_inserts_wins(self, store: Store) -> None:
        """Of 64 commits that insert the same run one is taken, and its row stands."""
        rows = [run_row(body=str(n)) for n in range(MANY)]
        won = winner(await race(store, *(changes(runs=(row,)) for row in rows)))
        assert (await store.load("run")).run == rows[won]

    async def test_one_of_many_swaps_wins(self, store: Store) -> None:
        """Of 64 commits that swap the same run one is taken, and its row stands."""
        await applied(store, changes(runs=(run_row(),)))
        rows = [run_row(version=2, body=str(n)) for n in range(MANY)]
        won = winner(await race(store, *(changes(runs=(row,)) for row in rows)))
        assert (await store.load("run")).run == rows[won]

    async def test_one_of_many_decisions_wins(self, store: Store) -> None:
        """Of 64 commits that swap the same approval one is taken, with its ledger entry."""
        await applied(store, changes(approvals=(approval_row(),), entries=(entry_row(),)))
        decisions = [approval_row(version=2, open=False, ready=True, body=str(n)) for n in range(MANY)]
        entries = [entry_row(seq=2, body=str(n)) for n in range(MANY)]
        commits = (changes(approvals=(a,), entries=(e,)) for a, e in zip(decisions, entries, strict=True))
        won = winner(await race(store, *commits))
        found = await store.load("run")
        assert (found.approvals, found.head) == ((decisions[won],), entries[won])

    async def test_one_of_many_takes_a_notice(self, store: Store) -> None:
        """Of 64 commits that take the same notice one is taken, so that one of many workers sends it."""
        await applied(store, changes(notices=(notice_row(),)))
        rows = [notice_row(version=2, due_at=T0 + n) for n in range(MANY)]
        won = winner(await race(store, *(changes(notices=(row,)) for row in rows)))
        assert await store.notices("run") == (rows[won],)

    async def test_one_of_many_records_of_a_step_wins(self, store: Store) -> None:
        """Of 64 commits that record the same step one is taken, and its record stands."""
        steps = [step_row(body=str(n)) for n in range(MANY)]
        won = winner(await race(store, *(changes(steps=(step,)) for step in steps)))
        assert (await store.load("run")).steps == (steps[won],)

    async def test_commits_of_different_runs_all_apply(self, store: Store) -> None:
        """64 commits at once that have nothing to do with each other are all taken, each whole."""
        names = [f"run-{n}" for n in range(MANY)]
        commits = [
            changes(runs=(run_row(name),), steps=(step_row(name),), entries=(entry_row(name),)) for name in names
        ]
        assert await race(store, *commits) == [Ok(None)] * MANY
        found = await whole(store, *names)
        assert all(agrees(found[name][0]) and found[name][0].run for name in names)

    async def test_a_conflict_does_not_spoil_commits_beside_it(self, store: Store) -> None:
        """Of commits made at once those in order are taken and those not in order are refused, each by itself."""
        await inserted(store, *(step_row(f"bad-{n}") for n in range(8)))
        good = [changes(runs=(run_row(f"run-{n}"),)) for n in range(8)]
        bad = [changes(runs=(run_row(f"bad-{n}"),), steps=(step_row(f"bad-{n}"),)) for n in range(8)]
        results = await race(store, *(commit for pair in zip(good, bad, strict=True) for commit in pair))
        assert results[::2] == [Ok(None)] * 8
        assert all(isinstance(result, Err) for result in results[1::2])
        found = await whole(store, *(f"run-{n}" for n in range(8)), *(f"bad-{n}" for n in range(8)))
        assert [name for name, (row, *_) in found.items() if row.run] == [f"run-{n}" for n in range(8)]

    async def test_conflicts_made_at_once_name_their_own_runs(self, store: Store) -> None:
        """Of commits made at once, each conflict names the run of its own commit."""
        names = [f"run-{n}" for n in range(MANY)]
        await inserted(store, *map(run_row, names[::2]))
        results = await race(store, *(changes(runs=(run_row(name),)) for name in names))
        assert [result.failure().run_id for result in results if isinstance(result, Err)] == names[::2]

    async def test_load_is_of_one_moment(self, store: Store) -> None:
        """Whoever reads while commits are made sees each commit whole or not at all."""
        commits = [
            changes(runs=(run_row(version=n),), steps=(step_row(key=str(n)),), entries=(entry_row(seq=n),))
            for n in range(1, 33)
        ]
        writer = asyncio.create_task(applied(store, *commits))
        seen = [await store.load("run")]
        while not writer.done():
            seen.extend(await asyncio.gather(*(store.load("run") for _ in range(4))))
        await writer
        assert all(agrees(found) for found in seen)
        assert agrees(await store.load("run"))

    @pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13])
    async def test_a_cancelled_commit_is_not_half_made(self, store: Store, turns: int) -> None:
        """A task that is cancelled in a commit leaves all of it or nothing, and the store goes on."""
        commit = changes(
            runs=(run_row(due_at=T0),), steps=(step_row(),), approvals=(approval_row(),), entries=(entry_row(),)
        )
        task = asyncio.create_task(store.commit(commit))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await applied(store, changes(runs=(run_row("next"),)))
        found = await store.load("run")
        parts = (found.run, found.steps, found.approvals, found.head)
        assert parts in ((run_row(due_at=T0), (step_row(),), (approval_row(),), entry_row()), (None, (), (), None))
        assert (await store.load("next")).run == run_row("next")

    async def test_a_cancelled_reader_disturbs_nobody(self, store: Store) -> None:
        """A task that is cancelled while it reads leaves the store in working order."""
        await applied(store, changes(runs=(run_row(),)))
        readers = [asyncio.create_task(store.load("run")) for _ in range(8)]
        await asyncio.sleep(0)
        for reader in readers[::2]:
            reader.cancel()
        found = await asyncio.gather(*readers, return_exceptions=True)
        assert all(isinstance(each, Found) and each.run == run_row() for each in found[1::2])
        assert (await store.load("run")).run == run_row()
