from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from awaitly import ApprovalQuery, Changes, NoticeQuery, NoticeRow, Ok, RunQuery, StoreUnavailable
from awaitly.testing.rows import T0, approval_row, changes, entry_row, notice_row, run_row, step_row
from awaitly_redis import RedisStore
from awaitly_redis.keys import base_of, shard_of
from tests.adapters.redis.asking import asked, beside, made
from tests.services.plugin import NewRedisCluster
from tests.services.redis_cluster import RedisCluster
from tests.services.redis_server import RedisServer

NAMESPACE = "moving"
SHARD = 5
BEFORE = 10
LANES = ("a", "b", "c")
NAMES = ("ann", "role:ops")
RIGHTS = (
    "~{awaitly:*",
    "&awaitly:*",
    *("+@read", "+@write", "+@scripting", "+@connection", "+publish", "+subscribe", "+time", "+info"),
    *("+cluster|slots", "+command"),
)
IDS = [name for name in (f"run-{n}" for n in range(1000)) if shard_of(name.encode(), 16) == SHARD][:12]


def version(run_id: str, number: int) -> Changes:
    """Give the commit that makes one version of a run, with a step and an entry of its own."""
    return changes(
        runs=(
            run_row(
                run_id,
                number,
                updated_at=T0 + number,
                due_at=T0 + number if number % 2 else None,
                lane=LANES[number % 3],
            ),
        ),
        steps=(step_row(run_id, str(number)),),
        approvals=(
            approval_row(
                run_id, version=number, open=number % 3 != 0, deadline=T0 + number, audience=(NAMES[number % 2], run_id)
            ),
        ),
        notices=notices(run_id, number),
        entries=(entry_row(run_id, number),),
    )


def notices(run_id: str, number: int) -> tuple[NoticeRow, ...]:
    """Give a new notice, and the one before it as it was given up."""
    new = notice_row(run_id, f"{number:09}", due_at=T0 + number)
    if number == 1:
        return (new,)
    return new, notice_row(run_id, f"{number - 1:09}", version=2, due_at=None, dead=True)


