"""`PostgresStore`: all of a store in one schema of a Postgres database, for many workers on many hosts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

from attrs import frozen

from awaitly_postgres.asking import PoolAsks, Questions
from awaitly_postgres.connecting import Connections, Pool, check_server, connected
from awaitly_postgres.core import (
    ApprovalQuery,
    ApprovalRow,
    Changes,
    Conflict,
    Entry,
    Found,
    NoticeQuery,
    NoticeRow,
    Page,
    Result,
    RunQuery,
    RunRow,
    StoreUnavailable,
    Wakes,
)
from awaitly_postgres.joining import JoinedStore
from awaitly_postgres.listening import Listener
from awaitly_postgres.migrating import check_schema, migrate, namespace_id, printed
from awaitly_postgres.place import Place, described, parsed, quoted
from awaitly_postgres.reading import Clock, GatheringReader
from awaitly_postgres.sending import Post
from awaitly_postgres.settings import Settings
from awaitly_postgres.underway import Underway
from awaitly_postgres.writer import Writer

__all__ = ["PostgresStore"]

T = TypeVar("T")

_DEFAULT_SETTINGS = Settings()
_FOR_OTHERS = 3
"""So many connections are left where commits wait for locks: to listen, for the next batch, and to read."""


@frozen(eq=False)
class _Opened:
    """What `open` took and `close` gives back."""

    loop: asyncio.AbstractEventLoop
    pid: int
    connections: Connections
    questions: Questions
    reader: GatheringReader
    writer: Writer
    listener: Listener
    reads: Underway

    async def close(self) -> None:
        """Finish what is queued, and give everything back."""
        await self.writer.drain()
        await self.reads.drain()
        await self.reader.drain()
        await self.listener.close()
        await self.connections.close()


class PostgresStore:
    """Keeps everything in one schema of a Postgres database; what is committed is as safe as that database's commits.

    `url_or_pool` is an address as libpq reads it, or a caller's own `psycopg_pool.AsyncConnectionPool`, which is used
    as it is, and left open. Stores of different `namespace`s share the schema and see nothing of each other. Opening
    brings the schema up to date, or with `migrate=False` raises `SchemaTooOld` where that is to do. Without a `clock`
    the server's decides.

    A store belongs to the event loop that opened it; another loop, thread or forked process needs another store.
    Commits that queue up share a round trip and a transaction. A commit whose answer was lost is asked for again, and
    never applied twice.
    Raises `ValueError` for a namespace or a schema that can be none.
    """

    def __init__(
        self,
        url_or_pool: str | Pool,
        *,
        namespace: str = "default",
        schema: str = "awaitly",
        migrate: bool = True,
        clock: Clock | None = None,
        settings: Settings = _DEFAULT_SETTINGS,
    ) -> None:
        quoted(schema)
        self._source: str | Pool = parsed(url_or_pool) if isinstance(url_or_pool, str) else url_or_pool
        database = described(self._source if isinstance(self._source, str) else self._source.conninfo)
        self._place = Place(database, schema, _checked_namespace(namespace))
        self._migrates = migrate
        self._clock = clock
        self._settings = settings
        self._opened: _Opened | None = None

    def __repr__(self) -> str:
        return f"<PostgresStore {self._place}>"

    @property
    def commits(self) -> int:
        """How many `Changes` were applied since the store was opened."""
        return self._here().writer.commits

    @property
    def batches(self) -> int:
        """How many round trips these `Changes` took since the store was opened; waiting commits share one."""
        return self._here().writer.batches

    def schema(self) -> str:
        """Give the schema as SQL."""
        return self.migrations()

    def migrations(self) -> str:
        """Give all migrations as SQL for `psql`, with the schema's name filled in."""
        return printed(self._place.schema)

    async def migrate(self) -> tuple[str, ...]:
        """Bring the schema up to date, and name the migrations that were still to do. The store need not be open.

        Raises `NotAStore`, `SchemaTooNew`, or another `StoreError`.
        """
        async with connected(self._source, self._settings.reconnect.total_seconds(), self._place) as connection:
            check_server(connection, self._place)
            return await migrate(connection, self._place)

    async def open(self) -> None:
        """Connect, and bring the schema up to date; an open store stays as it is.

        Raises `NotAStore`, `SchemaTooNew`, `SchemaTooOld`, `StoreForbidden`, `StoreUnavailable`, `StoreUnsuitable`, or
        another `StoreError`.
        """
        if self._opened is not None:
            self._here()
            return
        opened = await self._open()
        if self._opened is not None:  # two tasks opened it at once
            await opened.close()
            return
        self._opened = opened

    async def close(self) -> None:
        """Finish what is under way or queued, and leave no connection. A store that is not open stays as it is."""
        if self._opened is None:
            return
        opened = self._here()
        self._opened = None
        await asyncio.shield(opened.close())

    async def now(self) -> int:
        """Read the server's clock, or the one that the store was given."""
        return await self._read(lambda reader: reader.now())

    async def load(self, run_id: str) -> Found:
        """Read all that belongs to a run, as of one moment, in one round trip."""
        return await self._read(lambda reader: reader.load(run_id))

    async def approvals(self, run_id: str) -> Found:
        """Read a run's approvals and its ledger's head, as of one moment."""
        return await self._read(lambda reader: reader.approvals(run_id))

    async def entries(self, run_id: str) -> tuple[Entry, ...]:
        """Read a run's ledger, in order."""
        return await self._read(lambda reader: reader.entries(run_id))

    async def notices(self, run_id: str) -> tuple[NoticeRow, ...]:
        """Read all notices of a run, by key."""
        return await self._read(lambda reader: reader.notices(run_id))

    async def due_notices(self, now: int, limit: int, channel: str) -> tuple[NoticeRow, ...]:
        """Read at most `limit` notices of a channel that are to be sent, those that wait longest first."""
        return await self._read(lambda reader: reader.due_notices(now, limit, channel))

    async def next_notice(self, now: int, channel: str) -> int | None:
        """Give the earliest time after `now` at which a notice of a channel is to be sent."""
        return await self._read(lambda reader: reader.next_notice(now, channel))

    async def page_notices(self, query: NoticeQuery) -> Page[NoticeRow]:
        """List notices that were given up. Raises `ValueError` for an `after` that no page gave."""
        return await self._read(lambda reader: reader.page_notices(query))

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """List runs. Raises `ValueError` for an `after` that no page gave."""
        return await self._read(lambda reader: reader.page_runs(query))

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """List open approvals. Raises `ValueError` for an `after` that no page gave."""
        return await self._read(lambda reader: reader.page_approvals(query))

    async def due(self, now: int, limit: int, lanes: Sequence[str] | None = None) -> tuple[str, ...]:
        """Name at most `limit` runs to look at: by `due_at`, then those that only a ready approval makes due.

        With `lanes` all of the first lane come before all of the second, and so on.
        """
        return await self._read(lambda reader: reader.due(now, limit, lanes))

    async def next_due(self, now: int, lanes: Sequence[str] | None = None) -> int | None:
        """Give the earliest `due_at` after `now` of any run, or of any run of these lanes; None where there is none."""
        return await self._read(lambda reader: reader.next_due(now, lanes))

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Apply all changes or none; on return of `Ok` the database has committed them. Raises a `StoreError`.

        Raises `CommitUnknown` where the connection was lost and could not be had again within `reconnect`. Where the
        awaiting task is cancelled the commit may still happen, as a whole.
        """
        return await self._here().writer.submit(changes)

    def listening(self) -> AbstractAsyncContextManager[Wakes]:
        """Listen to the commits of this namespace that have `wakes`, whoever makes them."""
        return self._listening()

    def joined(self, connection: object) -> JoinedStore:
        """Give this store as a part of the transaction of a `psycopg.AsyncConnection`, for as long as that lasts.

        A commit whose conditions do not hold is a conflict there too, and leaves the transaction in good order. Raises
        `TypeError` for anything else, `StoreUnavailable` where the connection is in autocommit and in no transaction.
        """
        return JoinedStore(connection, self._here().questions, self._settings.lock_wait, self._clock)

    @asynccontextmanager
    async def _listening(self) -> AsyncGenerator[Wakes]:
        async with self._here().listener.listening() as wakes:
            yield wakes

    async def _open(self) -> _Opened:
        place, settings = self._place, self._settings
        within = settings.reconnect.total_seconds()
        async with connected(self._source, within, place) as connection:
            check_server(connection, place)
            if self._migrates:
                await migrate(connection, place)
            else:
                await check_schema(connection, place)
            number = await namespace_id(connection, place)
        connections = await Connections.opened(self._source, settings.pool_size, within, place)
        questions = Questions(place, number)
        return _Opened(
            loop=asyncio.get_running_loop(),
            pid=os.getpid(),
            connections=connections,
            questions=questions,
            reader=GatheringReader(PoolAsks(connections, questions, settings.reconnect), self._clock),
            writer=Writer(
                Post(connections, place, number, settings.reconnect),
                settings.lock_wait,
                most_alone=max(1, (connections.most or settings.pool_size) - _FOR_OTHERS),
            ),
            listener=Listener(connections, place, settings.reconnect),
            reads=Underway(settings.reconnect.total_seconds()),
        )

    async def _read(self, ask: Callable[[GatheringReader], Awaitable[T]]) -> T:
        """Ask, and let `close` wait for the answer."""
        opened = self._here()
        with opened.reads:
            return await ask(opened.reader)

    def _here(self) -> _Opened:
        """Give what is open. Raises `StoreUnavailable` where it is not, or not for the caller."""
        opened = self._opened
        if opened is None:
            raise self._unavailable("is not open: `async with Orchestrator(store)` or `await store.open()` comes first")
        if opened.loop is not _running_loop():  # in a process that was forked off no loop is running that was before
            if opened.pid != os.getpid():
                raise self._unavailable("was opened before this process was forked: make a new PostgresStore here")
            raise self._unavailable("was opened on another event loop: make a PostgresStore for each loop")
        return opened

    def _unavailable(self, reason: str) -> StoreUnavailable:
        return StoreUnavailable(f"the store {self._place} {reason}")


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _checked_namespace(namespace: str) -> str:
    if not namespace or "\0" in namespace:
        msg = f"a namespace is a text of one character or more, and without NUL, unlike {namespace!r}"
        raise ValueError(msg)
    return namespace
