from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from redis.asyncio import Redis

from awaitly import CommitUnknown, Ok, StoreUnavailable
from awaitly.testing.rows import approval_row, changes, entry_row, run_row, step_row
from awaitly_redis import RedisStore
from tests.adapters.redis.asking import made
from tests.adapters.redis.proxy import Proxy, proxied
from tests.services.redis_server import RedisServer


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    """Stand between a store and its server."""
    async with proxied(redis_url) as proxy:
        yield proxy


@pytest.fixture
async def cut_off(proxy: Proxy, namespace: str) -> AsyncIterator[RedisStore]:
    """Yield an open store that reaches its server through the proxy."""
    store = RedisStore(proxy.url, namespace=namespace, patience="5s")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def hasty(proxy: Proxy, namespace: str) -> AsyncIterator[RedisStore]:
    """Yield the same with hardly any patience."""
    store = RedisStore(proxy.url, namespace=namespace, patience="50ms")
    await store.open()
    yield store
    await store.close()


PARKING = changes(runs=(run_row(),), steps=(step_row(),), approvals=(approval_row(),), entries=(entry_row(),))
DECISION = changes(
    approvals=(approval_row(version=2, open=False, ready=True),), entries=(entry_row(seq=2),), wakes=True
)


async def test_the_driver_by_itself_writes_twice(proxy: Proxy, namespace: str) -> None:
    """The danger is real: where a reply is lost, a plain client sends its write again, and it is done twice."""
    proxy.marked, proxy.losing = b"INCR", 1
    client = made(proxy.url)
    try:
        await client.incr(f"{namespace}:danger")
        assert proxy.lost == 1
        assert int(cast("bytes", await client.get(f"{namespace}:danger"))) == 2
    finally:
        await client.delete(f"{namespace}:danger")
        await client.aclose()


async def test_a_lost_reply_is_asked_for_again(proxy: Proxy, cut_off: RedisStore) -> None:
    """A commit whose reply was lost is applied once, and whoever made it is told that it stands."""
    proxy.losing = 1
    assert await cut_off.commit(PARKING) == Ok(None)
    assert proxy.lost == 1
    found = await cut_off.load("run")
    assert (found.run, found.steps, len(found.approvals)) == (run_row(), (step_row(),), 1)


async def test_a_decision_whose_reply_was_lost_is_no_conflict(proxy: Proxy, cut_off: RedisStore) -> None:
    """Sent again it meets its own row, and is known to be that."""
    await cut_off.commit(PARKING)
    proxy.losing = 3
    assert await cut_off.commit(DECISION) == Ok(None)
    assert proxy.lost == 3
    assert [entry.seq for entry in await cut_off.entries("run")] == [1, 2]


async def test_somebody_else_may_write_before_it_is_asked_again(
    proxy: Proxy, cut_off: RedisStore, store: RedisStore
) -> None:
    """The commit is still known to have been applied when its run has moved on meanwhile."""
    await cut_off.commit(PARKING)
    proxy.losing, proxy.refusing = 1, True
    deciding = asyncio.create_task(cut_off.commit(DECISION))
    await proxy.has_lost.wait()
    consumed = approval_row(version=3, open=False)
    assert await store.commit(changes(runs=(run_row(version=2),), approvals=(consumed,))) == Ok(None)
    proxy.refusing = False
    assert await deciding == Ok(None)
    assert (await store.load("run")).approvals == (consumed,)


async def test_all_of_a_batch_are_asked_for_again(proxy: Proxy, cut_off: RedisStore) -> None:
    """Each of many commits whose replies were lost together is applied once, and answered for itself."""
    await cut_off.commit(changes(runs=(run_row("taken"),)))
    proxy.losing = 1
    good = [changes(runs=(run_row(f"run-{n}"),), entries=(entry_row(f"run-{n}"),)) for n in range(40)]
    bad = changes(runs=(run_row("taken"),))
    results = await asyncio.gather(*map(cut_off.commit, [*good, bad]))
    assert proxy.lost == 1
    assert results[:-1] == [Ok(None)] * 40
    assert results[-1] != Ok(None)
    for n in range(40):
        assert (await cut_off.load(f"run-{n}")).run == run_row(f"run-{n}")


@pytest.mark.parametrize("retries", [0, 5])
async def test_a_client_that_repeats_by_itself_does_no_harm(redis_url: str, namespace: str, retries: int) -> None:
    """With a client of the caller's, whatever its retries, a commit is applied once."""
    async with proxied(redis_url) as proxy:
        client = made(proxy.url)
        client.get_retry().update_retries(retries)  # type: ignore[union-attr]
        store = RedisStore(client, namespace=namespace)
        await store.open()
        proxy.losing = 2
        assert await store.commit(PARKING) == Ok(None)
        assert proxy.lost == 2
        await store.close()
        await client.aclose()


async def test_what_cannot_be_known_is_said_to_be_unknown(proxy: Proxy, hasty: RedisStore, store: RedisStore) -> None:
    """Where the server cannot be had again, the commit is `CommitUnknown`, never a failure: it may well stand."""
    proxy.losing, proxy.refusing = 1, True
    with pytest.raises(CommitUnknown, match="look whether the commit stands"):
        await hasty.commit(PARKING)
    assert (await store.load("run")).run == run_row()


async def test_what_was_not_sent_is_unavailable(proxy: Proxy, hasty: RedisStore, store: RedisStore) -> None:
    """Where no connection could be made, nothing was written, and that is what the caller is told."""
    proxy.refusing = True
    await proxy.end()
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await hasty.commit(PARKING)
    assert (await store.load("run")).run is None


async def test_a_lost_read_is_asked_for_again(proxy: Proxy, cut_off: RedisStore) -> None:
    """Reading is tried again without anybody noticing."""
    await cut_off.commit(PARKING)
    proxy.losing = 2
    assert (await cut_off.load("run")).run == run_row()
    assert proxy.lost == 2


async def test_an_impatient_store_tells_its_scripts(redis_server: RedisServer) -> None:
    """A server that knows no scripts yet is told them, however little time is allowed."""
    store = RedisStore(redis_server.url, patience="1ms")
    await store.open()
    assert await store.commit(PARKING) == Ok(None)
    assert (await store.load("run")).run == run_row()
    await store.close()


async def test_a_forgotten_script_is_told_again(redis_url: str, store: RedisStore) -> None:
    """A server that lost its scripts, as a failover makes it, is told them anew."""
    await store.commit(PARKING)
    other: Redis = made(redis_url)
    await other.script_flush()
    await other.aclose()
    assert await store.commit(DECISION) == Ok(None)
    assert (await store.load("run")).approvals == DECISION.approvals
