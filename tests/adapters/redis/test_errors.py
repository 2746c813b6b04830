from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from awaitly import (
    NotAStore,
    RunQuery,
    SchemaTooNew,
    SchemaTooOld,
    StoreCorrupt,
    StoreError,
    StoreForbidden,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    StoreUnsuitable,
)
from awaitly.testing.rows import changes, run_row
from awaitly_redis import Acknowledge, RedisStore
from awaitly_redis.keys import Keys, base_of
from tests.adapters.redis.asking import asked, beside, until
from tests.services.plugin import NewRedis
from tests.services.redis_server import RedisServer

SECRET = "hunter2"


async def refusal_of(url: str, kind: type[StoreError], namespace: str = "errors") -> str:
    """Open a store that must refuse, and give what it says."""
    store = RedisStore(url, namespace=namespace, patience="200ms")
    with pytest.raises(kind) as raised:
        await store.open()
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.now()
    return str(raised.value)


def with_user(server: RedisServer, user: str, password: str) -> str:
    """Give the address with a user in it."""
    return server.url.replace("redis://", f"redis://{user}:{password}@")


async def test_a_password_is_asked_for(new_redis: NewRedis) -> None:
    """A server that wants one, and gets none or another, is `StoreForbidden`; the message holds no password."""
    server = new_redis("--appendonly", "yes", "--requirepass", SECRET)
    await refusal_of(server.url, StoreForbidden)
    said = await refusal_of(with_user(server, "", f"{SECRET}-wrong"), StoreForbidden)
    assert SECRET not in said
    store = RedisStore(with_user(server, "", SECRET))
    await store.open()
    assert SECRET not in repr(store)
    await store.close()


@pytest.mark.parametrize(
    "rights",
    [("~*", "&*", "+@all", "-zadd"), ("~other:*", "&*", "+@all"), ("~*", "resetchannels", "+@all"), ("~*", "+info")],
    ids=["command", "keys", "channels", "nothing"],
)
async def test_what_a_user_may_not_do_is_found_at_opening(redis_server: RedisServer, rights: tuple[str, ...]) -> None:
    """Not in the middle of a commit, of which a part would then be written."""
    async with beside(redis_server.url) as client:
        await asked(client, "ACL", "SETUSER", "limited", "on", f">{SECRET}", *rights)
    said = await refusal_of(with_user(redis_server, "limited", SECRET), StoreForbidden)
    assert "~{awaitly:*" in said
    assert SECRET not in said


async def test_the_rights_that_are_named_are_enough(redis_server: RedisServer) -> None:
    """A user with those alone can do everything."""
    rights = ["~{awaitly:*", "&awaitly:*", "+@read", "+@write", "+@scripting", "+@connection"]
    rights += ["+publish", "+subscribe", "+time", "+info"]
    async with beside(redis_server.url) as client:
        await asked(client, "ACL", "SETUSER", "limited", "on", f">{SECRET}", *rights)
    store = RedisStore(with_user(redis_server, "limited", SECRET))
    await store.open()
    async with store.listening() as wakes:
        (await store.commit(changes(runs=(run_row(),), wakes=True))).unwrap()
        assert await wakes.next(10) == {"run"}
    assert await store.now() > 0
    await store.close()


async def test_a_full_server_is_told(redis_server: RedisServer) -> None:
    """Nothing of the commit is written, reads go on, and once there is room it goes on too."""
    store = RedisStore(redis_server.url)
    await store.open()
    async with beside(redis_server.url) as client:
        await asked(client, "CONFIG", "SET", "maxmemory", 1)
        with pytest.raises(StoreFull, match="maxmemory"):
            await store.commit(changes(runs=(run_row(),)))
        assert (await store.load("run")).run is None
        await asked(client, "CONFIG", "SET", "maxmemory", 0)
    (await store.commit(changes(runs=(run_row(),)))).unwrap()
    await store.close()


