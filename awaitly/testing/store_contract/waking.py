"""The contract of stores that tell other processes of commits: `Waking`."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Protocol

import pytest
from attrs import evolve

from awaitly.exceptions import StoreUnavailable
from awaitly.result import Ok
from awaitly.storage.store import Changes, Hold, Store, Wakes, Waking
from awaitly.testing.rows import T0, approval_row, changes, entry_row, notice_row, run_row, step_row
from awaitly.testing.store_contract.tools import applied, inserted, refused

__all__ = ["WakingContract", "WakingStore", "heard"]

MANY = 64

PARTS = {
    "run": changes(runs=(run_row(version=2),)),
    "hold": changes(holds=(Hold("run", 1),)),
    "renewing-hold": changes(holds=(Hold("run", 1, T0),)),
    "drop": changes(dropped=(("run", "pay"),)),
    "step": changes(steps=(step_row(key="next"),)),
    "approval": changes(approvals=(approval_row(version=2, open=False, ready=True),)),
    "notice": changes(notices=(notice_row(version=2, due_at=None),)),
    "entry": changes(entries=(entry_row(seq=2),)),
    "redacted": changes(redacted=(entry_row(),)),
    "forgotten": changes(forgotten=(Hold("run", 1),)),
}
"""Commits of one part each."""

IDS = ("run", "RUN", "run ", "a,b", "a:b", "it's", '"a"', "a\\b", "{a}", "caf\u00e9", "cafe\u0301", "\U0001f600" * 200)
"""To be told to the letter; the last is as long as an id may be."""


class WakingStore(Store, Waking, Protocol):
    """A store that tells of commits."""


def woken(commit: Changes) -> Changes:
    """Make a commit one that is told."""
    return evolve(commit, wakes=True)


def new(run_id: str) -> Changes:
    """Make a commit that inserts a run and is told."""
    return changes(runs=(run_row(run_id),), wakes=True)


async def heard(wakes: Wakes, *run_ids: str, patience: float) -> set[str]:
    """Listen until all of these runs were told, and give all that was; fail where that takes longer than `patience`."""
    told: set[str] = set()
    try:
        async with asyncio.timeout(patience):
            while not told.issuperset(run_ids):
                told |= await wakes.next(2 * patience)
                await asyncio.sleep(0)  # lets the time pass, should `next` never wait
    except TimeoutError:
        pytest.fail(f"not told of {sorted(set(run_ids) - told)} within {patience} s, only of {sorted(told)}")
    return told


class WakingContract:
    """What a store does that is `Waking`, beside what every store must do.

    Subclass it and override two fixtures: `store` yields an open store without rows, `another` a second open store
    over the same data, as another process would have it. For a store in memory both are the same object.
    """

    pytestmark = pytest.mark.asyncio

    patience: ClassVar[float] = 20.0
    """How many seconds a wake-up may take on a machine that is busy with other things."""

    if not TYPE_CHECKING:  # a fixture that overrides one of these may be async and take any parameters

        @pytest.fixture
        def store(self) -> WakingStore:
            """Override: yield an open store without rows."""
            pytest.fail("override the fixture `store`: it yields an open store without rows")

        @pytest.fixture
        def another(self) -> WakingStore:
            """Override: yield a second open store over the same data."""
            pytest.fail("override the fixture `another`: it yields a second open store over the same data")

    async def test_a_commit_with_wakes_is_told(self, store: WakingStore, another: WakingStore) -> None:
        """A listener at another store over the same data hears the id of its run."""
        async with another.listening() as wakes:
            await applied(store, new("run"))
            assert await heard(wakes, "run", patience=self.patience) == {"run"}

    async def test_a_store_hears_its_own_commits(self, store: WakingStore) -> None:
        """Who waits and who decides may share one store."""
        async with store.listening() as wakes:
            await applied(store, new("run"))
            assert await heard(wakes, "run", patience=self.patience) == {"run"}

    async def test_who_waits_is_woken(self, store: WakingStore, another: WakingStore) -> None:
        """A `next` that is under way ends as soon as there is something to tell."""
        async with another.listening() as wakes:
            waiting = asyncio.create_task(heard(wakes, "run", patience=self.patience))
            await asyncio.sleep(0)
            await applied(store, new("run"))
            assert await waiting == {"run"}

    @pytest.mark.parametrize("commit", list(PARTS.values()), ids=list(PARTS))
    async def test_any_part_can_wake(self, store: WakingStore, another: WakingStore, commit: Changes) -> None:
        """What a commit changes does not matter, only that it `wakes`."""
        await inserted(store, run_row(), step_row(), approval_row(), notice_row(), entry_row())
        async with another.listening() as wakes:
            await applied(store, woken(commit))
            assert await heard(wakes, "run", patience=self.patience) == {"run"}

    async def test_what_is_told_stands(self, store: WakingStore, another: WakingStore) -> None:
        """Whoever looks once it is told finds what was committed."""
        async with another.listening() as wakes:
            commit = asyncio.create_task(store.commit(new("run")))
            await heard(wakes, "run", patience=self.patience)
            found = await another.load("run")
            assert (found.run, await commit) == (run_row(), Ok(None))

    async def test_a_commit_without_wakes_tells_nothing(self, store: WakingStore, another: WakingStore) -> None:
        """One that is told comes after it, and is all that is heard."""
        async with another.listening() as wakes:
            await applied(store, changes(runs=(run_row("quiet"),)), new("loud"))
            assert await heard(wakes, "loud", patience=self.patience) == {"loud"}

    async def test_a_conflict_tells_nothing(self, store: WakingStore, another: WakingStore) -> None:
        """What was refused has not happened."""
        await inserted(store, run_row("taken"))
        async with another.listening() as wakes:
            await refused(store, new("taken"))
            await applied(store, new("run"))
            assert await heard(wakes, "run", patience=self.patience) == {"run"}

    async def test_several_are_gathered(self, store: WakingStore, another: WakingStore) -> None:
        """None is lost of those that were told while nobody asked, whether together or one after the other."""
        names = [f"run-{n}" for n in range(MANY)]
        async with another.listening() as wakes:
            await asyncio.gather(*(applied(store, new(name)) for name in names[::2]))
            await applied(store, *map(new, names[1::2]))
            assert await heard(wakes, *names, patience=self.patience) == set(names)

    async def test_ids_are_told_to_the_letter(self, store: WakingStore, another: WakingStore) -> None:
        """Long ones, and those with marks that mean something elsewhere."""
        async with another.listening() as wakes:
            await applied(store, *map(new, IDS))
            assert await heard(wakes, *IDS, patience=self.patience) == set(IDS)

    @pytest.mark.parametrize("timeout", [0.0, 0.01])
    async def test_a_timeout_gives_nothing(self, another: WakingStore, timeout: float) -> None:
        """`next` then gives no run."""
        async with another.listening() as wakes, asyncio.timeout(self.patience):
            assert await wakes.next(timeout) == frozenset()

    @pytest.mark.parametrize("timeout", [0.0, 0.01])
    async def test_a_timeout_does_not_end_listening(
        self, store: WakingStore, another: WakingStore, timeout: float
    ) -> None:
        """What is committed after one is told by the next call."""
        async with another.listening() as wakes:
            await wakes.next(timeout)
            await applied(store, new("run"))
            assert await heard(wakes, "run", patience=self.patience) == {"run"}

    async def test_a_cancelled_wait_does_not_end_listening(self, store: WakingStore, another: WakingStore) -> None:
        """What is committed after a `next` was cancelled is told by the next call."""
        async with another.listening() as wakes:
            waiting = asyncio.create_task(wakes.next(self.patience))
            await asyncio.sleep(0)
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting
            await applied(store, new("run"))
            assert await heard(wakes, "run", patience=self.patience) == {"run"}

    async def test_two_listeners_both_hear(self, store: WakingStore, another: WakingStore) -> None:
        """Each by itself, at the same store and at different ones."""
        async with store.listening() as first, another.listening() as second, another.listening() as third:
            await applied(store, new("run"))
            for wakes in (first, second, third):
                assert await heard(wakes, "run", patience=self.patience) == {"run"}

    async def test_a_listener_outlives_the_one_beside_it(self, store: WakingStore, another: WakingStore) -> None:
        """Who leaves takes nothing from who stays."""
        async with another.listening() as staying:
            async with another.listening():
                pass
            await applied(store, new("run"))
            assert await heard(staying, "run", patience=self.patience) == {"run"}

    async def test_one_can_listen_again(self, store: WakingStore, another: WakingStore) -> None:
        """After leaving, and what was told meanwhile, to nobody, does no harm."""
        async with another.listening():
            pass
        await applied(store, new("meanwhile"))
        async with another.listening() as wakes:
            await applied(store, new("run"))
            assert await heard(wakes, "run", patience=self.patience) >= {"run"}

    async def test_leaving_leaves_no_task(self, store: WakingStore, another: WakingStore) -> None:
        """Whatever a listener started has ended once it was left."""
        before = asyncio.all_tasks()
        async with another.listening() as wakes:
            await applied(store, new("run"))
            await heard(wakes, "run", patience=self.patience)
        assert asyncio.all_tasks() <= before

    async def test_an_exception_leaves_no_task(self, another: WakingStore) -> None:
        """The same where the body raises, and what it raised comes out."""
        before = asyncio.all_tasks()
        with pytest.raises(LookupError, match="mine"):
            async with another.listening():
                raise LookupError("mine")
        assert asyncio.all_tasks() <= before

    async def test_a_cancelled_listener_leaves_no_task(self, another: WakingStore) -> None:
        """The same where a task is cancelled that waits."""
        before, entered = asyncio.all_tasks(), asyncio.Event()

        async def listen() -> None:
            async with another.listening() as wakes:
                entered.set()
                await wakes.next(2 * self.patience)

        task = asyncio.create_task(listen())
        await asyncio.wait({task, asyncio.create_task(entered.wait())}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() <= before

    async def test_a_closed_store_cannot_listen(self, another: WakingStore) -> None:
        """As it can do nothing else."""
        await another.close()
        with pytest.raises(StoreUnavailable):
            async with another.listening():
                pass
