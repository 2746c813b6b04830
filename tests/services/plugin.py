"""Servers as fixtures. Whatever is started here is gone once the tests are over, however they end.

`postgres_url` (a module's), `postgres_database` (a test's), `redis_url` and `redis_cluster_url` give addresses on
servers that many tests share; so do `own_postgres`, `own_redis` and `own_redis_cluster`, which are always our own.
`postgres_server` and `redis_server` are a test's own, to be stopped and killed;
`new_postgres`, `new_redis` and `new_redis_cluster` make any number of them, with any settings; `new_proxy` stands in
front of one and cuts connections.

The drivers are imported where a test first asks for a server: runs of other tests do not wait for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.services.guarding import Guard, guarded
from tests.services.lacking import lacks, tell_lacks
from tests.services.owning import Place, owned
from tests.services.postgres_server import PostgresServer
from tests.services.proxy import Proxy, proxied
from tests.services.redis_server import DURABLE, RedisServer

if TYPE_CHECKING:
    from tests.services.looking import Service
    from tests.services.redis_cluster import RedisCluster

__all__ = ["NewPostgres", "NewProxy", "NewRedis", "NewRedisCluster"]

NewPostgres = Callable[..., PostgresServer]
"""`new_postgres(fsync="off")` starts a Postgres with these settings, by themselves those of a database that matters."""

NewRedis = Callable[..., RedisServer]
"""`new_redis("--appendonly", "no")` starts a Redis with these options; without any, one that keeps each write."""

NewRedisCluster = Callable[[], "RedisCluster"]
"""`new_redis_cluster()` starts three masters."""

NewProxy = Callable[[int], Proxy]
"""`new_proxy(port)` puts a proxy in front of a server; it cuts connections, and loses replies, where it is told to."""

_FASTER: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off"}


@pytest.fixture(scope="session")
def service_guard() -> Iterator[Guard]:
    """Give who tidies up after this process where it is killed."""
    with guarded() as guard:
        yield guard


# Servers that many tests share


@pytest.fixture(scope="session")
def postgres_admin_url(service_guard: Guard) -> Iterator[str]:
    """Give a Postgres on which databases can be made. Take `postgres_database` or `postgres_url` where one will do."""
    from tests.services.databases import drop_stale  # noqa: PLC0415  (imports a driver)
    from tests.services.looking import POSTGRES  # noqa: PLC0415  (imports a driver)

    for url in _shared(POSTGRES, service_guard, lambda place: PostgresServer(*place, _FASTER)):
        drop_stale(url)
        yield url


@pytest.fixture(scope="module")
def postgres_url(postgres_admin_url: str) -> Iterator[str]:
    """Give a database that is empty at first, to the tests of one module."""
    from tests.services.databases import database  # noqa: PLC0415  (imports a driver)

    with database(postgres_admin_url) as url:
        yield url


@pytest.fixture
def postgres_database(postgres_admin_url: str) -> Iterator[str]:
    """Give an empty database, to one test."""
    from tests.services.databases import database  # noqa: PLC0415  (imports a driver)

    with database(postgres_admin_url) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(service_guard: Guard) -> Iterator[str]:
    """Give a Redis that keeps each write. It is shared: use a namespace of your own, and flush nothing."""
    from tests.services.looking import REDIS  # noqa: PLC0415  (imports a driver)

    yield from _shared(REDIS, service_guard, _redis)


@pytest.fixture(scope="session")
def redis_cluster_url(service_guard: Guard) -> Iterator[str]:
    """Give a Redis Cluster that keeps each write. It is shared: use a namespace of your own, and flush nothing."""
    from tests.services.looking import CLUSTER  # noqa: PLC0415  (imports a driver)

    yield from _shared(CLUSTER, service_guard, _cluster)


# Servers of our own that many tests share


@pytest.fixture(scope="session")
def own_postgres(service_guard: Guard) -> Iterator[PostgresServer]:
    """Give a Postgres of our own, which flushes its writes and takes crowds. No test stops it."""
    from tests.services.looking import POSTGRES  # noqa: PLC0415  (imports a driver)

    crowds = {"max_connections": "500"}
    with owned(service_guard, _programs(POSTGRES), lambda place: PostgresServer(*place, crowds)) as server:
        yield server


@pytest.fixture(scope="session")
def own_redis(service_guard: Guard) -> Iterator[RedisServer]:
    """Give a Redis of our own, which keeps each write. No test stops it."""
    from tests.services.looking import REDIS  # noqa: PLC0415  (imports a driver)

    with owned(service_guard, _programs(REDIS), _redis) as server:
        yield server


@pytest.fixture(scope="session")
def own_redis_cluster(service_guard: Guard) -> Iterator[RedisCluster]:
    """Give a Redis Cluster of our own, which keeps each write. No test stops it."""
    from tests.services.looking import CLUSTER  # noqa: PLC0415  (imports a driver)

    with owned(service_guard, _programs(CLUSTER), _cluster) as cluster:
        yield cluster


# Servers of a test's own


@pytest.fixture
def new_postgres(service_guard: Guard) -> Iterator[NewPostgres]:
    """Start any number of servers for one test."""
    from tests.services.looking import POSTGRES  # noqa: PLC0415  (imports a driver)

    with ExitStack() as stack:

        def start(**settings: str) -> PostgresServer:
            programs = _programs(POSTGRES)
            making = owned(service_guard, programs, lambda place: PostgresServer(*place, settings))
            return stack.enter_context(making)

        yield start


@pytest.fixture
def new_redis(service_guard: Guard) -> Iterator[NewRedis]:
    """Start any number of servers for one test."""
    from tests.services.looking import REDIS  # noqa: PLC0415  (imports a driver)

    with ExitStack() as stack:

        def start(*options: str) -> RedisServer:
            making = owned(service_guard, _programs(REDIS), lambda place: _redis(place, options or DURABLE))
            return stack.enter_context(making)

        yield start


@pytest.fixture
def new_redis_cluster(service_guard: Guard) -> Iterator[NewRedisCluster]:
    """Start any number of clusters for one test."""
    from tests.services.looking import CLUSTER  # noqa: PLC0415  (imports a driver)

    with ExitStack() as stack:
        yield lambda: stack.enter_context(owned(service_guard, _programs(CLUSTER), _cluster))


@pytest.fixture
def postgres_server(new_postgres: NewPostgres) -> PostgresServer:
    """Give a Postgres of the test's own, whose writes are flushed."""
    return new_postgres()


