"""A store that remembers what was committed to it, so that a benchmark can commit the same once more."""

from __future__ import annotations

from pathlib import Path

from awaitly import Changes, Conflict, Result
from awaitly_sqlite import SqliteStore

__all__ = ["WatchedStore"]


class WatchedStore(SqliteStore):
    """Keeps all `Changes` in `seen`, in order."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.seen: list[Changes] = []

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        self.seen.append(changes)
        return await super().commit(changes)

    async def commit_unwatched(self, changes: Changes) -> Result[None, Conflict]:
        """Commit as the plain store does."""
        return await super().commit(changes)