@asynccontextmanager
async def owner_and_another(cluster: RedisCluster, slot: int) -> AsyncGenerator[tuple[Redis, Redis]]:
    """Give clients of the node that has a slot, and of one that has not."""
    clients = [made(node.url) for node in cluster.nodes]
    number = next(n for n in range(3) if 16384 * n // 3 <= slot < 16384 * (n + 1) // 3)
    try:
        yield clients[number], clients[(number + 1) % 3]
    finally:
        for client in clients:
            await client.aclose()


async def begin_moving(slot: int, owner: Redis, target: Redis) -> tuple[str, str]:
    """Tell both nodes that a slot is about to move; give their ids."""
    ids = [cast("bytes", await asked(client, "CLUSTER", "MYID")).decode() for client in (owner, target)]
    await asked(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
    await asked(owner, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
    return ids[0], ids[1]


async def move_keys(slot: int, owner: Redis, port: int) -> None:
    """Move a slot's keys one by one, so that for a while some are here and some there."""
    while keys := cast("list[bytes]", await asked(owner, "CLUSTER", "GETKEYSINSLOT", slot, 1)):
        await asked(owner, "MIGRATE", "127.0.0.1", port, keys[0], 0, 5000)
        await asyncio.sleep(0.002)


async def kept_in(slot: int, client: Redis) -> dict[bytes, object]:
    """Give all that a node keeps in a slot, as it would be moved, also while it is still another's."""
    keys = cast("list[bytes]", await asked(client, "CLUSTER", "GETKEYSINSLOT", slot, 1000))
    kept: dict[bytes, object] = {}
    for key in keys:
        await asked(client, "ASKING")
        kept[key] = await asked(client, "DUMP", key)
    return kept


async def write_versions(store: RedisStore, run_id: str, started: asyncio.Event, done: asyncio.Event) -> int:
    """Write version after version until told to stop; give how many."""
    number = 0
    while number < BEFORE or not done.is_set():
        number += 1
        assert await store.commit(version(run_id, number)) == Ok(None)
        if number == BEFORE:
            started.set()
    return number


async def check_run(store: RedisStore, run_id: str, last: int) -> None:
    """All of a run agrees: every commit was applied whole, and once."""
    found = await store.load(run_id)
    assert found.run == version(run_id, last).runs[0]
    assert [step.key for step in found.steps] == [str(number) for number in range(1, last + 1)]
    assert found.approvals == version(run_id, last).approvals
    assert [entry.seq for entry in await store.entries(run_id)] == list(range(1, last + 1))


async def check_indexes(store: RedisStore, lasts: dict[str, int]) -> None:
    """What is listed is what is there."""
    runs = (await store.page_runs(RunQuery(limit=100))).items
    assert {row.run_id: row.version for row in runs} == lasts
    open_ones = {row.run_id for row in (await store.page_approvals(ApprovalQuery(limit=100))).items}
    assert open_ones == {run_id for run_id, last in lasts.items() if last % 3}
    for number, name in enumerate(NAMES):
        waiting = (await store.page_approvals(ApprovalQuery(audience=(name,), limit=100))).items
        assert {row.run_id for row in waiting} == {run_id for run_id in open_ones if lasts[run_id] % 2 == number}
    for run_id, last in lasts.items():
        assert [row.dead for row in await store.notices(run_id)] == [True] * (last - 1) + [False]
    told = await store.due_notices(T0 + max(lasts.values()), 100, "mail")
    assert {row.run_id: row.due_at for row in told} == {run_id: T0 + last for run_id, last in lasts.items()}
    given_up = (await store.page_notices(NoticeQuery(limit=sum(lasts.values())))).items
    assert len(given_up) == sum(lasts.values()) - len(lasts)
    due = await store.due(T0 + max(lasts.values()), 100)
    assert set(due) == {run_id for run_id, last in lasts.items() if last % 2}
    for number, lane in enumerate(LANES):
        in_lane = await store.due(T0 + max(lasts.values()), 100, [lane])
        assert set(in_lane) == {run_id for run_id, last in lasts.items() if last % 2 and last % 3 == number}


async def test_no_commit_is_torn_while_its_slot_moves(new_redis_cluster: NewRedisCluster) -> None:
    """Keys move to another node one by one, commits wait, and then go on there: each is applied whole, and once."""
    cluster = new_redis_cluster()
    slot = key_slot(base_of(NAMESPACE, SHARD))
    store = RedisStore(cluster.url, namespace=NAMESPACE, patience="120s")
    await store.open()
    started, done = [asyncio.Event() for _ in IDS], asyncio.Event()
    writing = [
        asyncio.create_task(write_versions(store, run_id, event, done))
        for run_id, event in zip(IDS, started, strict=True)
    ]
    await asyncio.gather(*(event.wait() for event in started))
    async with owner_and_another(cluster, slot) as (owner, target):
        owner_id, target_id = await begin_moving(slot, owner, target)
        assert owner_id != target_id
        port = int(str(target.get_connection_kwargs()["port"]))  # type: ignore[no-untyped-call]
        await move_keys(slot, owner, port)
        for client in (target, owner):
            await asked(client, "CLUSTER", "SETSLOT", slot, "NODE", target_id)
    done.set()
    lasts = dict(zip(IDS, await asyncio.gather(*writing), strict=True))
    for run_id, last in lasts.items():
        await check_run(store, run_id, last)
    await check_indexes(store, lasts)
    await store.close()


@pytest.mark.parametrize("index", [b"d", b"q", b"a", b"p", b"g", b"t" + IDS[0].encode()])
async def test_a_commit_that_cannot_be_whole_writes_nothing(new_redis_cluster: NewRedisCluster, index: bytes) -> None:
    """Where a run is still here and its notices or an index have moved already, nothing is written, here or there."""
    cluster = new_redis_cluster()
    base = base_of(NAMESPACE, SHARD)
    slot = key_slot(base)
    store = RedisStore(cluster.url, namespace=NAMESPACE, patience="100ms")
    await store.open()
    for number in range(1, 72):  # until each place of the ring is there, which would otherwise be what is missing
        await store.commit(version(IDS[0], number))
    in_every_index = approval_row(IDS[1], deadline=T0, ready=True, audience=NAMES)
    await store.commit(changes(runs=(run_row(IDS[1], due_at=T0),), approvals=(in_every_index,)))
    async with owner_and_another(cluster, slot) as (owner, target):
        await begin_moving(slot, owner, target)
        port = int(str(target.get_connection_kwargs()["port"]))  # type: ignore[no-untyped-call]
        await asked(owner, "MIGRATE", "127.0.0.1", port, base + index, 0, 5000)
        before = await kept_in(slot, owner), await kept_in(slot, target)
        with pytest.raises(StoreUnavailable, match="non local key"):
            await store.commit(version(IDS[0], 72))
        assert (await kept_in(slot, owner), await kept_in(slot, target)) == before
    await check_run(store, IDS[0], 71)
    await store.close()


async def test_a_master_that_comes_back_is_waited_for(new_redis_cluster: NewRedisCluster) -> None:
    """While one master is down the runs of the others go on; its own wait, and are then written once."""
    cluster = new_redis_cluster()
    store = RedisStore(cluster.url, namespace=NAMESPACE, patience="120s")
    await store.open()
    down = node_of(cluster, SHARD)
    elsewhere = next(n for n in range(16) if node_of(cluster, n) is not down)
    there = next(f"x{n}" for n in range(1000) if shard_of(f"x{n}".encode(), 16) == elsewhere)
    down.kill()
    waiting = [asyncio.create_task(store.commit(version(run_id, 1))) for run_id in IDS]
    assert await store.commit(version(there, 1)) == Ok(None)
    assert not any(task.done() for task in waiting)
    down.start()
    assert await asyncio.gather(*waiting) == [Ok(None)] * len(IDS)
    for run_id in (*IDS, there):
        await check_run(store, run_id, 1)
    await store.close()


async def test_the_rights_that_are_named_are_enough(new_redis_cluster: NewRedisCluster) -> None:
    """A user with those alone can do everything on a cluster too."""
    cluster = new_redis_cluster()
    for node in cluster.nodes:
        async with beside(node.url) as client:
            await asked(client, "ACL", "SETUSER", "limited", "on", ">pw", *RIGHTS)
    store = RedisStore(cluster.url.replace("://", "://limited:pw@"), namespace=NAMESPACE)
    await store.open()
    async with store.listening() as wakes:
        for run_id in ("a", "b", "c"):
            (await store.commit(changes(runs=(run_row(run_id),), wakes=True))).unwrap()
            assert await wakes.next(30) == {run_id}
    assert len((await store.page_runs(RunQuery())).items) == 3
    await store.close()


def node_of(cluster: RedisCluster, shard: int) -> RedisServer:
    """Give the node that has a shard."""
    slot = key_slot(base_of(NAMESPACE, shard))
    return next(node for n, node in enumerate(cluster.nodes) if slot < 16384 * (n + 1) // 3)
