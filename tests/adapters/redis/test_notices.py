from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import Any, cast

import pytest
import pytest_asyncio

from awaitly import Changes, Hold, NotAStore, NoticeQuery, NoticeRow, Store, StoreCorrupt
from awaitly.testing.rows import T0, changes, notice_row, run_row
from awaitly.testing.store_contract.tools import applied, inserted, notice_ids
from awaitly_redis import RedisStore, notices
from awaitly_redis.keys import Keys, shard_of
from awaitly_redis.rows import read_rows
from tests.adapters.redis.asking import asked, beside, calls
from tests.services.plugin import NewRedis

SPREAD = [f"run-{n:04}" for n in range(400)]
IN_ONE_SHARD = [name for name in (f"run-{n:05}" for n in range(20_000)) if shard_of(name.encode(), 16) == 3][:400]
CHANNELS = ("mail", "chat")
MANY = 3000

wherever = pytest.mark.parametrize("run_ids", [SPREAD, IN_ONE_SHARD], ids=["spread", "in-one-shard"])


def ids(rows: Sequence[NoticeRow]) -> list[str]:
    """Name the runs of some notices."""
    return [row.run_id for row in rows]


@wherever
async def test_what_is_due_comes_in_order_wherever_its_runs_lie(store: RedisStore, run_ids: Sequence[str]) -> None:
    """Whether chance has spread the runs over the shards, or all of them lie in one."""
    await inserted(
        store, *(notice_row(run_id, due_at=T0 - n, channel=CHANNELS[n % 2]) for n, run_id in enumerate(run_ids))
    )
    by_mail = run_ids[-2::-2]
    for limit in (1, 16, 199, 1000):
        assert ids(await store.due_notices(T0, limit, "mail")) == by_mail[:limit]
    assert ids(await store.due_notices(T0 - 300, 1000, "mail")) == [
        name for name in run_ids[::-1][:100] if name in by_mail
    ]
    assert await store.next_notice(T0 - 301, "mail") == T0 - 300
    assert await store.next_notice(T0 - 301, "post") is None


@wherever
async def test_what_was_given_up_is_listed_in_order_wherever_its_runs_lie(
    store: RedisStore, run_ids: Sequence[str]
) -> None:
    """Page by page, of all channels or of one."""
    rows = [
        notice_row(run_id, due_at=None, dead=True, channel=CHANNELS[n % 2])
        for n, run_id in enumerate(reversed(run_ids))
    ]
    await inserted(store, *rows)
    names = sorted((row.run_id, row.key) for row in rows)
    by_chat = sorted((row.run_id, row.key) for row in rows if row.channel == "chat")
    for limit in (7, 90, 500):
        assert await notice_ids(store, NoticeQuery(limit=limit)) == names
        assert await notice_ids(store, NoticeQuery(channel="chat", limit=limit)) == by_chat


def drawn(random: Random, version: int) -> NoticeRow:
    """Give some version of a notice."""
    due_at = random.choice([None, T0, T0 + 1])
    dead = due_at is None and random.random() < 0.7
    return notice_row(version=version, due_at=due_at, dead=dead, channel=random.choice(CHANNELS))


@pytest.mark.parametrize("ending", ["sent", "forgotten"])
async def test_what_was_sent_or_forgotten_leaves_no_trace(
    redis_url: str, namespace: str, store: RedisStore, ending: str
) -> None:
    """After any history of a notice, no place of it is left in an index; where its run is forgotten, nothing is."""
    random = Random(ending)
    await applied(store, *(changes(notices=(drawn(random, version),)) for version in range(1, 100)))
    endings: dict[str, Changes] = {
        "sent": changes(notices=(notice_row(version=102, due_at=None),)),
        "forgotten": changes(forgotten=(Hold("run", 0),)),
    }
    async with beside(redis_url) as client:

        async def places(index: str) -> int:
            return cast(
                "int", await asked(client, "ZCARD", Keys(namespace, 16).bases[shard_of(b"run", 16)] + index.encode())
            )

        await applied(store, changes(notices=(notice_row(version=100, due_at=None, dead=True),)))
        assert (await places("p"), await places("g")) == (0, 2)
        await applied(store, changes(notices=(notice_row(version=101),)))
        assert (await places("p"), await places("g")) == (1, 0)
        await applied(store, endings[ending])
        assert (await places("p"), await places("g")) == (0, 0)
        assert len(cast("list[bytes]", await asked(client, "KEYS", f"*:{namespace}}}t*"))) == (ending == "sent")


async def test_another_programs_notices_are_left_alone(redis_url: str, namespace: str, store: RedisStore) -> None:
    """A commit that would write or forget them writes nothing at all, and the run itself stays readable."""
    await applied(store, changes(runs=(run_row(),)))
    key = Keys(namespace, 16).notices(b"run")
    async with beside(redis_url) as client:
        try:
            await client.set(key, "theirs")
            for commit in (
                changes(runs=(run_row(version=2),), notices=(notice_row(),)),
                changes(forgotten=(Hold("run", 1),)),
            ):
                with pytest.raises(NotAStore):
                    await store.commit(commit)
            with pytest.raises(NotAStore):
                await store.notices("run")
            assert (await store.load("run")).run == run_row()
        finally:
            await client.delete(key)


