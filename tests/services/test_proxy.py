from __future__ import annotations

import psycopg
import pytest

from tests.services.asking import Unanswered, ask
from tests.services.plugin import NewProxy
from tests.services.postgres_server import PostgresServer
from tests.services.redis_server import RedisServer

GONE = (Unanswered, ConnectionError)


def test_a_lost_reply_is_of_a_request_that_was_carried_out(redis_server: RedisServer, new_proxy: NewProxy) -> None:
    """Where a proxy loses a reply the client sees its connection end, and the server has done what was asked."""
    proxy = new_proxy(redis_server.port)
    ask(proxy.port, "SET", "count", "1")
    lost = proxy.lose_reply(lambda data: b"INCR" in data)
    assert ask(proxy.port, "GET", "count") == "1"
    with pytest.raises(GONE):
        ask(proxy.port, "INCR", "count")
    assert lost.wait(5)
    assert ask(proxy.port, "GET", "count") == "2"


def test_a_commit_may_be_made_without_an_answer(postgres_server: PostgresServer, new_proxy: NewProxy) -> None:
    """Where a proxy loses the reply to a statement of Postgres it stands all the same."""
    proxy = new_proxy(postgres_server.port)
    through = postgres_server.url.replace(str(postgres_server.port), str(proxy.port))
    with psycopg.connect(through, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (it text)")
        proxy.lose_reply(lambda data: b"INSERT" in data)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("INSERT INTO kept VALUES ('this')")
    with psycopg.connect(through) as connection:
        assert connection.execute("SELECT it FROM kept").fetchall() == [("this",)]


def test_a_cut_ends_connections_and_may_last(redis_server: RedisServer, new_proxy: NewProxy) -> None:
    """Connections can be cut at any time, and new ones refused until the server is to be reachable again."""
    proxy = new_proxy(redis_server.port)
    proxy.reachable = False
    with pytest.raises(GONE):
        ask(proxy.port, "PING")
    proxy.reachable = True
    assert ask(proxy.port, "PING") == "PONG"
