"""Notices: those of a run, those of a channel that are to be sent, and those that were given up.

Each shard has the second in order of their times for each channel, and the last by run, of all and of each channel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from awaitly_redis.core import NoticeQuery, NoticeRow, Page, cursor, position
from awaitly_redis.packing import (
    notice_place,
    packed_time,
    pairs,
    parts_of,
    read_notice,
    read_notice_place,
    read_time,
    sized,
)
from awaitly_redis.rows import read_rows
from awaitly_redis.scripts import script
from awaitly_redis.shards import Shards, as_bytes
from awaitly_redis.sweeping import NEXT_DUE

__all__ = ["NOTICES", "SPAN", "due_notices", "next_notice", "notices_of", "page_notices"]

NOTICES = script("notices")
SPAN = script("span")

_DUE, _GIVEN_UP = b"p", b"g"
_OF_ALL, _OF_CHANNEL = b"\0", b"\1"
_TIME = 8
_LATEST = packed_time(None)


async def notices_of(shards: Shards, run_id: str) -> tuple[NoticeRow, ...]:
    """Read all notices of a run, by key. Raises `StoreCorrupt` where they are not as awaitly writes them."""
    name = run_id.encode()
    reply = as_bytes(await shards.wire.ask(shards.base(name), NOTICES.call((shards.keys.notices(name),), ())))
    with shards.sound(run_id):
        return tuple([read_notice(run_id, field, value) for field, value in sorted(pairs(parts_of(reply)))])


async def due_notices(shards: Shards, now: int, limit: int, channel: str) -> tuple[NoticeRow, ...]:
    """Read the notices of a channel that are to be sent, the longest due first."""
    ahead = sized(channel)
    behind, until = b"", b"(" + ahead + packed_time(now) + b"\xff"
    while True:
        named = await _named(shards, _DUE, ahead, (behind, until), limit)
        rows = await _rows(shards, [place[_TIME:] for place in named])
        found = _still(rows, named, lambda row: packed_time(row.due_at) + notice_place(row.run_id, row.key))
        found = [row for row in found if row.channel == channel]
        if found or len(named) < limit:
            return tuple(found)
        behind = named[-1]  # all of them were changed meanwhile


async def next_notice(shards: Shards, now: int, channel: str) -> int | None:
    """Give the first time after now at which a notice of a channel is to be sent."""
    return read_time(min(await shards.named(NEXT_DUE, _DUE, (packed_time(now), sized(channel))), default=_LATEST))


async def page_notices(shards: Shards, query: NoticeQuery) -> Page[NoticeRow]:
    """List notices that were given up, by run and key. Raises `ValueError` for an `after` that no page gave."""
    after = b"" if query.after is None else _after(query.after)
    if query.run_id is not None:
        return await _of_run(shards, query, query.run_id, after)
    most = query.limit
    ahead = _OF_ALL if query.channel is None else _OF_CHANNEL + sized(query.channel)
    while True:
        named = await _named(shards, _GIVEN_UP, ahead, (after, b"(" + ahead + b"\xff"), most + 1)
        rows = await _rows(shards, named[:most])
        found = [row for row in _still(rows, named, _place) if _is_listed(query, row)]
        if len(named) <= most:
            return Page(tuple(found))
        after = named[most - 1]
        if found:
            return Page(tuple(found), cursor(*read_notice_place(after)))


async def _of_run(shards: Shards, query: NoticeQuery, run_id: str, after: bytes) -> Page[NoticeRow]:
    """List what was given up of one run, all of whose notices are read at once."""
    every = await notices_of(shards, run_id)
    listed = [row for row in every if _is_listed(query, row) and _place(row) > after]
    items = tuple(listed[: query.limit])
    return Page(items, cursor(*read_notice_place(_place(items[-1]))) if len(listed) > len(items) else None)


async def _named(shards: Shards, index: bytes, ahead: bytes, span: Sequence[bytes], most: int) -> list[bytes]:
    """Name the first `most` notices that stand in a span of an index, whose first end, '' or a place, is outside."""
    behind, until = span
    first = b"(" + ahead + behind if behind else b"[" + ahead
    return sorted(await shards.named(SPAN, index, (ahead, first, until, b"%d" % most)))[:most]


async def _rows(shards: Shards, places: Sequence[bytes]) -> list[NoticeRow | None]:
    names = [read_notice_place(place) for place in places]
    fields = [(run_id.encode(), b"t" + key.encode()) for run_id, key in names]
    values = await read_rows(shards, shards.keys.notices, fields)
    return [
        _row(shards, run_id, field, value)
        for (run_id, _), (_, field), (value, _) in zip(names, fields, values, strict=True)
    ]


def _row(shards: Shards, run_id: str, field: bytes, value: bytes) -> NoticeRow | None:
    with shards.sound(run_id):
        return read_notice(run_id, field, value) if value else None


def _still(
    rows: Sequence[NoticeRow | None], named: Sequence[bytes], place_of: Callable[[NoticeRow], bytes]
) -> list[NoticeRow]:
    """Give the rows that still stand where they were named."""
    return [row for row, place in zip(rows, named, strict=False) if row is not None and place_of(row) == place]


def _place(row: NoticeRow) -> bytes:
    return notice_place(row.run_id, row.key)


def _is_listed(query: NoticeQuery, row: NoticeRow) -> bool:
    return row.dead and query.channel in {None, row.channel}


def _after(after: str) -> bytes:
    run_id, key = position(after, str, str)
    return notice_place(str(run_id), str(key))
