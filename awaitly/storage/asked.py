"""Reading what somebody names: a name that nothing can have finds nothing, and no store is asked for it.

Some stores cannot even be asked for NUL or half a surrogate pair, and each would answer in its own way.
"""

from __future__ import annotations

from awaitly.approvals.audit import Entry
from awaitly.ids import is_no_id, is_of_no_run
from awaitly.storage.store import (
    ApprovalQuery,
    ApprovalRow,
    Found,
    NoticeQuery,
    NoticeRow,
    Page,
    RunQuery,
    RunRow,
    Store,
)

__all__ = [
    "approvals_of",
    "entries_of",
    "listed_approvals",
    "listed_notices",
    "listed_runs",
    "loaded",
    "notices_of",
]


async def loaded(store: Store, run_id: str) -> Found:
    """Read all that belongs to a run, or to a schedule; what else stands among the runs is not found."""
    return await _nothing(store) if is_no_id(run_id) or is_of_no_run(run_id) else await store.load(run_id)


async def approvals_of(store: Store, run_id: str) -> Found:
    """Read a run's approvals and its ledger's head."""
    return await _nothing(store) if is_no_id(run_id) else await store.approvals(run_id)


async def entries_of(store: Store, run_id: str) -> tuple[Entry, ...]:
    """Read a run's ledger, in order."""
    return () if is_no_id(run_id) else await store.entries(run_id)


async def notices_of(store: Store, run_id: str) -> tuple[NoticeRow, ...]:
    """Read all notices of a run."""
    return () if is_no_id(run_id) else await store.notices(run_id)


async def listed_runs(store: Store, query: RunQuery) -> Page[RunRow]:
    """List runs. Raises `ValueError` for an `after` that no page gave."""
    return Page(()) if _is_nothing(query.prefix, query.workflow) else await store.page_runs(query)


async def listed_approvals(store: Store, query: ApprovalQuery) -> Page[ApprovalRow]:
    """List open approvals. Raises `ValueError` for an `after` that no page gave."""
    nothing = _is_nothing(query.run_id, query.prefix, query.workflow)
    return Page(()) if nothing else await store.page_approvals(query)


async def listed_notices(store: Store, query: NoticeQuery) -> Page[NoticeRow]:
    """List notices that were given up. Raises `ValueError` for an `after` that no page gave."""
    return Page(()) if _is_nothing(query.run_id, query.channel) else await store.page_notices(query)


async def _nothing(store: Store) -> Found:
    return Found(await store.now(), None, (), (), None)


def _is_nothing(*names: str | None) -> bool:
    """Whether one of the names, or of their beginnings, is none that anything can have."""
    return any(name is not None and is_no_id(name) for name in names)
