"""Bugs in telling of commits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

from attrs import evolve, frozen

from awaitly.result import Err, Result
from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import Changes, Conflict, Wakes
from awaitly.testing import StoreWrapper


class Telling(StoreWrapper):
    """The base of these bugs: one of several stores over the same memory."""

    def __init__(self, memory: MemoryStore) -> None:
        super().__init__(memory)
        self.memory = memory

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Wakes]:
        """Listen."""
        async with self.memory.listening() as wakes:
            yield wakes

    async def tell(self, changes: Changes) -> None:
        """Tell of a commit, whatever becomes of it."""
        await self.memory.commit(
            Changes(move=changes.move, dropped=((changes.run_id, "missing"),), wakes=changes.wakes)
        )


class TellsNobody(Telling):
    """Has forgotten all about it."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Keep quiet."""
        return await super().commit(evolve(changes, wakes=False))


class TellsOfRunsAlone(Telling):
    """Tells where a run's row is swapped."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Keep quiet about decisions."""
        return await super().commit(evolve(changes, wakes=changes.wakes and bool(changes.runs)))


class TellsOfEverything(Telling):
    """Tells of each commit."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Wake without need."""
        return await super().commit(evolve(changes, wakes=True))


class TellsOfConflicts(Telling):
    """Tells whatever became of it."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Tell of what was refused."""
        result = await super().commit(changes)
        if isinstance(result, Err):
            await self.tell(changes)
        return result


class TellsTooEarly(Telling):
    """Tells what is about to happen."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Tell, take some turns, commit."""
        await self.tell(changes)
        for _ in range(50):
            await asyncio.sleep(0)
        return await super().commit(evolve(changes, wakes=False))


class Bent:
    """The base of what listens wrongly."""

    def __init__(self, wakes: Wakes, store: Listening) -> None:
        self.wakes = wakes
        self.store = store

    async def next(self, timeout: float) -> frozenset[str]:
        """Wait for the next ones."""
        return await self.wakes.next(timeout)


class KeepsTheLast(Bent):
    """Has room for one run."""

    async def next(self, timeout: float) -> frozenset[str]:
        """Lose the others."""
        return frozenset(sorted(await super().next(timeout))[-1:])


class FoldsIds(Bent):
    """Tells of runs without their case."""

    async def next(self, timeout: float) -> frozenset[str]:
        """Fold."""
        return frozenset(run_id.lower() for run_id in await super().next(timeout))


class HearsOthersAlone(Bent):
    """Does not hear what its own store commits."""

    async def next(self, timeout: float) -> frozenset[str]:
        """Leave out one's own."""
        return await super().next(timeout) - self.store.committed


class NeverGivesUp(Bent):
    """Waits until there is something."""

    async def next(self, timeout: float) -> frozenset[str]:
        """Ignore the timeout."""
        return await super().next(max(timeout, 60))


class InventsARun(Bent):
    """Tells of a run where it should give none."""

    async def next(self, timeout: float) -> frozenset[str]:
        """Invent."""
        return await super().next(timeout) or frozenset({"nobody"})


class DeafAfterATimeout(Bent):
    """Stops listening once it has waited in vain."""

    deaf = False

    async def next(self, timeout: float) -> frozenset[str]:
        """Give nothing any more."""
        told = await super().next(timeout)
        self.deaf = self.deaf or not told
        return frozenset() if self.deaf else told


class DeafAfterACancellation(Bent):
    """Stops listening once somebody stopped waiting."""

    deaf = False

    async def next(self, timeout: float) -> frozenset[str]:
        """Give nothing any more."""
        try:
            told = await super().next(timeout)
        except asyncio.CancelledError:
            self.deaf = True
            raise
        return frozenset() if self.deaf else told


class Looks(Bent):
    """Looks now and then, at what came before it waited alone."""

    async def next(self, timeout: float) -> frozenset[str]:
        """Do not wait: sleep, which nothing ends early."""
        told = await super().next(0)
        if not told:
            await asyncio.sleep(timeout)
        return told


