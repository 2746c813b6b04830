"""Reading notices: those of a run, those that are to be sent, and those that were given up, each by one index."""

from __future__ import annotations

from typing import Any

from awaitly_postgres.asking import Asks, Row
from awaitly_postgres.core import NoticeQuery, NoticeRow, Page, position
from awaitly_postgres.listing import page

__all__ = ["due_notices", "next_notice", "notices", "page_notices"]


async def notices(asks: Asks, run_id: str) -> tuple[NoticeRow, ...]:
    """Read all notices of a run, by key."""
    return tuple([NoticeRow(*row) for row in await asks.rows("notices", run_id=run_id)])


async def due_notices(asks: Asks, now: int, limit: int, channel: str) -> tuple[NoticeRow, ...]:
    """Read at most `limit` notices of a channel that are to be sent, those that wait longest first."""
    rows = await asks.rows("due_notices", now=now, limit=limit, channel=channel)
    return tuple([NoticeRow(*row) for row in rows])


async def next_notice(asks: Asks, now: int, channel: str) -> int | None:
    """Give the earliest time after `now` at which a notice of a channel is to be sent."""
    rows = await asks.rows("next_notice", now=now, channel=channel)
    return rows[0][0] if rows else None


async def page_notices(asks: Asks, query: NoticeQuery) -> Page[NoticeRow]:
    """List what was given up, by run and key. Raises `ValueError` for an `after` that no page gave."""
    run_id, key = ("", "") if query.after is None else position(query.after, str, str)
    rows = await asks.rows(
        _way(query),
        run_id=query.run_id,
        channel=query.channel,
        after_run_id=run_id,
        after_key=key,
        limit=query.limit + 1,
    )
    return page(rows, query.limit, lambda row: NoticeRow(*row), _position)


def _way(query: NoticeQuery) -> str:
    if query.run_id is not None:
        return "dead_notices_of_run"
    return "dead_notices" if query.channel is None else "dead_notices_of_channel"


def _position(row: Row) -> tuple[Any, ...]:
    return row[0], row[1]
