from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import uuid4

import pytest
from redis.asyncio import RedisCluster

from awaitly import ApprovalQuery, Ok, RunQuery, StoreUnavailable
from awaitly.testing.rows import changes, run_row
from awaitly_redis import RedisStore
from tests.adapters.redis.asking import asked, beside, clients, made
from tests.services.redis_server import RedisServer


async def used(store: RedisStore) -> None:
    """Do a bit of everything."""
    (await store.commit(changes(runs=(run_row(),), wakes=True))).unwrap()
    await asyncio.gather(*(store.load("run") for _ in range(200)))
    await store.page_runs(RunQuery())
    await store.page_approvals(ApprovalQuery())
    await store.due(await store.now(), 10)


async def gone(url: str, name: str) -> bool:
    """Wait until a server has noticed that its clients of this name are gone."""
    for _ in range(1000):
        if await clients(url, name) == 0:
            return True
        await asyncio.sleep(0.005)
    return False


def others() -> set[str]:
    """Name the tasks beside this one."""
    return {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()} if not task.done()}


async def test_closing_leaves_no_connection_and_no_task(redis_server: RedisServer) -> None:
    """Whatever the store was used for, also by many at once; while it is open it has a few connections."""
    before = others()
    store = RedisStore(redis_server.url)
    await store.open()
    await used(store)
    async with store.listening():
        assert 2 <= await clients(redis_server.url) <= 3
    await store.close()
    assert others() == before
    assert await gone(redis_server.url, "awaitly")


async def test_closing_leaves_no_connection_to_a_cluster(redis_cluster_url: str, namespace: str) -> None:
    """The same, and at each node."""
    before = others()
    name = f"awaitly-{uuid4().hex}"
    store = RedisStore(f"{redis_cluster_url}?client_name={name}", namespace=namespace)
    await store.open()
    await used(store)
    one_node = redis_cluster_url.replace("redis+cluster", "redis")
    assert await clients(one_node, name) > 0
    await store.close()
    assert others() == before
    assert await gone(one_node, name)


async def test_a_refused_opening_leaves_no_connection(redis_server: RedisServer) -> None:
    """Nor any task."""
    before = others()
    await (first := RedisStore(redis_server.url, shards=3)).open()
    await first.close()
    with suppress(Exception):
        await RedisStore(redis_server.url, shards=4).open()
    assert others() == before
    assert await gone(redis_server.url, "awaitly")


async def test_a_clients_owner_closes_it(redis_url: str, namespace: str) -> None:
    """A client that the caller brought serves on after the store is closed, with no connection of it in use."""
    client = made(redis_url)
    store = RedisStore(client, namespace=namespace)
    await store.open()
    await used(store)
    await store.close()
    assert await asked(client, "PING")
    again = RedisStore(client, namespace=namespace)
    await again.open()
    assert (await again.load("run")).run == run_row()
    await again.close()
    await client.aclose()


async def test_a_client_of_text_will_do(redis_url: str, namespace: str) -> None:
    """Whether the caller's client decodes replies does not matter."""
    client = made(redis_url, decode_responses=True)
    store = RedisStore(client, namespace=namespace)
    await store.open()
    await used(store)
    await store.close()
    assert await asked(client, "ECHO", "\u00e9") == "\u00e9"
    await client.aclose()


async def test_a_narrow_client_will_do(redis_url: str, namespace: str) -> None:
    """With a pool of two connections two hundred loads at once are served: they go out together."""
    client = made(redis_url, max_connections=2)
    store = RedisStore(client, namespace=namespace)
    await store.open()
    await used(store)
    await store.close()
    await client.aclose()


async def test_a_cluster_clients_owner_closes_it(redis_cluster_url: str, namespace: str) -> None:
    """The same for a client of a cluster."""
    url = redis_cluster_url.replace("redis+cluster", "redis")
    client = RedisCluster.from_url(url)
    store = RedisStore(client, namespace=namespace)
    await store.open()
    await used(store)
    await store.close()
    assert await asked(client, "PING")
    await client.aclose()


async def test_closing_finishes_what_is_under_way(redis_url: str, namespace: str) -> None:
    """Commits that were begun are answered, and stand."""
    store = RedisStore(redis_url, namespace=namespace)
    await store.open()
    commits = [asyncio.create_task(store.commit(changes(runs=(run_row(f"run-{n}"),)))) for n in range(100)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*commits) == [Ok(None)] * 100
    await store.open()
    assert len((await store.page_runs(RunQuery(limit=200))).items) == 100
    await store.close()


