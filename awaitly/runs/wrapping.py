"""A store around another one: the base of those that dispatch, count, fail or delay."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TypeVar

from awaitly.approvals.audit import Entry
from awaitly.result import Result
from awaitly.storage.store import (
    ApprovalQuery,
    ApprovalRow,
    Changes,
    Conflict,
    Found,
    NoticeQuery,
    NoticeRow,
    Page,
    RunQuery,
    RunRow,
    Store,
)

__all__ = ["StoreWrapper"]

T = TypeVar("T")


class StoreWrapper:
    """Hands every call on to `store`. Override `reading` to stand around all reads, `commit` around commits."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def reading(self, name: str, read: Awaitable[T]) -> T:  # noqa: ARG002  (for those that override it)
        """Await one read of the wrapped store; `name` is the method's."""
        return await read

    async def open(self) -> None:
        """Open the wrapped store."""
        await self._store.open()

    async def close(self) -> None:
        """Close the wrapped store."""
        await self._store.close()

    async def now(self) -> int:
        """Read the wrapped store's clock."""
        return await self.reading("now", self._store.now())

    async def load(self, run_id: str) -> Found:
        """Read all that belongs to a run."""
        return await self.reading("load", self._store.load(run_id))

    async def approvals(self, run_id: str) -> Found:
        """Read a run's approvals and its ledger's head."""
        return await self.reading("approvals", self._store.approvals(run_id))

    async def entries(self, run_id: str) -> tuple[Entry, ...]:
        """Read a run's ledger."""
        return await self.reading("entries", self._store.entries(run_id))

    async def notices(self, run_id: str) -> tuple[NoticeRow, ...]:
        """Read all notices of a run."""
        return await self.reading("notices", self._store.notices(run_id))

    async def due_notices(self, now: int, limit: int, channel: str) -> tuple[NoticeRow, ...]:
        """Read notices of a channel that are to be sent."""
        return await self.reading("due_notices", self._store.due_notices(now, limit, channel))

    async def next_notice(self, now: int, channel: str) -> int | None:
        """Give when the next notice of a channel is to be sent."""
        return await self.reading("next_notice", self._store.next_notice(now, channel))

    async def page_notices(self, query: NoticeQuery) -> Page[NoticeRow]:
        """List notices that were given up."""
        return await self.reading("page_notices", self._store.page_notices(query))

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """List runs."""
        return await self.reading("page_runs", self._store.page_runs(query))

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """List open approvals."""
        return await self.reading("page_approvals", self._store.page_approvals(query))

    async def due(self, now: int, limit: int, lanes: Sequence[str] | None = None) -> tuple[str, ...]:
        """Name runs to look at."""
        return await self.reading("due", self._store.due(now, limit, lanes))

    async def next_due(self, now: int, lanes: Sequence[str] | None = None) -> int | None:
        """Give the next time that comes."""
        return await self.reading("next_due", self._store.next_due(now, lanes))

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Apply all changes or none."""
        return await self._store.commit(changes)
