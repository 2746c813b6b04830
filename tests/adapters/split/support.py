"""Two stores that outlive the processes which use them, and processes that can die at each of their commits."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Iterable
from contextlib import contextmanager
from typing import TypeAlias, TypeVar

from attrs import evolve, frozen

from awaitly import (
    ApprovalQuery,
    ApprovalRow,
    Changes,
    Conflict,
    Entry,
    Found,
    MemoryStore,
    NoticeQuery,
    NoticeRow,
    Ok,
    Result,
    RunQuery,
    RunRow,
    Store,
)
from awaitly.testing import StoreWrapper, TestClock
from awaitly_split import SplitStore

__all__ = ["Crash", "Halves", "Mortal", "Process", "View", "applied", "dying", "same", "view"]

T = TypeVar("T")
FAR = 10**17


class Crash(BaseException):
    """The process is gone: no code of it may go on as if this were an error."""


class Process:
    """Counts the commits that one process makes to either store, and dies before or after one of them."""

    def __init__(self, at: int = 0, *, after: bool = False) -> None:
        self._at = at
        self._after = after
        self.commits = 0
        self.dead = False

    def check(self) -> None:
        """Do nothing any more once dead."""
        if self.dead:
            raise Crash

    async def commit(self, work: Awaitable[T]) -> T:
        """Make a commit, and die on the side of it where that was said."""
        self.commits += 1
        self.dead = self.dead or (self.commits == self._at and not self._after)
        try:
            self.check()
        except Crash:
            _drop(work)
            raise
        result = await work
        self.dead = self.dead or self.commits == self._at
        self.check()
        return result


@contextmanager
def dying() -> Generator[None]:
    """Let a process die in here, alone or with others of its tasks."""
    try:
        yield
    except* Crash:
        pass


def _drop(work: object) -> None:
    """Let a coroutine go that is never to be awaited."""
    close = getattr(work, "close", None)
    if close is not None:
        close()


class Mortal(StoreWrapper):
    """One store as a process uses it; opening and closing it is left to the test."""

    def __init__(self, store: Store, process: Process) -> None:
        super().__init__(store)
        self._process = process

    async def open(self) -> None:
        """It is open."""

    async def close(self) -> None:
        """It stays open for others."""

    async def reading(self, name: str, read: Awaitable[T]) -> T:
        """Read, while alive."""
        if self._process.dead:
            _drop(read)
            raise Crash
        return await super().reading(name, read)

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit, while alive."""
        return await self._process.commit(super().commit(changes))


@frozen
class Halves:
    """The two stores, open."""

    approvals: Store
    state: Store

    @classmethod
    async def in_memory(cls, clock: TestClock) -> Halves:
        """Make two memory stores, of which the one with the clock is for approvals."""
        halves = cls(MemoryStore(clock=clock), MemoryStore())
        await halves.approvals.open()
        await halves.state.open()
        return halves

    def used_by(self, process: Process) -> SplitStore:
        """Join them, as one process does."""
        return SplitStore(approvals=Mortal(self.approvals, process), state=Mortal(self.state, process))

    def used(self) -> SplitStore:
        """Join them, as a process does to which nothing happens."""
        return self.used_by(Process())


View: TypeAlias = tuple[
    RunRow | None,
    frozenset[tuple[str, str]],
    frozenset[ApprovalRow],
    tuple[Entry, ...],
    tuple[RunRow, ...],
    tuple[ApprovalRow, ...],
    tuple[ApprovalRow, ...],
    tuple[str, ...],
    tuple[NoticeRow, ...],
    tuple[NoticeRow, ...],
]


async def view(store: Store, run_id: str) -> View:
    """Look at a run by every way there is."""
    found = await store.load(run_id)
    alone = await store.approvals(run_id)
    assert alone == evolve(found, run=None, steps=(), now=alone.now), (
        "approvals are read alone as they are with the run"
    )
    entries = await store.entries(run_id)
    assert (entries[-1] if entries else None) == found.head
    runs = (await store.page_runs(RunQuery(prefix=run_id))).items
    waiting = (await store.page_approvals(ApprovalQuery(run_id=run_id))).items
    for_ann = (await store.page_approvals(ApprovalQuery(run_id=run_id, audience=("ann",)))).items
    steps = frozenset((step.key, step.body) for step in found.steps)
    notices = await store.notices(run_id)
    dead = (await store.page_notices(NoticeQuery(run_id=run_id))).items
    due = await store.due(FAR, 9)
    return found.run, steps, frozenset(found.approvals), entries, runs, waiting, for_ann, due, notices, dead


async def applied(store: Store, commits: Iterable[Changes]) -> None:
    """Make commits, each of which must be taken."""
    for commit in commits:
        assert await store.commit(commit) == Ok(None), commit


def same(one: Found, other: Found) -> bool:
    """Whether two looks saw the same, at whatever times."""
    return evolve(one, now=0) == evolve(other, now=0)
