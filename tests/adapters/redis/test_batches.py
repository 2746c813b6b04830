from __future__ import annotations

import asyncio

import pytest

from awaitly import CommitUnknown, Ok, StoreUnavailable
from awaitly.testing.rows import changes, run_row
from awaitly_redis import RedisStore
from tests.adapters.redis.proxy import proxied


async def test_commits_of_one_turn_go_out_together(redis_url: str, namespace: str) -> None:
    """Sixty commits that are made at once cost one round trip."""
    async with proxied(redis_url) as proxy:
        store = RedisStore(proxy.url, namespace=namespace)
        await store.open()
        await store.commit(changes(runs=(run_row("first"),)))
        proxy.requests.clear()
        commits = [store.commit(changes(runs=(run_row(f"run-{n}"),))) for n in range(60)]
        assert await asyncio.gather(*commits) == [Ok(None)] * 60
        assert len(proxy.requests) == 1
        await store.close()


async def test_loads_of_one_turn_go_out_together(redis_url: str, namespace: str) -> None:
    """So do reads."""
    async with proxied(redis_url) as proxy:
        store = RedisStore(proxy.url, namespace=namespace)
        await store.open()
        await store.load("run")
        proxy.requests.clear()
        await asyncio.gather(*(store.load(f"run-{n}") for n in range(60)))
        assert len(proxy.requests) == 1
        await store.close()


async def test_more_than_a_ring_holds_go_out_in_turn(redis_url: str, namespace: str) -> None:
    """Commits of one shard never overtake their own outcomes: even where every reply but the last is lost."""
    async with proxied(redis_url) as proxy:
        store = RedisStore(proxy.url, namespace=namespace, shards=1, patience="30s")
        await store.open()
        proxy.losing = 4
        commits = [store.commit(changes(runs=(run_row(f"run-{n}"),))) for n in range(300)]
        assert await asyncio.gather(*commits) == [Ok(None)] * 300
        assert proxy.lost == 4
        await store.close()


async def test_reads_do_not_wait_for_writes(redis_url: str, namespace: str) -> None:
    """A read has a connection of its own: it is answered while a commit's reply is still awaited."""
    async with proxied(redis_url) as proxy:
        store = RedisStore(proxy.url, namespace=namespace)
        await store.open()
        await store.load("run")
        committing = asyncio.create_task(store.commit(changes(runs=(run_row(),))))
        assert (await store.load("other")).run is None
        assert await committing == Ok(None)
        await store.close()


async def test_a_fault_of_the_driver_is_told(redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits hears of it, instead of waiting for ever; a commit that was sent may stand."""
    store = RedisStore(redis_url, namespace=namespace)
    await store.open()

    async def broken(*_: object, **__: object) -> object:
        raise RuntimeError("a fault")

    with monkeypatch.context() as patch:
        patch.setattr("awaitly_redis.wire.read_reply", broken)
        with pytest.raises(StoreUnavailable, match="a fault"):
            await store.load("run")
        with pytest.raises(CommitUnknown, match="a fault"):
            await store.commit(changes(runs=(run_row(),)))
    assert (await store.load("run")).run == run_row()
    await store.close()
