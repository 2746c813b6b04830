from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from awaitly import StoreUnavailable, UnknownStore, open_store
from awaitly.testing.rows import changes, run_row
from awaitly_redis import RedisStore, open_redis

GOOD = {
    "redis://": "redis://localhost:6379",
    "redis://host": "redis://host:6379",
    "redis://host:7000/3": "redis://host:7000/3",
    "rediss://ann:pw@host/0": "rediss://host:6379/0",
    "redis+cluster://host:7000": "redis+cluster://host:7000",
    "rediss+cluster://host": "rediss+cluster://host:6379",
    "redis://host?namespace=shop&allow_volatile=true&patience=3s&shards=4": "redis://host:6379",
    "redis://host?replicas=1&acknowledge_timeout=500ms&fsync=false&socket_timeout=3": "redis://host:6379",
}

BAD = {
    "redis://host?shards=many": "many",
    "redis://host?shards=0": "shards must be",
    "redis://host?allow_volatile=perhaps": "true or false",
    "redis://host?namespace=": "namespace must be",
    "redis://host?patience=soon": "soon",
    "redis://host:port": "ort",
    "redis://host?socket_timeout=x": "socket_timeout",
    "redis+cluster://host/3": "db",
    "http://host": "scheme",
}


@pytest.mark.parametrize(("url", "shown"), list(GOOD.items()))
async def test_a_url_means_a_store(url: str, shown: str) -> None:
    """By its scheme; options are taken out, and a password is never shown."""
    store = open_store(url)
    assert isinstance(store, RedisStore)
    assert repr(store).startswith(f"RedisStore({shown} ")
    assert "pw" not in repr(store)
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.now()


@pytest.mark.parametrize(("url", "reason"), list(BAD.items()))
async def test_a_wrong_url_is_told_at_once(url: str, reason: str) -> None:
    """With the reason and the forms that there are; a password is never shown."""
    with pytest.raises(UnknownStore, match=reason) as raised:
        open_redis(url.replace("://", "://ann:hunter2@"))
    assert "write redis://" in str(raised.value)
    assert "hunter2" not in str(raised.value)


SPECIAL = [
    "redis://:123/hunter2@host/0",
    "redis://:hunt/er2@host",
    "redis://:hun#ter2@host",
    "redis://:hunter2?hunter2@host/0",
    "redis://:hunter2?x=1@host/0",
    "redis://:hu[nter2@host/0",
    "redis://:hu]nter2@host/0",
    "redis://ann:hunter2@ter2@host/0",
    "redis://ann:hunter2 @host/0",
    "redis://ann:hunter2@host:port/0",
    "redis://ann:hunter2",
    "redis://ann:hunter2@[host/0",
    "redis://ann:hunter2@ho\u2100st/0",
    "redis:ann:hunter2@host/0",
    "redis+cluster://:123/hunter2@host",
    "rediss://:hu[nter2@host/0",
]


@pytest.mark.parametrize("url", SPECIAL)
@pytest.mark.parametrize("made", [open_redis, RedisStore])
def test_special_characters_give_no_password_away(made: Callable[[str], RedisStore], url: str) -> None:
    """Where it cannot be told which part is the password, no part of the URL is shown, nor a message about it."""
    with pytest.raises(UnknownStore, match="%-escapes") as raised:
        made(url)
    told = f"{raised.value} {raised.value.__cause__} {raised.value.__context__}"
    assert not any(part in told for part in ("hunt", "hun#", "hu[", "ter2", "123"))


def test_escaped_special_characters_are_taken() -> None:
    """The same characters as %-escapes are a password, which is not shown."""
    store = open_redis("redis://ann:h%2Fu%3Fn%23t%5Be%40r2@host:7000/1")
    assert repr(store) == "RedisStore(redis://host:7000/1 (namespace 'default'))"


def test_the_value_of_a_wrong_option_is_not_shown() -> None:
    """It may be a password that stands in the wrong place; the option is named."""
    with pytest.raises(UnknownStore, match="look at socket_timeout") as raised:
        open_redis("redis://host?password=hunter2&socket_timeout=hunter2")
    assert "hunter2" not in f"{raised.value} {raised.value.__cause__} {raised.value.__context__}"


async def test_options_reach_the_store(redis_url: str, namespace: str) -> None:
    """Two URLs of one server lead to different namespaces."""
    one, other = (open_redis(f"{redis_url}?namespace={namespace}{mark}&allow_volatile=yes") for mark in "ab")
    await asyncio.gather(one.open(), other.open())
    (await one.commit(changes(runs=(run_row(),)))).unwrap()
    assert (await other.load("run")).run is None
    await asyncio.gather(one.close(), other.close())


def test_the_schema_is_told() -> None:
    """Every kind of key is named."""
    schema = RedisStore("redis://", namespace="shop").schema()
    assert "{awaitly:N:4:shop}r<run id>" in schema
