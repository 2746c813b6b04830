from __future__ import annotations

from collections.abc import Callable
from threading import Event
from uuid import uuid4

import pytest

from awaitly import Changes, Conflict, Result
from awaitly.testing import Failpoints, StoreWrapper
from tests.faults.child import do_all
from tests.faults.indoors import RUN, Indoors
from tests.faults.inspecting import check_end
from tests.faults.lengths import times
from tests.faults.stores import split, store_at
from tests.faults.tally import TALLY, Violated
from tests.services.plugin import NewProxy
from tests.services.postgres_server import PostgresServer
from tests.services.proxy import Proxy
from tests.services.redis_server import RedisServer

LIVES = 30
MOVES = ("start", "step", "park", "decide", "claim", "end", "cancel")


class Far:
    """Stores behind proxies, each new one without rows."""

    def __init__(self, proxies: tuple[Proxy, ...], address: Callable[[str], str]) -> None:
        self.proxies = proxies
        self._address = address

    def life(self, seed: int) -> Indoors:
        """Give a run's life on a new store."""
        return Indoors(seed, store=store_at(self._address(f"t{uuid4().hex[:12]}")))


def through(url: str, proxy: Proxy, port: int) -> str:
    """Give a server's URL by way of a proxy."""
    return url.replace(str(port), str(proxy.port))


@pytest.fixture
def far_postgres(own_postgres: PostgresServer, new_proxy: NewProxy) -> Far:
    """Give stores in Postgres."""
    proxy = new_proxy(own_postgres.port)
    url = through(own_postgres.url, proxy, own_postgres.port)
    return Far((proxy,), lambda name: f"{url}?namespace={name}")


@pytest.fixture
def far_redis(own_redis: RedisServer, new_proxy: NewProxy) -> Far:
    """Give stores in Redis."""
    proxy = new_proxy(own_redis.port)
    url = through(own_redis.url, proxy, own_redis.port)
    return Far((proxy,), lambda name: f"{url}?namespace={name}")


@pytest.fixture
def far_split(own_redis: RedisServer, own_postgres: PostgresServer, new_proxy: NewProxy) -> Far:
    """Give stores with approvals in Redis and runs in Postgres."""
    one, other = new_proxy(own_redis.port), new_proxy(own_postgres.port)
    approvals = through(own_redis.url, one, own_redis.port)
    state = through(own_postgres.url, other, own_postgres.port)
    return Far((one, other), lambda name: split(f"{approvals}?namespace={name}", f"{state}?namespace={name}"))


@pytest.fixture(params=["far_postgres", "far_redis", "far_split"])
def far(request: pytest.FixtureRequest) -> Far:
    """Give stores behind proxies, of each kind in turn."""
    made: Far = request.getfixturevalue(request.param)
    return made


async def live_without_reply(far: Far, move: str, seed: int, hit: int) -> bool:
    """Lose the reply to one write of a run's life, which nobody is to notice; False where there is no such write."""
    life, failpoints, losing = far.life(seed), Failpoints(), list[Event]()

    async def lose() -> None:
        losing.extend(proxy.lose_reply(lambda data: RUN.encode() in data) for proxy in far.proxies)

    failpoints.arm(f"{move}.before", lose, hit)
    await life.live(failpoints, life.orders(cancels=0.5 if move == "cancel" else 0.0))
    for proxy in far.proxies:
        proxy.lose_nothing()
    sight = await life.look()
    check_end(sight, life.shape, [])
    TALLY.check("nobody notices that a reply was lost", set(sight.marks.values()) <= {1}, sight)
    lost = [done.is_set() for done in losing]
    TALLY.happened("replies that were lost", sum(lost))
    assert any(lost) == bool(losing)
    return bool(losing)


@pytest.mark.parametrize("move", MOVES)
async def test_a_reply_that_is_lost_is_asked_for_again(far: Far, move: str) -> None:
    """The connection is cut right after the server has written: the store finds out, and its caller notices nothing."""
    assert await live_without_reply(far, move, 0, 1)


@pytest.mark.slow
@pytest.mark.parametrize("move", MOVES)
async def test_many_replies_that_are_lost_are_asked_for_again(far: Far, move: str) -> None:
    """The same with each such write of thirty lives."""
    for seed in range(times(LIVES)):
        hit = 1
        while await live_without_reply(far, move, seed, hit):
            hit += 1


class Blind(StoreWrapper):
    """Sends each commit twice, as a driver does that repeats what it had no answer to."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit, and commit again."""
        await super().commit(changes)
        return await super().commit(changes)


async def live_blindly() -> None:
    """Let a run live on a store that repeats blindly."""
    life = Indoors(0)
    await do_all(Blind(life.store), life.orders().but(patience=0.3), life.marks, life.reports)
    check_end(await life.look(), life.shape, [])


async def test_a_blind_repetition_is_noticed() -> None:
    """Where a store sends a commit again without looking whether it was made, a life shows it."""
    with TALLY.aside(), pytest.raises(Violated):
        await live_blindly()