async def test_opening_twice_is_harmless(store: RedisStore) -> None:
    """The second `open` does nothing."""
    await store.open()
    assert await store.now() > 0


async def test_opening_at_once_leaves_no_connection(redis_server: RedisServer) -> None:
    """Of several tasks that open one store one is first; what the others took is given back."""
    before = others()
    store = RedisStore(redis_server.url)
    await asyncio.gather(*(store.open() for _ in range(4)))
    assert await store.now() > 0
    await store.close()
    assert others() == before
    assert await gone(redis_server.url, "awaitly")


async def test_a_cancelled_closing_goes_on(redis_server: RedisServer) -> None:
    """It waits for an answer, is cancelled, and is done when one closes again; the commit under way stands."""
    before = others()
    store = RedisStore(redis_server.url)
    await store.open()
    async with beside(redis_server.url) as client:
        await asked(client, "CLIENT", "PAUSE", 60_000, "WRITE")
        commit = asyncio.create_task(store.commit(changes(runs=(run_row(),))))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await store.close()
        await asked(client, "CLIENT", "UNPAUSE")
    await store.close()
    assert await commit == Ok(None)
    assert others() == before
    assert await gone(redis_server.url, "awaitly")


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21])
async def test_a_cancelled_opening_leaves_nothing(redis_server: RedisServer, turns: int) -> None:
    """Wherever it is cancelled; and the store can be opened afterwards."""
    before = others()
    store = RedisStore(redis_server.url)
    task = asyncio.create_task(store.open())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await store.close()
    assert others() == before
    assert await gone(redis_server.url, "awaitly")
    await store.open()
    await store.close()


VERBS: dict[str, Callable[[RedisStore], Awaitable[object]]] = {
    "commit": lambda store: store.commit(changes(runs=(run_row("other"),))),
    "load": lambda store: store.load("run"),
    "page": lambda store: store.page_runs(RunQuery()),
}


@pytest.mark.parametrize("verb", list(VERBS.values()), ids=list(VERBS))
@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8])
async def test_who_is_cancelled_disturbs_nobody(
    store: RedisStore, verb: Callable[[RedisStore], Awaitable[object]], turns: int
) -> None:
    """Others whose questions went out in the same batch get their own answers."""
    (await store.commit(changes(runs=(run_row(),)))).unwrap()
    cancelled = [asyncio.ensure_future(verb(store)) for _ in range(4)]
    served = [asyncio.create_task(store.load("run")) for _ in range(4)]
    for _ in range(turns):
        await asyncio.sleep(0)
    for each in cancelled:
        each.cancel()
    assert [found.run for found in await asyncio.gather(*served)] == [run_row()] * 4
    await asyncio.gather(*cancelled, return_exceptions=True)
    assert (await store.load("run")).run == run_row()


async def test_a_store_belongs_to_its_loop(store: RedisStore) -> None:
    """Another loop is told so, instead of waiting for ever."""
    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(asyncio.run, refused_elsewhere(store))
        assert "another event loop" in await asyncio.wrap_future(asking)


async def refused_elsewhere(store: RedisStore) -> str:
    """Use a store that another loop opened."""
    with pytest.raises(StoreUnavailable) as raised:
        await store.load("run")
    return str(raised.value)


@pytest.fixture
async def listening(redis_url: str, namespace: str) -> AsyncIterator[RedisStore]:
    """Yield a store that is closed while somebody listens."""
    store = RedisStore(redis_url, namespace=namespace)
    await store.open()
    yield store
    await store.close()


async def test_closing_ends_listening(listening: RedisStore) -> None:
    """Who waits for wake-ups is told, and no task stays behind."""
    before = others()
    async with listening.listening() as wakes:
        waiting = asyncio.create_task(wakes.next(60))
        await asyncio.sleep(0)
        await listening.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            await waiting
    assert others() == before


async def test_what_was_half_asked_when_the_store_closed_is_told(redis_url: str, namespace: str) -> None:
    """A listing whose second question comes too late opens no connection any more."""
    store = RedisStore(redis_url, namespace=namespace)
    await store.open()
    (await store.commit(changes(runs=(run_row(),)))).unwrap()
    before = others()
    listing = asyncio.create_task(store.page_runs(RunQuery()))
    await asyncio.sleep(0)
    await store.close()
    with suppress(StoreUnavailable):
        assert (await listing).items == (run_row(),)
    assert others() == before