async def test_a_replica_is_read_only(redis_server: RedisServer, new_redis: NewRedis) -> None:
    """It is found at opening; and at a commit, where a master became one."""
    replica = new_redis("--appendonly", "yes")
    store = RedisStore(replica.url)
    await store.open()
    async with beside(replica.url) as client:
        await asked(client, "REPLICAOF", "127.0.0.1", redis_server.port)
    with pytest.raises(StoreReadOnly, match="replica; name the master"):
        await store.commit(changes(runs=(run_row(),)))
    await store.close()
    assert "replica" in await refusal_of(replica.url, StoreReadOnly)


async def test_too_few_replicas_to_write_is_waited_out(redis_server: RedisServer) -> None:
    """`min-replicas-to-write` refuses for a while; a commit is tried again until the server takes it."""
    store = RedisStore(redis_server.url, patience="30s")
    await store.open()
    async with beside(redis_server.url) as client:
        await asked(client, "CONFIG", "SET", "min-replicas-to-write", 1)
        committing = asyncio.create_task(store.commit(changes(runs=(run_row(),))))

        async def has_refused() -> bool:
            return "NOREPLICAS" in str(await asked(client, "INFO", "errorstats"))

        await until(has_refused)
        assert not committing.done()
        await asked(client, "CONFIG", "SET", "min-replicas-to-write", 0)
    (await committing).unwrap()
    await store.close()


async def test_another_programs_data_is_left_alone(redis_url: str, namespace: str) -> None:
    """Where something else stands under the namespace's name the store is not opened, and nothing is changed."""
    key = base_of(namespace, "meta")
    async with beside(redis_url) as client:
        try:
            await client.set(key, "theirs")
            assert "take another namespace" in await refusal_of(redis_url, NotAStore, namespace)
            assert await client.get(key) == b"theirs"
            await client.delete(key)
            await client.hset(key, "name", "theirs")
            await refusal_of(redis_url, NotAStore, namespace)
        finally:
            await client.delete(key)


async def test_another_programs_index_is_left_alone(redis_url: str, namespace: str) -> None:
    """The same for a key of a shard."""
    key = base_of(namespace, 3) + b"u"
    async with beside(redis_url) as client:
        try:
            await client.set(key, "theirs")
            assert key.decode() in await refusal_of(redis_url, NotAStore, namespace)
        finally:
            await client.delete(key)


async def test_another_programs_run_is_left_alone(redis_url: str, namespace: str, store: RedisStore) -> None:
    """The same for a run: only that one is affected."""
    key = Keys(namespace, 16).run(b"theirs")
    async with beside(redis_url) as client:
        try:
            await client.set(key, "theirs")
            with pytest.raises(NotAStore):
                await store.commit(changes(runs=(run_row("theirs"),)))
            with pytest.raises(NotAStore):
                await store.load("theirs")
            (await store.commit(changes(runs=(run_row("ours"),)))).unwrap()
        finally:
            await client.delete(key)


async def test_a_damaged_run_is_told(redis_url: str, namespace: str, store: RedisStore) -> None:
    """It is named, and others are unaffected."""
    for name in ("damaged", "sound"):
        (await store.commit(changes(runs=(run_row(name),)))).unwrap()
    async with beside(redis_url) as client:
        await asked(client, "HSET", Keys(namespace, 16).run(b"damaged"), "r", "theirs")
    with pytest.raises(StoreCorrupt, match="run 'damaged'"):
        await store.load("damaged")
    with pytest.raises(StoreCorrupt, match="run 'damaged'"):
        await store.page_runs(RunQuery())
    assert (await store.load("sound")).run == run_row("sound")


async def test_a_newer_layout_is_left_alone(redis_url: str, namespace: str) -> None:
    """What a newer release made is not touched by this one."""
    store = RedisStore(redis_url, namespace=namespace)
    await store.open()
    await store.close()
    async with beside(redis_url) as client:
        await client.hset(base_of(namespace, "meta"), "layout", "99")
    assert "upgrade awaitly" in await refusal_of(redis_url, SchemaTooNew, namespace)


@pytest.mark.parametrize("layout", ["1", "2", "3"])
async def test_an_older_layout_is_left_alone(redis_url: str, namespace: str, layout: str) -> None:
    """What was written before the first release is not read as if it were today's, and nothing of it changes."""
    async with beside(redis_url) as client:
        await client.hset(base_of(namespace, "meta"), mapping={"layout": layout, "shards": "16"})
        assert "take another namespace" in await refusal_of(redis_url, SchemaTooOld, namespace)
        assert await client.hgetall(base_of(namespace, "meta")) == {b"layout": layout.encode(), b"shards": b"16"}


