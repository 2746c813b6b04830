"""Listings: every shard names those of its rows that come first, the first of all are kept, and their rows are read.

Two ways lead to a shard's names. *Narrow*: a filter leaves a few, which are looked at one by one. *Wide*: for each
group of rows (a status and workflow) an index gives them in order, until there are enough. On one server a single
script goes over all shards; on a cluster each shard has its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from awaitly_redis.audiences import NARROW, urgent
from awaitly_redis.core import ApprovalQuery, ApprovalRow, Page, RunQuery, RunRow, cursor, position
from awaitly_redis.filters import by_text, by_time
from awaitly_redis.packing import (
    approval_place,
    read_approval,
    read_approval_place,
    read_run,
    read_run_place,
    run_place,
)
from awaitly_redis.rows import read_rows
from awaitly_redis.scripts import script
from awaitly_redis.shards import Shards

__all__ = ["APPROVALS", "NARROW", "RUNS", "page_approvals", "page_runs"]

RUNS = script("runs")
APPROVALS = script("approvals")

_LATEST = (1 << 63) - 1
_EXACT = 1 << 53


async def page_runs(shards: Shards, query: RunQuery) -> Page[RunRow]:
    """List runs, newest first. Raises `ValueError` for an `after` that no page gave."""
    after = b"" if query.after is None else _run_after(query.after)
    most = query.limit
    while True:
        names = await shards.named(RUNS, b"l", _run_filters(query, after, most, shards.keys.shards))
        named = sorted((name for name in names if not after or name < after), reverse=True)[: most + 1]
        rows = await _runs(shards, named[:most])
        found = [row for row, place in zip(rows, named, strict=False) if row and _is_listed(query, row, place)]
        if len(named) <= most:
            return Page(tuple(found))
        if found:
            return Page(tuple(found), cursor(*read_run_place(named[most - 1])))
        after = named[most - 1]  # all of them were changed meanwhile


async def page_approvals(shards: Shards, query: ApprovalQuery) -> Page[ApprovalRow]:
    """List open approvals, oldest first, or the most urgent first of those that wait for an audience.

    Raises `ValueError` for an `after` that no page gave.
    """
    after = b"" if query.after is None else _approval_after(query.after)
    if query.run_id is not None:
        return await _of_run(shards, query, query.run_id, after)
    most = query.limit
    while True:
        named = await _named(shards, query, after, most + 1)
        rows = await _approvals(shards, named[:most])
        found = [row for row, place in zip(rows, named, strict=False) if row and _is_asked(query, row, place)]
        if len(named) <= most:
            return Page(tuple(found))
        if found:
            return Page(tuple(found), cursor(*read_approval_place(named[most - 1])))
        after = named[most - 1]


async def _named(shards: Shards, query: ApprovalQuery, after: bytes, most: int) -> list[bytes]:
    """Name the first approvals of a listing that are behind `after`, in order."""
    if query.audience is not None:
        return await urgent(shards, query, after, most)
    names = await shards.named(APPROVALS, b"o", _approval_filters(query, after, most, shards.keys.shards))
    return sorted(name for name in names if name > after)[:most]


async def _of_run(shards: Shards, query: ApprovalQuery, run_id: str, after: bytes) -> Page[ApprovalRow]:
    """List the open approvals of one run, all of which are read at once."""
    every = (await shards.load(run_id, b"approvals")).approvals
    rows = {_place_of(query, row): row for row in every}
    listed = sorted(place for place, row in rows.items() if place > after and _is_asked(query, row, place))
    items = tuple([rows[place] for place in listed[: query.limit]])
    return Page(items, cursor(*read_approval_place(listed[query.limit - 1])) if len(listed) > len(items) else None)


async def _runs(shards: Shards, places: Sequence[bytes]) -> list[RunRow | None]:
    rows = await read_rows(shards, shards.keys.run, [(place[8:], b"r") for place in places])
    return [_run(shards, place, *row) for place, row in zip(places, rows, strict=True)]


def _run(shards: Shards, place: bytes, header: bytes, body: bytes) -> RunRow | None:
    run_id = place[8:].decode()
    with shards.sound(run_id):
        return read_run(run_id, header, body) if header else None


async def _approvals(shards: Shards, places: Sequence[bytes]) -> list[ApprovalRow | None]:
    names = [read_approval_place(place) for place in places]
    wanted = [(run_id.encode(), b"a" + key.encode()) for _, run_id, key in names]
    rows = await read_rows(shards, shards.keys.run, wanted)
    return [_approval(shards, run_id, key, value) for (_, run_id, key), (value, _) in zip(names, rows, strict=True)]


def _approval(shards: Shards, run_id: str, key: str, value: bytes) -> ApprovalRow | None:
    with shards.sound(run_id):
        return read_approval(run_id, key, value) if value else None


def _place_of(query: ApprovalQuery, row: ApprovalRow) -> bytes:
    at = row.asked_at if query.audience is None else _deadline(row)
    return approval_place(at, row.run_id, row.key)


def _deadline(row: ApprovalRow) -> int:
    return _LATEST if row.deadline is None else row.deadline


def _is_listed(query: RunQuery, row: RunRow, place: bytes) -> bool:
    """Whether a row is still what its name was listed for."""
    return (
        run_place(row.created_at, row.run_id) == place
        and (query.workflow is None or row.workflow == query.workflow)
        and (query.statuses is None or row.status in query.statuses)
        and (query.updated_before is None or row.updated_at < query.updated_before)
    )


def _is_asked(query: ApprovalQuery, row: ApprovalRow, place: bytes) -> bool:
    return (
        row.open
        and _place_of(query, row) == place
        and (query.audience is None or not set(query.audience).isdisjoint(row.audience))
        and (query.prefix is None or row.run_id.startswith(query.prefix))
        and (query.workflow is None or row.workflow == query.workflow)
        and (query.asked_before is None or row.asked_at < query.asked_before)
        and (query.alive_at is None or _deadline(row) > query.alive_at)
        and (query.deadline_before is None or (row.deadline is not None and row.deadline < query.deadline_before))
    )


def _run_after(after: str) -> bytes:
    created_at, run_id = position(after, int, str)
    return run_place(int(created_at), str(run_id))


def _approval_after(after: str) -> bytes:
    at, run_id, key = position(after, int, str, str)
    return approval_place(int(at), str(run_id), str(key))


def _below(value: int | None) -> bytes:
    """Give the scores below a time; beyond 2**53 a score is rounded, and the exact time is looked at besides."""
    if value is None:
        return b"0"
    return b"(%d" % value if abs(value) < _EXACT else b"%d" % value


def _first(after: bytes, most: int, shards: int) -> Iterable[bytes]:
    return b"%d" % (most + 1), after, b"%d" % -(-NARROW // shards)


def _run_filters(query: RunQuery, after: bytes, most: int, shards: int) -> Sequence[bytes]:
    statuses = () if query.statuses is None else [status.encode() for status in query.statuses]
    return (
        *_first(after, most, shards),
        by_text(query.prefix),
        by_text(query.workflow),
        by_time(query.updated_before),
        _below(query.updated_before),
        b"" if query.statuses is None else b"=",
        *statuses,
    )


def _approval_filters(query: ApprovalQuery, after: bytes, most: int, shards: int) -> Sequence[bytes]:
    return (
        *_first(after, most, shards),
        by_text(query.prefix),
        by_text(query.workflow),
        by_time(query.alive_at),
        by_time(query.asked_before),
        by_time(query.deadline_before),
        _below(query.deadline_before),
    )
