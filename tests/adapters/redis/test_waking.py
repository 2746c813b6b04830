from __future__ import annotations

from awaitly.testing.rows import changes, run_row
from awaitly_redis import RedisStore
from awaitly_redis.keys import channel_of
from tests.adapters.redis.asking import asked, beside
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