async def test_the_number_of_shards_is_for_good(redis_url: str, namespace: str) -> None:
    """It is kept in the store; whoever asks for another is refused, and whoever asks for none gets it."""
    store = RedisStore(redis_url, namespace=namespace, shards=3)
    await store.open()
    (await store.commit(changes(runs=(run_row(),)))).unwrap()
    await store.close()
    with pytest.raises(StoreUnsuitable, match="made with 3 shards"):
        await RedisStore(redis_url, namespace=namespace, shards=4).open()
    again = RedisStore(redis_url, namespace=namespace)
    await again.open()
    assert (await again.load("run")).run == run_row()
    await again.close()


async def test_a_node_of_a_cluster_is_no_single_server(redis_cluster_url: str) -> None:
    """The message names the right scheme."""
    said = await refusal_of(redis_cluster_url.replace("redis+cluster", "redis"), StoreUnsuitable)
    assert "write redis+cluster://" in said


async def test_a_single_server_is_no_cluster(redis_url: str) -> None:
    """The same the other way round."""
    said = await refusal_of(redis_url.removesuffix("/0").replace("redis://", "redis+cluster://"), StoreUnsuitable)
    assert "write redis://" in said


async def test_an_old_server_cannot_confirm_disks(redis_url: str, namespace: str) -> None:
    """`fsync` needs WAITAOF, which Redis has had since 7.2; an older one is refused at opening."""
    store = RedisStore(redis_url, namespace=namespace, acknowledge=Acknowledge(fsync=True))
    async with beside(redis_url) as client:
        facts = cast("dict[str, object]", await asked(client, "INFO", "server"))
        release = str(facts["redis_version"])
    if tuple(map(int, release.split(".")[:2])) >= (7, 2):
        await store.open()
        await store.close()
        return
    with pytest.raises(StoreUnsuitable, match=r"WAITAOF.*needs 7\.2"):
        await store.open()


async def test_nobody_there_is_told_at_once() -> None:
    """Opening does not try for long where nobody listens, and the message holds no password."""
    store = RedisStore(f"redis://ann:{SECRET}@127.0.0.1:1/0", patience="5m")
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1/0") as raised:
        await store.open()
    assert SECRET not in str(raised.value)
    await store.close()


async def test_no_cluster_there_is_told_at_once() -> None:
    """The same for a cluster."""
    store = RedisStore(f"redis+cluster://ann:{SECRET}@127.0.0.1:1", patience="5m")
    with pytest.raises(StoreUnavailable) as raised:
        await store.open()
    assert SECRET not in str(raised.value)


MISTAKES: dict[str, tuple[Callable[[], object], type[Exception]]] = {
    "no-client": (lambda: RedisStore(object()), TypeError),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    "empty-namespace": (lambda: RedisStore("redis://", namespace=""), ValueError),
    "unprintable-namespace": (lambda: RedisStore("redis://", namespace="a\nb"), ValueError),
    "no-shards": (lambda: RedisStore("redis://", shards=0), ValueError),
    "too-patient": (lambda: RedisStore("redis://", patience="10m"), ValueError),
    "nothing-to-acknowledge": (Acknowledge, ValueError),
}


@pytest.mark.parametrize(("make", "kind"), list(MISTAKES.values()), ids=list(MISTAKES))
def test_mistakes_are_told_where_they_are_made(make: Callable[[], object], kind: type[Exception]) -> None:
    """When the store is made, not when it is opened."""
    with pytest.raises(kind):
        make()


async def test_a_commit_about_two_runs_is_a_mistake(store: RedisStore) -> None:
    """It could not be atomic on a cluster, so it is refused everywhere, before anything is sent."""
    both = changes(runs=(run_row("a"), run_row("b")))
    with pytest.raises(ValueError, match="two runs"):
        await store.commit(both)
    assert (await store.load("a")).run is None
