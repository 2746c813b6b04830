"""Reading notices: those of a run, those that are to be sent, and those that were given up, each by one index."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from typing import Any

from awaitly_sqlite.core import NoticeQuery, NoticeRow, Page, position
from awaitly_sqlite.listing import Values, page, stream
from awaitly_sqlite.reading import Row

__all__ = ["DEAD", "DUE", "NEXT", "PLANS", "due_notices", "next_notice", "notices", "page_notices"]

_COLUMNS = "SELECT run_id, key, version, channel, due_at, dead, body FROM notices"
_OF_RUN = f"{_COLUMNS} WHERE run = (SELECT number FROM runs WHERE run_id = ?) ORDER BY key"  # noqa: S608  (constants)
DUE = f"""
{_COLUMNS} INDEXED BY notices_due
WHERE channel = ? AND due_at <= ? ORDER BY due_at, run_id, key LIMIT ?"""
NEXT = "SELECT due_at FROM notices INDEXED BY notices_due WHERE channel = ? AND due_at > ? ORDER BY due_at LIMIT 1"
_DEAD = """
{columns} INDEXED BY {index} WHERE dead = 1 AND {filter} AND (run_id, key) > (:run_id, :key) ORDER BY run_id, key"""
_ANY_DEAD = _DEAD.format(columns=_COLUMNS, index="notices_dead", filter="1")
_DEAD_OF_RUN = _DEAD.format(
    columns=_COLUMNS, index="notices_dead", filter="run_id = :only AND (:channel IS NULL OR channel = :channel)"
)
_DEAD_OF_CHANNEL = _DEAD.format(columns=_COLUMNS, index="notices_dead_by_channel", filter="channel = :channel")

DEAD = (_ANY_DEAD, _DEAD_OF_RUN, _DEAD_OF_CHANNEL)
"""The statements that list what was given up."""

PLANS = (_OF_RUN, DUE, NEXT, *DEAD)
"""Every statement that reads notices, for a look at how SQLite plans it."""


def notices(db: sqlite3.Connection, run_id: str) -> tuple[NoticeRow, ...]:
    """Read all notices of a run, by key."""
    return tuple(map(_notice_row, db.execute(_OF_RUN, (run_id,))))


def due_notices(db: sqlite3.Connection, now: int, limit: int, channel: str) -> tuple[NoticeRow, ...]:
    """Read at most `limit` notices of a channel that are to be sent, those that wait longest first."""
    return tuple(map(_notice_row, db.execute(DUE, (channel, now, limit))))


def next_notice(db: sqlite3.Connection, now: int, channel: str) -> int | None:
    """Give the earliest time after `now` at which a notice of a channel is to be sent."""
    row: tuple[int] | None = db.execute(NEXT, (channel, now)).fetchone()
    return None if row is None else row[0]


def page_notices(db: sqlite3.Connection, query: NoticeQuery) -> Page[NoticeRow]:
    """List what was given up, by run and key. Raises `ValueError` for an `after` that no page gave."""
    run_id, key = ("", "") if query.after is None else position(query.after, str, str)
    values: Values = {"run_id": run_id, "key": key, "only": query.run_id, "channel": query.channel}
    with ExitStack() as stack:
        return page(stream(db, stack, _way(query), values), query.limit, _notice_row, _position)


def _way(query: NoticeQuery) -> str:
    if query.run_id is not None:
        return _DEAD_OF_RUN
    return _ANY_DEAD if query.channel is None else _DEAD_OF_CHANNEL


def _position(row: Row) -> tuple[Any, ...]:
    return row[0], row[1]


def _notice_row(row: Row) -> NoticeRow:
    run_id, key, version, channel, due_at, dead, body = row
    return NoticeRow(run_id, key, version, channel, due_at, dead == 1, body)