@pytest.fixture
def redis_server(new_redis: NewRedis) -> RedisServer:
    """Give a Redis of the test's own, which keeps each write."""
    return new_redis()


@pytest.fixture
def new_proxy() -> Iterator[NewProxy]:
    """Put any number of proxies in front of servers."""
    with ExitStack() as stack:
        yield lambda port: stack.enter_context(proxied(port))


# How they are had


def _redis(place: Place, options: tuple[str, ...] = DURABLE) -> RedisServer:
    programs, folder = place
    return RedisServer(programs / "redis-server", folder, options)


def _cluster(place: Place) -> RedisCluster:
    from tests.services.redis_cluster import RedisCluster  # noqa: PLC0415  (imports a driver)

    programs, folder = place
    return RedisCluster.of(programs / "redis-server", folder)


def _shared(
    service: Service, guard: Guard, make: Callable[[Place], PostgresServer | RedisServer | RedisCluster]
) -> Iterator[str]:
    """Give the address of the server that there is, or of one that is started for all tests of this run."""
    from tests.services.looking import look  # noqa: PLC0415  (imports drivers)
    from tests.services.offers import Running  # noqa: PLC0415

    offer = look(service)
    if isinstance(offer, Running):
        yield offer.url
        return
    with owned(guard, _programs(service), make) as server:
        yield server.url


def _programs(service: Service) -> Path:
    """Give the folder with the programs; they are installed where that can be, or the test cannot go on."""
    from tests.services.providing import programs  # noqa: PLC0415  (imports drivers)

    found = programs(service)
    return found or lacks(service.name, service.cure)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count loudly what was skipped for want of a server or a tool."""
    tell_lacks(terminalreporter)
