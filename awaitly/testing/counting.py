"""A store that counts what is asked of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable
from typing import TypeVar

from awaitly.result import Result
from awaitly.storage.store import Changes, Conflict, Move, Store
from awaitly.testing.one_run import check_one_run
from awaitly.testing.wrapping import StoreWrapper

__all__ = ["CountingStore"]

T = TypeVar("T")


class CountingStore(StoreWrapper):
    """Counts calls as they are made: `commits` by `Move`, also those refused, and `reads` by the method's name.

    A commit that is about several runs, or about none, is an `AssertionError`: whoever makes it breaks `Changes`' rule.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.commits: Counter[Move] = Counter()
        self.reads: Counter[str] = Counter()

    def reset(self) -> None:
        """Count from zero again."""
        self.commits.clear()
        self.reads.clear()

    async def reading(self, name: str, read: Awaitable[T]) -> T:
        """Count a read, then make it."""
        self.reads[name] += 1
        return await super().reading(name, read)

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Check that a commit is about one run, count it, then make it. Raises `AssertionError`."""
        check_one_run(changes)
        self.commits[changes.move] += 1
        return await super().commit(changes)
