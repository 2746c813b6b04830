"""How a bug is planted: a store that is bent at one place, around one that is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from attrs import frozen

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
from awaitly.testing import StoreWrapper

T = TypeVar("T")

Lanes: TypeAlias = Sequence[str] | None
"""What `due` and `next_due` are asked about."""

Notices: TypeAlias = tuple[NoticeRow, ...]


def same(value: T) -> T:
    """Bend nothing."""
    return value


def same_page(_query: object, page: T) -> T:
    """Bend no page."""
    return page


@frozen(kw_only=True)
class Bug:
    """One bug: the tests of the contract that must fail for it, and where it bends what goes in or what comes out."""

    caught_by: tuple[str, ...]
    commit: Callable[[Changes], Changes] = same
    answer: Callable[[Result[None, Conflict]], Result[None, Conflict]] = same
    run_query: Callable[[RunQuery], RunQuery] = same
    approval_query: Callable[[ApprovalQuery], ApprovalQuery] = same
    run_page: Callable[[RunQuery, Page[RunRow]], Page[RunRow]] = same_page
    approval_page: Callable[[ApprovalQuery, Page[ApprovalRow]], Page[ApprovalRow]] = same_page
    found: Callable[[Found], Found] = same
    entries: Callable[[tuple[Entry, ...]], tuple[Entry, ...]] = same
    due: Callable[[tuple[str, ...]], tuple[str, ...]] = same
    due_args: Callable[[int, int], tuple[int, int]] = lambda now, limit: (now, limit)
    lanes: Callable[[Lanes], Lanes] = same
    next_due: Callable[[int | None], int | None] = same
    next_args: Callable[[int, Lanes], tuple[int, Lanes]] = lambda now, lanes: (now, lanes)
    notices: Callable[[Notices], Notices] = same
    due_notices: Callable[[Notices], Notices] = same
    due_notices_args: Callable[[int, int, str], tuple[int, int, str]] = lambda now, limit, channel: (
        now,
        limit,
        channel,
    )
    next_notice: Callable[[int | None], int | None] = same
    next_notice_args: Callable[[int, str], tuple[int, str]] = lambda now, channel: (now, channel)
    notice_query: Callable[[NoticeQuery], NoticeQuery] = same
    notice_page: Callable[[NoticeQuery, Page[NoticeRow]], Page[NoticeRow]] = same_page
    now: Callable[[int], int] = same
    around: Callable[[Store], Store] | None = None

    def planted(self, store: Store) -> Store:
        """Plant the bug in a store."""
        return BentStore(self.around(store) if self.around else store, self)


class BentStore(StoreWrapper):
    """Hands everything on, through the bug."""

    def __init__(self, store: Store, bug: Bug) -> None:
        super().__init__(store)
        self._bug = bug

    async def now(self) -> int:
        """Read the clock."""
        return self._bug.now(await super().now())

    async def load(self, run_id: str) -> Found:
        """Read a run."""
        return self._bug.found(await super().load(run_id))

    async def approvals(self, run_id: str) -> Found:
        """Read approvals."""
        return self._bug.found(await super().approvals(run_id))

    async def entries(self, run_id: str) -> tuple[Entry, ...]:
        """Read a ledger."""
        return self._bug.entries(await super().entries(run_id))

    async def notices(self, run_id: str) -> Notices:
        """Read notices."""
        return self._bug.notices(await super().notices(run_id))

    async def due_notices(self, now: int, limit: int, channel: str) -> Notices:
        """Read what is to be sent."""
        return self._bug.due_notices(await super().due_notices(*self._bug.due_notices_args(now, limit, channel)))

    async def next_notice(self, now: int, channel: str) -> int | None:
        """Give the next time."""
        return self._bug.next_notice(await super().next_notice(*self._bug.next_notice_args(now, channel)))

    async def page_notices(self, query: NoticeQuery) -> Page[NoticeRow]:
        """List what was given up."""
        return self._bug.notice_page(query, await super().page_notices(self._bug.notice_query(query)))

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """List runs."""
        return self._bug.run_page(query, await super().page_runs(self._bug.run_query(query)))

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """List approvals."""
        return self._bug.approval_page(query, await super().page_approvals(self._bug.approval_query(query)))

    async def due(self, now: int, limit: int, lanes: Lanes = None) -> tuple[str, ...]:
        """Name runs to look at."""
        return self._bug.due(await super().due(*self._bug.due_args(now, limit), self._bug.lanes(lanes)))

    async def next_due(self, now: int, lanes: Lanes = None) -> int | None:
        """Give the next time."""
        return self._bug.next_due(await super().next_due(*self._bug.next_args(now, lanes)))

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit."""
        return self._bug.answer(await super().commit(self._bug.commit(changes)))


class Around(StoreWrapper):
    """The base of bugs that need more than one look; it remembers under which ids anything was ever committed."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.ids: set[str] = set()

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Remember the ids, then commit."""
        parts: tuple[tuple[Any, ...], ...] = (
            *(changes.runs, changes.steps, changes.approvals),
            *(changes.notices, changes.entries),
        )
        self.ids |= {row.run_id for rows in parts for row in rows}
        return await super().commit(changes)

    async def everything(self) -> list[Found]:
        """Load all there is."""
        return [await self._store.load(run_id) for run_id in sorted(self.ids)]