class Listening(Telling):
    """Listens wrongly: `bent` makes what."""

    def __init__(self, memory: MemoryStore, bent: type[Bent]) -> None:
        super().__init__(memory)
        self.bent = bent
        self.committed: set[str] = set()

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Remember what was committed here."""
        self.committed.add(changes.run_id)
        return await super().commit(changes)

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Wakes]:
        """Listen."""
        async with super().listening() as wakes:
            yield self.bent(wakes, self)


class HasOneListener(Telling):
    """Has room for one: who comes later pushes out who came first."""

    wakes: Wakes | None = None

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Wakes]:
        """Share what all hear; whoever asks first takes it."""
        async with super().listening() as wakes:
            self.wakes = self.wakes or wakes
            yield self.wakes


class StopsForAll(Telling):
    """Ends all listening when the first one leaves."""

    left = False

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Wakes]:
        """Listen while all do."""
        async with super().listening() as wakes:
            yield StoppedWakes(wakes, self)
        self.left = True


class StoppedWakes:
    """Hears nothing once somebody left."""

    def __init__(self, wakes: Wakes, store: StopsForAll) -> None:
        self.wakes = wakes
        self.store = store

    async def next(self, timeout: float) -> frozenset[str]:
        """Give nothing."""
        told = await self.wakes.next(timeout)
        return frozenset() if self.store.left else told


class LeavesATask(Telling):
    """Starts a task and leaves it alone."""

    def __init__(self, memory: MemoryStore) -> None:
        super().__init__(memory)
        self.tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Wakes]:
        """Listen, with help."""
        self.tasks.append(asyncio.create_task(asyncio.sleep(0.5)))
        async with super().listening() as wakes:
            yield wakes


class LeavesATaskWhenInterrupted(LeavesATask):
    """Ends its task only where all went well."""

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Wakes]:
        """Listen, with help."""
        async with super().listening() as wakes:
            yield wakes
        self.tasks[-1].cancel()
        with suppress(asyncio.CancelledError):
            await self.tasks[-1]


class ListensWhenClosed(Telling):
    """Does not look whether it is open."""

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Wakes]:
        """Open what is closed."""
        await self.memory.open()
        async with super().listening() as wakes:
            yield wakes


@frozen
class WakingBug:
    """One bug: how it is planted, and the tests that must fail for it."""

    plant: Callable[[MemoryStore], Telling]
    caught_by: tuple[str, ...]


def bent(kind: type[Bent]) -> Callable[[MemoryStore], Telling]:
    """Plant what listens wrongly."""
    return lambda memory: Listening(memory, kind)


WAKING_BUGS = {
    "nobody is told": WakingBug(
        TellsNobody,
        (
            "test_a_commit_with_wakes_is_told",
            "test_a_store_hears_its_own_commits",
            "test_who_waits_is_woken",
            "test_what_is_told_stands",
        ),
    ),
    "only runs are told": WakingBug(TellsOfRunsAlone, ("test_any_part_can_wake",)),
    "every commit is told": WakingBug(TellsOfEverything, ("test_a_commit_without_wakes_tells_nothing",)),
    "conflicts are told": WakingBug(TellsOfConflicts, ("test_a_conflict_tells_nothing",)),
    "commits are told too early": WakingBug(TellsTooEarly, ("test_what_is_told_stands",)),
    "the last one is kept": WakingBug(bent(KeepsTheLast), ("test_several_are_gathered",)),
    "told ids are folded": WakingBug(bent(FoldsIds), ("test_ids_are_told_to_the_letter",)),
    "own commits are not told": WakingBug(bent(HearsOthersAlone), ("test_a_store_hears_its_own_commits",)),
    "who waits is not woken": WakingBug(bent(Looks), ("test_who_waits_is_woken",)),
    "a wait never ends": WakingBug(bent(NeverGivesUp), ("test_a_timeout_gives_nothing",)),
    "a timeout tells": WakingBug(bent(InventsARun), ("test_a_timeout_gives_nothing",)),
    "a timeout ends listening": WakingBug(bent(DeafAfterATimeout), ("test_a_timeout_does_not_end_listening",)),
    "a cancellation ends listening": WakingBug(
        bent(DeafAfterACancellation), ("test_a_cancelled_wait_does_not_end_listening",)
    ),
    "there is one listener": WakingBug(HasOneListener, ("test_two_listeners_both_hear", "test_one_can_listen_again")),
    "leaving is for all": WakingBug(
        StopsForAll, ("test_a_listener_outlives_the_one_beside_it", "test_one_can_listen_again")
    ),
    "a listener leaves a task": WakingBug(LeavesATask, ("test_leaving_leaves_no_task",)),
    "an interrupted listener leaves a task": WakingBug(
        LeavesATaskWhenInterrupted, ("test_an_exception_leaves_no_task", "test_a_cancelled_listener_leaves_no_task")
    ),
    "a closed store listens": WakingBug(ListensWhenClosed, ("test_a_closed_store_cannot_listen",)),
}
