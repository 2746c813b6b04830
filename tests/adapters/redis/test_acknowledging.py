from __future__ import annotations

import pytest

from awaitly import CommitUnknown, Ok
from awaitly.testing.rows import changes, run_row
from awaitly_redis import Acknowledge, RedisStore
from tests.adapters.redis.asking import asked, beside, until
from tests.adapters.redis.proxy import proxied
from tests.services.plugin import NewRedis
from tests.services.redis_server import RedisServer


@pytest.fixture
async def replica(redis_server: RedisServer, new_redis: NewRedis) -> RedisServer:
    """Give a replica of `redis_server` that has caught up."""
    replica = new_redis("--appendonly", "yes", "--replicaof", "127.0.0.1", str(redis_server.port))
    async with beside(replica.url) as client:

        async def has_caught_up() -> bool:
            return "'master_link_status': 'up'" in str(await asked(client, "INFO", "replication"))

        await until(has_caught_up)
    return replica


async def test_a_commit_waits_for_a_replica(redis_server: RedisServer, replica: RedisServer) -> None:
    """On return the replica has it: it can be read there at once, and would survive the loss of the master."""
    store = RedisStore(redis_server.url, acknowledge=Acknowledge(replicas=1, timeout="20s"))
    await store.open()
    assert await store.commit(changes(runs=(run_row(),))) == Ok(None)
    redis_server.kill()
    async with beside(replica.url) as client:
        await asked(client, "REPLICAOF", "NO", "ONE")
    promoted = RedisStore(replica.url)
    await promoted.open()
    assert (await promoted.load("run")).run == run_row()
    await promoted.close()
    await store.close()


async def test_too_few_confirmations_are_unknown(redis_server: RedisServer) -> None:
    """The commit stands on the master, but is not as safe as was asked for: neither Ok nor a failure."""
    store = RedisStore(redis_server.url, acknowledge=Acknowledge(replicas=1, timeout="10ms"))
    await store.open()
    with pytest.raises(CommitUnknown, match="0 of 1 replicas"):
        await store.commit(changes(runs=(run_row(),)))
    assert (await store.load("run")).run == run_row()
    await store.close()


async def test_a_conflict_is_a_conflict_whoever_confirms(redis_server: RedisServer) -> None:
    """What was refused was not written, so nobody has to confirm it."""
    plain = RedisStore(redis_server.url)
    await plain.open()
    await plain.commit(changes(runs=(run_row(),)))
    store = RedisStore(redis_server.url, acknowledge=Acknowledge(replicas=1, timeout="10ms"))
    await store.open()
    assert await store.commit(changes(runs=(run_row(),))) != Ok(None)
    await store.close()
    await plain.close()


async def test_what_need_not_be_flushed_does_not_wait(redis_server: RedisServer) -> None:
    """A commit with `flushed=False` asks nobody."""
    store = RedisStore(redis_server.url, acknowledge=Acknowledge(replicas=1, timeout="10ms"))
    await store.open()
    assert await store.commit(changes(runs=(run_row(),), flushed=False)) == Ok(None)
    await store.close()


async def test_a_commit_that_is_asked_for_again_is_confirmed_too(
    redis_server: RedisServer, replica: RedisServer
) -> None:
    """Where the reply was lost, asking again waits for the replicas as well, although it applies nothing."""
    async with proxied(redis_server.url) as proxy:
        store = RedisStore(proxy.url, acknowledge=Acknowledge(replicas=1, timeout="50ms"))
        await store.open()
        replica.kill()
        proxy.losing = 1
        with pytest.raises(CommitUnknown, match="0 of 1 replicas"):
            await store.commit(changes(runs=(run_row(),)))
        assert proxy.lost == 1
        await store.close()