async def test_a_damaged_notice_is_told(redis_url: str, namespace: str, store: RedisStore) -> None:
    """Its run is named, and the run itself and other runs' notices are unaffected."""
    await inserted(store, run_row("damaged"), notice_row("damaged"), notice_row("sound"))
    async with beside(redis_url) as client:
        await asked(client, "HSET", Keys(namespace, 16).notices(b"damaged"), "t1 mail", "theirs")
    with pytest.raises(StoreCorrupt, match="run 'damaged'"):
        await store.notices("damaged")
    with pytest.raises(StoreCorrupt, match="run 'damaged'"):
        await store.due_notices(T0, 9, "mail")
    assert (await store.load("damaged")).run == run_row("damaged")
    assert ids(await store.notices("sound")) == ["sound"]


async def test_what_changes_between_two_looks_is_passed_over(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent, or sent anew, after it was named and before it is read is not given, and what stands behind is."""
    await inserted(store, *(notice_row(run_id, dead=True) for run_id in "abc"))
    moves = [notice_row("a", version=2, due_at=None), notice_row("b", version=2, due_at=T0 + 1)]

    async def late(*arguments: Any) -> list[tuple[bytes, bytes]]:
        """Let somebody else be quicker, once for each move."""
        if moves:
            await inserted(store, moves.pop(0))
        return await read_rows(*arguments)

    monkeypatch.setattr(notices, "read_rows", late)
    assert ids(await store.due_notices(T0 + 9, 1, "mail")) == ["c"]
    moves.append(notice_row("c", version=2))
    assert await notice_ids(store, NoticeQuery(limit=1)) == []


# How much is looked at


@pytest_asyncio.fixture
async def server(new_redis: NewRedis) -> str:
    """Start a server of our own, whose work can be counted."""
    return new_redis("--appendonly", "no").url


@pytest_asyncio.fixture
async def full(server: str) -> AsyncIterator[RedisStore]:
    """Yield a store with thousands of notices that are due, later to be sent, given up and sent."""
    store = RedisStore(server, allow_volatile=True)
    await store.open()
    await asyncio.gather(*(store.commit(told(n)) for n in range(MANY)))
    yield store
    await store.close()


def told(n: int) -> Changes:
    """Give the commit of one run's notices."""
    times = {"1 due": T0 + n, "2 later": T0 + MANY + n}
    rows = [notice_row(f"run-{n}", key, due_at=at) for key, at in times.items()]
    rows += [notice_row(f"run-{n}", key, due_at=None, dead=key == "3 dead") for key in ("3 dead", "4 sent")]
    return changes(notices=tuple(rows))


async def looked_at(store: Store, question: str) -> None:
    """Ask one question."""
    match question:
        case "due":
            await store.due_notices(T0 + MANY, 16, "mail")
        case "none-due":
            await store.due_notices(T0 - 1, 16, "mail")
        case "next":
            await store.next_notice(T0 + MANY, "mail")
        case "dead":
            await store.page_notices(NoticeQuery(limit=20))
        case "dead-of-a-channel":
            await store.page_notices(NoticeQuery(channel="mail", limit=20))
        case "dead-of-an-idle-channel":
            await store.page_notices(NoticeQuery(channel="chat"))
        case "dead-of-a-run":
            await store.page_notices(NoticeQuery(run_id="run-7"))
        case _:
            await store.notices("run-7")


MOST = {
    "due": 60,
    "none-due": 30,
    "next": 30,
    "dead": 60,
    "dead-of-a-channel": 60,
    "dead-of-an-idle-channel": 30,
    "dead-of-a-run": 5,
    "of-a-run": 5,
}


async def test_no_question_looks_at_every_notice(server: str, full: RedisStore) -> None:
    """Each is answered by some dozens of commands, over all shards, where thousands of notices are kept."""
    async with beside(server) as client:
        for question, most in MOST.items():
            await looked_at(full, question)
            before = await calls(client)
            await looked_at(full, question)
            done = await calls(client) - before
            assert done <= most, f"{question}: {done} commands"


async def test_a_commit_without_notices_looks_at_none(server: str, full: RedisStore) -> None:
    """It takes as many commands where its run has notices as where it has none."""
    done: list[int] = []
    async with beside(server) as client:
        for run_id in ("run-7", "without"):
            await applied(full, changes(runs=(run_row(run_id),)))
            before = await calls(client)
            await applied(full, changes(runs=(run_row(run_id, version=2),)))
            done.append(await calls(client) - before)
    assert done[0] == done[1]
