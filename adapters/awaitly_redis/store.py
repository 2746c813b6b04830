"""`RedisStore`: all of a store in a Redis, or in a cluster of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from attrs import define
from redis.asyncio import Redis, RedisCluster

from awaitly_redis import listing, notices, sweeping
from awaitly_redis.acknowledging import Acknowledge
from awaitly_redis.checking import LAYOUT, Demands, check_server, keys_of
from awaitly_redis.committing import COMMIT, arguments, is_empty, outcome
from awaitly_redis.core import (
    ApprovalQuery,
    ApprovalRow,
    Changes,
    Conflict,
    Duration,
    Entry,
    Found,
    NoticeQuery,
    NoticeRow,
    Ok,
    Page,
    RemoteClock,
    Result,
    RunQuery,
    RunRow,
    StoreUnavailable,
    StoreUnsuitable,
    Wakes,
    as_timedelta,
    to_micros,
)
from awaitly_redis.driver import Client, Link, link_of
from awaitly_redis.errors import FAILURES, Lost, is_forbidden, lacks_cluster, translated, unavailable
from awaitly_redis.keys import META, base_of, channel_of, shard_of
from awaitly_redis.places import client_of, described
from awaitly_redis.reading import micros_of
from awaitly_redis.scripts import packed
from awaitly_redis.shards import Shards
from awaitly_redis.waking import Listener
from awaitly_redis.wire import MOST_AT_ONCE, Wire

__all__ = ["DEFAULT_NAMESPACE", "DEFAULT_PATIENCE", "RedisStore"]

DEFAULT_NAMESPACE = "default"
DEFAULT_PATIENCE = "10s"

_LONGEST_NAME = 200
_MOST_SHARDS = 1024
_LONGEST_PATIENCE = 300
_TIME = packed((b"TIME",))


@define(eq=False)
class _Opened:
    """What `open` took and `close` gives back. `numbers`: of the next commit in each shard."""

    loop: asyncio.AbstractEventLoop
    pid: int
    link: Link
    wire: Wire
    shards: Shards
    writer: bytes
    numbers: list[int]
    listener: Listener

    async def end(self) -> None:
        """Finish what is under way and give back all connections."""
        await self.listener.close()
        await _left(self.wire, self.link)


class RedisStore:
    """Keeps everything in Redis, for the processes of many hosts.

    `server` is a URL (`redis://`, `rediss://`, `redis+cluster://`, `rediss+cluster://`) or a client of `redis.asyncio`
    that you made: such a client is used, and never closed. Rows of one `namespace` are never seen by another.

    What survives is up to the server. `open` refuses one that keeps no append-only file or that evicts keys, unless
    `allow_volatile`. `acknowledge` waits for replicas, or for their disks. `patience`: how long something is tried
    again while the server cannot be had; 5 minutes at most. `clock` takes the place of the server's clock. `shards`:
    among how many slots of a cluster the rows are spread, fixed when the namespace is made; 16 where nothing is said.

    A store belongs to the event loop that opened it; another loop, thread or forked process needs another store.
    Raises `ValueError` for a namespace that can be none, and a `patience` that is none or too long.
    """

    def __init__(
        self,
        server: str | Client,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        shards: int | None = None,
        allow_volatile: bool = False,
        acknowledge: Acknowledge | None = None,
        clock: Callable[[], datetime] | None = None,
        patience: Duration = DEFAULT_PATIENCE,
    ) -> None:
        _check(server, namespace, shards)
        self._server = server
        self._where = f"{described(server)} (namespace {namespace!r})"
        self._demands = Demands(
            namespace=namespace, shards=shards, allow_volatile=allow_volatile, acknowledge=acknowledge
        )
        self._clock = None if clock is None else _micros(clock)
        self._patience = _checked_patience(patience)
        self._servers = RemoteClock()
        self._opened: _Opened | None = None
        self._closing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"RedisStore({self._where})"

    async def open(self) -> None:
        """Connect, check the server, and find or make the namespace; an open store stays as it is.

        Raises `StoreUnsuitable`, `StoreForbidden`, `StoreReadOnly`, `NotAStore`, `SchemaTooNew`, `SchemaTooOld`,
        `StoreUnavailable`.
        """
        if self._opened is not None:
            self._here()
            return
        opened = await self._made()
        if self._opened is not None:  # another task was faster
            await asyncio.shield(opened.end())
            self._here()
            return
        self._opened = opened

    async def close(self) -> None:
        """Finish what is under way and give back all connections. A client that you brought stays open.

        Where the awaiting task is cancelled this goes on all the same; closing again waits for its end.
        """
        if self._opened is not None:
            opened, self._opened = self._here(), None
            self._closing = asyncio.create_task(opened.end(), name="awaitly-redis-close")
        if self._closing is not None and not self._closing.done():
            await asyncio.shield(self._closing)

    async def _made(self) -> _Opened:
        link = self._link()
        wire = Wire(link, self._where, self._patience, self._demands.acknowledge)
        listener = Listener(wire, self._channel(link), base_of(self._demands.namespace, META))
        try:
            await self._begin(link)
            await check_server(wire, self._demands)
            keys = await keys_of(wire, self._demands)
        except BaseException:
            await asyncio.shield(_left(wire, link))
            raise
        shards = Shards(keys, wire, self._clock)
        loop, writer = asyncio.get_running_loop(), os.urandom(6).hex().encode()
        return _Opened(loop, os.getpid(), link, wire, shards, writer, [0] * keys.shards, listener)

    async def now(self) -> int:
        """Read the clock that the store was given, or the server's: asked only where it was not heard a moment ago."""
        opened = self._here()
        if self._clock is not None:
            return self._clock()
        heard = self._servers.read()
        if heard is not None:
            return heard
        match await opened.wire.ask(base_of(self._demands.namespace, META), _TIME):
            case [bytes(seconds), bytes(micros)]:
                self._servers.heard(micros_of(seconds, micros))
                return micros_of(seconds, micros)
            case reply:
                raise StoreUnavailable(f"the store {self._where}: TIME was answered by {reply!r}")

    async def load(self, run_id: str) -> Found:
        """Read all that belongs to a run, as of one moment."""
        return self._noted(await self._here().shards.load(run_id, b"all"))

    async def approvals(self, run_id: str) -> Found:
        """Read a run's approvals and its ledger's head, as of one moment."""
        return self._noted(await self._here().shards.load(run_id, b"approvals"))

    def _noted(self, found: Found) -> Found:
        """Take note of the server's clock."""
        if self._clock is None:
            self._servers.heard(found.now)
        return found

    async def entries(self, run_id: str) -> tuple[Entry, ...]:
        """Read a run's ledger, in order."""
        return await self._here().shards.entries(run_id)

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """List runs. Raises `ValueError` for an `after` that no page gave."""
        return await listing.page_runs(self._here().shards, query)

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """List open approvals. Raises `ValueError` for an `after` that no page gave."""
        return await listing.page_approvals(self._here().shards, query)

    async def notices(self, run_id: str) -> tuple[NoticeRow, ...]:
        """Read all notices of a run, by key."""
        return await notices.notices_of(self._here().shards, run_id)

    async def due_notices(self, now: int, limit: int, channel: str) -> tuple[NoticeRow, ...]:
        """Read at most `limit` notices of a channel that are to be sent at `now` (microseconds), by `due_at`."""
        return await notices.due_notices(self._here().shards, now, limit, channel)

    async def next_notice(self, now: int, channel: str) -> int | None:
        """Give the earliest `due_at` after `now` (microseconds) of a channel's notices."""
        return await notices.next_notice(self._here().shards, now, channel)

    async def page_notices(self, query: NoticeQuery) -> Page[NoticeRow]:
        """List notices that were given up. Raises `ValueError` for an `after` that no page gave."""
        return await notices.page_notices(self._here().shards, query)

    async def due(self, now: int, limit: int, lanes: Sequence[str] | None = None) -> tuple[str, ...]:
        """Name at most `limit` runs to look at, of all lanes or of these one after the other.

        By `due_at` (microseconds); those that only a decision makes due come last.
        """
        return await sweeping.due(self._here().shards, now, limit, lanes)

    async def next_due(self, now: int, lanes: Sequence[str] | None = None) -> int | None:
        """Give the earliest `due_at` after `now` (microseconds), of all lanes or of these."""
        return await sweeping.next_due(self._here().shards, now, lanes)

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Apply all changes or none. Raises a `StoreError`; `CommitUnknown` where it may stand all the same.

        Where the awaiting task is cancelled the commit may still happen, as a whole.
        """
        opened = self._here()
        if is_empty(changes):
            return Ok(None)
        run_id = changes.run_id.encode()
        shard = shard_of(run_id, opened.shards.keys.shards)
        base = opened.shards.keys.bases[shard]
        parts = arguments(changes)
        number = opened.numbers[shard] = opened.numbers[shard] + 1
        ring = b"%bw%b:%d" % (base, opened.writer, number % MOST_AT_ONCE)
        wire = COMMIT.call(
            (base + b"r" + run_id, ring),
            (
                run_id,
                b"%d" % number,
                self._channel(opened.link) if changes.wakes else b"",
                b"1" if opened.link.clustered else b"0",
                *parts,
            ),
        )
        return outcome(changes, await opened.wire.ask(base, wire, writes=True, confirmed=changes.flushed), self._where)

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Wakes]:
        """Listen to commits with `wakes`: those after this was entered are told."""
        async with self._here().listener.listening() as wakes:
            yield wakes

    def schema(self) -> str:
        """Say which keys there are."""
        return _SCHEMA.format(
            layout=LAYOUT, base=base_of(self._demands.namespace, "N").decode(), namespace=self._demands.namespace
        )

    def _channel(self, link: Link) -> bytes:
        return channel_of(self._demands.namespace, link.database)

    def _link(self) -> Link:
        if isinstance(self._server, str):
            return link_of(client_of(self._server), ours=True)
        return link_of(self._server, ours=False)

    async def _begin(self, link: Link) -> None:
        try:
            await link.begin()
        except (*FAILURES, Lost) as error:
            if lacks_cluster(error):
                reason = "this server is no node of a cluster; write redis:// or pass a Redis"
                raise StoreUnsuitable(f"the store {self._where}: {reason}") from error
            cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
            raise (translated if is_forbidden(cause) else unavailable)(cause, self._where) from error

    def _here(self) -> _Opened:
        """Give what is open. Raises `StoreUnavailable` where it is not, or not for the caller."""
        opened = self._opened
        if opened is None:
            raise self._unavailable("is not open: `async with Orchestrator(store)` or `await store.open()` comes first")
        if opened.loop is not _running_loop():  # in a process that was forked off no loop is running that was before
            if opened.pid != os.getpid():
                raise self._unavailable("was opened before this process was forked: make a new RedisStore here")
            raise self._unavailable("was opened on another event loop: make a RedisStore for each loop")
        return opened

    def _unavailable(self, reason: str) -> StoreUnavailable:
        return StoreUnavailable(f"the store {self._where} {reason}")


async def _left(wire: Wire, link: Link) -> None:
    await wire.close()
    await link.close()


def _check(server: object, namespace: str, shards: int | None) -> None:
    if not isinstance(server, (str, Redis, RedisCluster)):
        kind = f"{type(server).__module__}.{type(server).__name__}"
        raise TypeError(f"a RedisStore takes a URL, or a Redis or RedisCluster of redis.asyncio, not a {kind}")
    if not namespace or len(namespace) > _LONGEST_NAME or not namespace.isprintable():
        raise ValueError(f"a namespace must be 1 to {_LONGEST_NAME} printable characters, not {namespace[:40]!r}")
    if shards is not None and not 1 <= shards <= _MOST_SHARDS:
        raise ValueError(f"shards must be 1 to {_MOST_SHARDS}, not {shards}")


def _checked_patience(patience: Duration) -> float:
    """Give it in seconds; beyond the limit a server may have forgotten what became of a commit."""
    seconds = as_timedelta(patience).total_seconds()
    if seconds > _LONGEST_PATIENCE:
        raise ValueError(f"patience must be at most {_LONGEST_PATIENCE} s, not {seconds:g} s")
    return seconds


def _micros(clock: Callable[[], datetime]) -> Callable[[], int]:
    return lambda: to_micros(clock())


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


_SCHEMA = """\
Layout {layout}. Keys of namespace {namespace!r}; N is a shard's number, or `meta` for what is said about all of them.

{base} with N = meta   hash    layout, shards
{base}r<run id>        hash    one run: r and b (row), s<key> (steps), n (how many), a<key> (approvals), e<seq> (ledger)
{base}l                zset    runs by status, workflow, created_at, run_id
{base}n                zset    every run_id that something is kept under
{base}u                zset    runs by updated_at
{base}d                zset    runs by due_at, run_id
{base}q                zset    runs by lane, due_at, run_id
{base}y                zset    ready approvals of runs
{base}o                zset    open approvals by workflow, asked_at, run_id, key; behind those the deadline
{base}x                zset    open approvals by deadline
{base}a                zset    open approvals by name of the audience, deadline, run_id, key; behind: asked_at, workflow
{base}t<run id>        hash    notices of one run: t<key>
{base}p                zset    notices to be sent by channel, due_at, run_id, key
{base}g                zset    notices given up by run_id, key; and by channel, run_id, key
{base}w<writer>:<n>    string  the last commits of a process that is writing; each is gone after ten minutes
"""
