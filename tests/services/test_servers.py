from __future__ import annotations

from urllib.parse import urlsplit

import psycopg
from redis.asyncio import RedisCluster

from tests.services.asking import ask, told
from tests.services.plugin import NewRedisCluster
from tests.services.postgres_server import PostgresServer
from tests.services.redis_server import RedisServer


def test_a_postgres_keeps_what_was_committed_before_a_kill(postgres_server: PostgresServer) -> None:
    """A Postgres of the test's own is killed, restarted and stopped, and keeps what was committed."""
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (it text)")
        connection.execute("INSERT INTO kept VALUES ('this')")
        postgres_server.kill()
    postgres_server.start()
    postgres_server.restart()
    postgres_server.stop()
    postgres_server.start()
    with psycopg.connect(postgres_server.url) as connection:
        assert connection.execute("SELECT it FROM kept").fetchall() == [("this",)]


def test_a_redis_keeps_what_was_written_before_a_kill(redis_server: RedisServer) -> None:
    """A Redis of the test's own is killed, restarted and stopped, and keeps what was written."""
    ask(redis_server.port, "SET", "kept", "this")
    redis_server.restart()
    redis_server.stop()
    redis_server.start()
    assert ask(redis_server.port, "GET", "kept") == "this"


async def test_a_cluster_becomes_whole_again_after_a_kill(new_redis_cluster: NewRedisCluster) -> None:
    """A cluster of the test's own takes writes again once a node that was killed is back."""
    cluster = new_redis_cluster()
    cluster.nodes[1].restart()
    cluster.wait()
    await write_all_over(cluster.url)


async def write_all_over(url: str) -> None:
    """Write keys of many slots, each for a moment."""
    async with RedisCluster.from_url(url.replace("+cluster", "")) as client:
        for number in range(20):
            assert await client.set(f"awaitly-services-test{number}", "this", ex=60)


def test_a_database_is_empty_and_sorts_as_people_do(postgres_database: str) -> None:
    """Each test gets an empty database, in which text is not sorted by code points unless that is asked for."""
    with psycopg.connect(postgres_database) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        assert connection.execute("SELECT 'a' < 'B', 'a' < 'B' COLLATE \"C\"").fetchone() == (True, False)


def test_the_shared_redis_keeps_each_write(redis_url: str) -> None:
    """The Redis that tests share writes its log before it answers."""
    kept = told(urlsplit(redis_url).port or 6379, "CONFIG", "GET", "append*")
    assert (kept["appendonly"], kept["appendfsync"]) == ("yes", "always")


async def test_the_shared_cluster_answers(redis_cluster_url: str) -> None:
    """The cluster that tests share serves all slots."""
    await write_all_over(redis_cluster_url)
