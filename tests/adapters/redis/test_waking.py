from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import ClassVar, cast
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Connection, ConnectionPool, Redis

from awaitly import StoreUnavailable
from awaitly.testing.rows import changes, run_row
from awaitly_redis import RedisStore
from awaitly_redis.keys import channel_of
from tests.adapters.redis.asking import asked, beside, clients, made
from tests.services.redis_server import RedisServer


async def test_a_lost_connection_is_told_by_an_empty_answer(redis_server: RedisServer) -> None:
    """Something may have been missed: whoever listens looks in the store; then it is told of commits again."""
    store = RedisStore(redis_server.url, patience="30s")
    await store.open()
    async with store.listening() as wakes, beside(redis_server.url) as client:
        await asked(client, "CLIENT", "KILL", "TYPE", "pubsub")
        assert await wakes.next(30) == frozenset()
        (await store.commit(changes(runs=(run_row(),), wakes=True))).unwrap()
        assert await wakes.next(30) == {"run"}
    await store.close()


async def test_a_restart_of_the_server_is_told_by_an_empty_answer(redis_server: RedisServer) -> None:
    """However long it takes until the server is there again."""
    store = RedisStore(redis_server.url, patience="30s")
    await store.open()
    async with store.listening() as wakes:
        redis_server.restart()
        assert await wakes.next(30) == frozenset()
        (await store.commit(changes(runs=(run_row(),), wakes=True))).unwrap()
        assert await wakes.next(30) == {"run"}
    await store.close()


async def test_databases_of_one_server_are_apart(redis_url: str, namespace: str) -> None:
    """Channels are not those of a database, so a channel's name holds its number."""
    other = RedisStore(redis_url.removesuffix("/0") + "/1", namespace=namespace)
    store = RedisStore(redis_url, namespace=namespace)
    await store.open()
    await other.open()
    async with store.listening() as wakes, other.listening() as elsewhere:
        (await store.commit(changes(runs=(run_row(),), wakes=True))).unwrap()
        assert await wakes.next(30) == {"run"}
        assert (await other.load("run")).run is None
        (await other.commit(changes(runs=(run_row("other"),), wakes=True))).unwrap()
        assert await elsewhere.next(30) == {"other"}
    await other.close()
    await store.close()


async def test_what_anybody_publishes_is_only_a_hint(redis_url: str, store: RedisStore, namespace: str) -> None:
    """A stranger on the channel can make a listener look in the store, and nothing more."""
    async with store.listening() as wakes, beside(redis_url) as client:
        await asked(client, "PUBLISH", channel_of(namespace, 0), "stranger")
        assert await wakes.next(30) == {"stranger"}
    assert (await store.load("stranger")).run is None


class Deaf(Connection):
    """Swallows what cancels it while it connects, once there is an event for it to tell that by."""

    begun: ClassVar[asyncio.Event | None] = None

    async def connect(self) -> None:
        """Connect, but only after something was swallowed."""
        begun, Deaf.begun = Deaf.begun, None
        if begun is not None:
            begun.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        connect = cast("Callable[[], Awaitable[None]]", super().connect)
        await connect()


async def heard(store: RedisStore) -> frozenset[str]:
    """Listen until something is told."""
    async with store.listening() as wakes:
        return await wakes.next(60)


async def test_a_driver_that_swallows_a_cancellation_is_cancelled_again(redis_url: str, namespace: str) -> None:
    """Who is cancelled while subscribing is let go, and the connection comes back to the caller's pool."""
    parts = urlsplit(redis_url)
    pool = ConnectionPool(connection_class=Deaf, host=parts.hostname, port=parts.port, max_connections=2)
    client = Redis(connection_pool=pool)
    store = RedisStore(client, namespace=namespace)
    await store.open()
    Deaf.begun = begun = asyncio.Event()
    listening = asyncio.create_task(heard(store))
    await begun.wait()
    listening.cancel()
    done, _ = await asyncio.wait((listening,), timeout=30)
    assert done == {listening}
    assert listening.cancelled()
    async with store.listening() as wakes:
        (await store.commit(changes(runs=(run_row(),), wakes=True))).unwrap()
        assert await wakes.next(30) == {"run"}
    await store.close()
    await pool.disconnect()


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21, 34])
async def test_listening_can_be_cancelled_anywhere(redis_url: str, namespace: str, turns: int) -> None:
    """With a client of the caller's; whoever subscribes at the same time hears what is told."""
    client = made(redis_url)
    store = RedisStore(client, namespace=namespace)
    await store.open()
    cancelled = asyncio.create_task(heard(store))
    for _ in range(turns):
        await asyncio.sleep(0)
    async with store.listening() as wakes:
        cancelled.cancel()
        done, _ = await asyncio.wait((cancelled,), timeout=30)
        assert done == {cancelled}
        (await store.commit(changes(runs=(run_row(),), wakes=True))).unwrap()
        assert await wakes.next(30) == {"run"}
    await store.close()
    await client.aclose()


async def test_all_who_listen_share_one_connection(redis_url: str, store: RedisStore, namespace: str) -> None:
    """However many they are; each is told, and who leaves takes nothing from the others."""
    async with AsyncExitStack() as stack:
        ears = [await stack.enter_async_context(store.listening()) for _ in range(300)]
        async with store.listening() as leaving:
            (await store.commit(changes(runs=(run_row(),), wakes=True))).unwrap()
            assert await leaving.next(30) == {"run"}
        assert await clients(redis_url, namespace) <= 3
        (await store.commit(changes(runs=(run_row("other"),), wakes=True))).unwrap()
        told = await asyncio.gather(*(ear.next(30) for ear in ears))
        assert all("run" in woken for woken in told)
    assert await clients(redis_url, namespace) <= 3


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8])
async def test_who_comes_while_the_last_one_leaves_is_told(store: RedisStore, turns: int) -> None:
    """A connection that is about to end is not lent to whoever comes in that moment."""
    listens, leave = asyncio.Event(), asyncio.Event()

    async def listen() -> None:
        async with store.listening():
            listens.set()
            await leave.wait()

    leaving = asyncio.create_task(listen())
    await listens.wait()
    leave.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    async with store.listening() as wakes:
        await leaving
        (await store.commit(changes(runs=(run_row(),), wakes=True))).unwrap()
        assert await wakes.next(30) == {"run"}


async def test_a_pool_without_a_connection_left_is_named(redis_url: str, namespace: str) -> None:
    """The message blames the client's pool, and not the server."""
    client = made(redis_url, max_connections=1)
    store, other = (RedisStore(client, namespace=f"{namespace}{mark}") for mark in "ab")
    await store.open()
    await other.open()
    async with store.listening():
        with pytest.raises(StoreUnavailable, match=r"pool are in use.*`max_connections`") as raised:
            async with other.listening():
                pass
    assert "cannot be reached" not in str(raised.value)
    await other.close()
    await store.close()
    await client.aclose()
