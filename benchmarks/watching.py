"""A store that remembers what was committed to it, so that a benchmark can commit the same once more."""

from __future__ import annotations

from awaitly import Changes, Conflict, Result, Store
from awaitly.testing import StoreWrapper

__all__ = ["WatchedStore"]


class WatchedStore(StoreWrapper):
    """Keeps all `Changes` in `seen`, in order."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.seen: list[Changes] = []

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        self.seen.append(changes)
        return await super().commit(changes)
