"""Reading: all verbs of a store that do not write, over whatever answers questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from awaitly_postgres import awaiting, listing, telling
from awaitly_postgres.asking import Asks, Row
from awaitly_postgres.core import (
    ApprovalQuery,
    ApprovalRow,
    Entry,
    Found,
    NoticeQuery,
    NoticeRow,
    Page,
    RemoteClock,
    RunQuery,
    RunRow,
    StepRow,
    to_micros,
)
from awaitly_postgres.encoding import unpacked
from awaitly_postgres.gathering import Gatherer

__all__ = ["Clock", "GatheringReader", "Reader"]

Clock: TypeAlias = Callable[[], datetime]


class Reader:
    """Reads what is asked for, and makes rows of it. Without a clock of its own it takes the server's."""

    def __init__(self, asks: Asks, clock: Clock | None) -> None:
        self._asks = asks
        self._clock = clock
        self._servers = RemoteClock()

    async def now(self) -> int:
        """Read the clock; the server's is not asked where it was heard a moment ago."""
        if self._clock is not None:
            return to_micros(self._clock())
        heard = self._servers.read()
        if heard is not None:
            return heard
        ((now,),) = await self._asks.rows("now")
        self._servers.heard(int(now))
        return int(now)

    async def load(self, run_id: str) -> Found:
        """Read all that belongs to a run, as of one moment."""
        return self._as_found(await self._run_rows(run_id), run_id)

    async def approvals(self, run_id: str) -> Found:
        """Read a run's approvals and its ledger's head, as of one moment."""
        return self._as_found(await self._asks.rows("approvals", run_id=run_id), run_id)

    async def entries(self, run_id: str) -> tuple[Entry, ...]:
        """Read a run's ledger, in order."""
        return tuple([unpacked(run_id, *row) for row in await self._asks.rows("entries", run_id=run_id)])

    async def notices(self, run_id: str) -> tuple[NoticeRow, ...]:
        """Read all notices of a run, by key."""
        return await telling.notices(self._asks, run_id)

    async def due_notices(self, now: int, limit: int, channel: str) -> tuple[NoticeRow, ...]:
        """Read at most `limit` notices of a channel that are to be sent, those that wait longest first."""
        return await telling.due_notices(self._asks, now, limit, channel)

    async def next_notice(self, now: int, channel: str) -> int | None:
        """Give the earliest time after `now` at which a notice of a channel is to be sent."""
        return await telling.next_notice(self._asks, now, channel)

    async def page_notices(self, query: NoticeQuery) -> Page[NoticeRow]:
        """List notices that were given up. Raises `ValueError` for an `after` that no page gave."""
        return await telling.page_notices(self._asks, query)

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """List runs. Raises `ValueError` for an `after` that no page gave."""
        return await listing.page_runs(self._asks, query)

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """List open approvals. Raises `ValueError` for an `after` that no page gave."""
        listed = listing.page_approvals if query.audience is None else awaiting.page_awaiting
        return await listed(self._asks, query)

    async def due(self, now: int, limit: int, lanes: Sequence[str] | None = None) -> tuple[str, ...]:
        """Name at most `limit` runs to look at: by `due_at`, then those that only a ready approval makes due.

        With `lanes` all of the first lane come before all of the second, and so on.
        """
        if lanes is None:
            rows = await self._asks.rows("due", now=now, limit=limit)
        else:
            rows = await self._asks.rows("due_in_lanes", now=now, limit=limit, lanes=list(lanes))
        return tuple([run_id for (run_id,) in rows])

    async def next_due(self, now: int, lanes: Sequence[str] | None = None) -> int | None:
        """Give the earliest `due_at` after `now` of any run, or of any run of these lanes; None where there is none."""
        if lanes is None:
            rows = await self._asks.rows("next_due", now=now)
        else:
            rows = await self._asks.rows("next_due_in_lanes", now=now, lanes=list(lanes))
        return rows[0][0] if rows else None

    async def _run_rows(self, run_id: str) -> list[Row]:
        return await self._asks.rows("load", run_id=run_id)

    def _as_found(self, rows: list[Row], run_id: str) -> Found:
        """Make rows of an answer, and take note of the server's clock."""
        now = None if self._clock is None else to_micros(self._clock())
        found = _found(rows, run_id, now)
        if now is None:
            self._servers.heard(found.now)
        return found


class GatheringReader(Reader):
    """Reads for many tasks: what they load in the same turn of the loop goes in one question."""

    def __init__(self, asks: Asks, clock: Clock | None) -> None:
        super().__init__(asks, clock)
        self._gatherer = Gatherer(asks)

    async def drain(self) -> None:
        """Wait until all that was asked for is answered."""
        await self._gatherer.drain()

    async def _run_rows(self, run_id: str) -> list[Row]:
        return await self._gatherer.rows(run_id)


def _found(rows: list[Row], run_id: str, now: int | None) -> Found:
    run, head, servers = None, None, 0
    steps: list[tuple[int, StepRow]] = []
    approvals: list[ApprovalRow] = []
    for kind, version, first, second, third, key, workflow, status, is_open, ready, digest, body in rows:
        match kind:
            case 0:
                run = RunRow(run_id, version, workflow, status, first, second, third, body, key)
            case 1:
                steps.append((first, StepRow(run_id, key, body)))
            case 2:
                approvals.append(ApprovalRow(run_id, key, version, workflow, is_open, ready, first, second, body))
            case 3:
                head = unpacked(run_id, version, digest, body)
            case _:
                servers = version
    steps.sort(key=_place)
    approvals.sort(key=_asking)
    return Found(servers if now is None else now, run, tuple([step for _, step in steps]), tuple(approvals), head)


def _place(step: tuple[int, StepRow]) -> int:
    return step[0]


def _asking(row: ApprovalRow) -> tuple[int, str]:
    return row.asked_at, row.key
