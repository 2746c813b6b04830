from __future__ import annotations

import pytest

from awaitly import Ok, StoreForbidden, StoreUnavailable, StoreUnsuitable
from awaitly.testing.rows import approval_row, changes, entry_row, run_row
from awaitly_redis import RedisStore
from tests.adapters.redis.asking import asked, beside
from tests.services.plugin import NewRedis
from tests.services.redis_server import RedisServer

VOLATILE = ("--appendonly", "no")
ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")
EACH_SECOND = ("--appendonly", "yes", "--appendfsync", "everysec")

DECIDED = changes(
    runs=(run_row(),), approvals=(approval_row(open=False, ready=True),), entries=(entry_row(),), wakes=True
)


@pytest.fixture
def volatile(new_redis: NewRedis) -> RedisServer:
    """Give a server that keeps nothing."""
    return new_redis(*VOLATILE)


async def opened(url: str, *, allow_volatile: bool = False) -> None:
    """Open a store and close it."""
    store = RedisStore(url, allow_volatile=allow_volatile, patience="5s")
    await store.open()
    await store.close()


async def decide_and_kill(server: RedisServer) -> RedisStore:
    """Have a decision acknowledged, kill the server at once and start it again, and open the store anew."""
    store = RedisStore(server.url, allow_volatile=True)
    await store.open()
    assert await store.commit(DECIDED) == Ok(None)
    await store.close()
    server.restart()
    await store.open()
    return store


@pytest.mark.parametrize("options", [ALWAYS, EACH_SECOND], ids=["always", "everysec"])
async def test_with_a_log_a_decision_survives_a_kill(new_redis: NewRedis, options: tuple[str, ...]) -> None:
    """What was acknowledged is there after SIGKILL, for the kernel has it; this says nothing about a loss of power."""
    store = await decide_and_kill(new_redis(*options))
    found = await store.load("run")
    await store.close()
    assert (found.run, found.approvals, found.head) == (run_row(), DECIDED.approvals, entry_row())


async def test_without_a_log_a_decision_is_lost(volatile: RedisServer) -> None:
    """The weaker promise, shown: what was acknowledged is gone after a kill; so `open` refuses such a server."""
    store = await decide_and_kill(volatile)
    found = await store.load("run")
    await store.close()
    assert (found.run, found.approvals, found.head) == (None, (), None)


async def test_a_server_without_a_log_is_refused(volatile: RedisServer) -> None:
    """With the lines for redis.conf that cure it."""
    with pytest.raises(StoreUnsuitable, match=r"append-only file: off.*`appendonly yes`.*CONFIG SET.*allow_volatile"):
        await opened(volatile.url)


async def test_a_server_without_a_log_can_be_allowed(volatile: RedisServer) -> None:
    """By saying so."""
    await opened(volatile.url, allow_volatile=True)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_server_that_evicts_is_refused(redis_server: RedisServer, policy: str) -> None:
    """With the line for redis.conf that cures it; the log being on, that is not asked for."""
    async with beside(redis_server.url) as client:
        await asked(client, "CONFIG", "SET", "maxmemory-policy", policy)
    with pytest.raises(StoreUnsuitable, match=f"{policy}.*`maxmemory-policy noeviction`") as raised:
        await opened(redis_server.url)
    assert "appendonly" not in str(raised.value)
    await opened(redis_server.url, allow_volatile=True)


async def test_the_cure_cures(volatile: RedisServer) -> None:
    """After the command that the refusal names the server is taken."""
    async with beside(volatile.url) as client:
        await asked(client, "CONFIG", "SET", "appendonly", "yes")
    await opened(volatile.url)


async def test_what_cannot_be_checked_is_said(redis_server: RedisServer) -> None:
    """A user who may not run INFO is told what to allow, unless `allow_volatile` says that it does not matter."""
    async with beside(redis_server.url) as client:
        await asked(client, "ACL", "SETUSER", "blind", "on", ">pw", "~{awaitly:*", "&awaitly:*", "+@all", "-info")
    url = redis_server.url.replace("redis://", "redis://blind:pw@")
    with pytest.raises(StoreForbidden, match=r"may not run INFO.*\+info"):
        await opened(url)
    await opened(url, allow_volatile=True)


async def test_a_server_without_config_is_checked(redis_server: RedisServer) -> None:
    """Managed servers forbid CONFIG; INFO says as much."""
    async with beside(redis_server.url) as client:
        await asked(client, "ACL", "SETUSER", "managed", "on", ">pw", "~*", "&*", "+@all", "-config")
    await opened(redis_server.url.replace("redis://", "redis://managed:pw@"))


async def test_a_restart_is_waited_for(redis_server: RedisServer) -> None:
    """A commit during a restart waits until the server has loaded what it kept, and is then applied once."""
    store = RedisStore(redis_server.url, patience="30s")
    await store.open()
    await store.commit(DECIDED)
    redis_server.restart()
    assert await store.commit(changes(runs=(run_row(version=2),))) == Ok(None)
    assert (await store.load("run")).run == run_row(version=2)
    await store.close()


async def test_a_server_that_is_gone_is_unavailable(redis_server: RedisServer) -> None:
    """After the time that was allowed, with a sentence that says what to look at."""
    store = RedisStore(redis_server.url, patience="50ms")
    await store.open()
    redis_server.kill()
    with pytest.raises(StoreUnavailable, match="check that it runs"):
        await store.load("run")
    with pytest.raises(StoreUnavailable):
        await store.commit(DECIDED)
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.open()
