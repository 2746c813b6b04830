from __future__ import annotations

import asyncio

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
