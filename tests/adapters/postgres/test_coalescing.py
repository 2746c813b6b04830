from __future__ import annotations

import asyncio

import psycopg
import pytest
from attrs import evolve
from psycopg.rows import TupleRow

from awaitly.exceptions import StoreLocked
from awaitly.result import Err, Ok, Result
from awaitly.storage.store import Changes, Conflict, Found
from awaitly.testing.rows import changes, entry_row, run_row, step_row
from awaitly_postgres import PostgresStore, Settings
from tests.adapters.postgres.conftest import until_waiting

Admin = psycopg.AsyncConnection[TupleRow]


async def together(store: PostgresStore, *commits: Changes) -> list[Result[None, Conflict] | BaseException]:
    """Make commits in one turn of the loop, so that all of them go into one batch."""
    return await asyncio.gather(*map(store.commit, commits), return_exceptions=True)


def runs(count: int) -> list[Changes]:
    """Make commits of a run each, which do not touch each other."""
    return [changes(runs=(run_row(f"run-{n}"),)) for n in range(count)]


async def test_commits_of_one_turn_share_a_round_trip(store: PostgresStore) -> None:
    """Sixty that are made at once take one."""
    assert await together(store, *runs(60)) == [Ok(None)] * 60
    assert (store.commits, store.batches) == (60, 1)


async def test_commits_that_wait_share_a_round_trip(store: PostgresStore) -> None:
    """Those that come while a batch is under way take one more."""
    first = asyncio.ensure_future(store.commit(changes(runs=(run_row("first"),))))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await together(store, *runs(40)) == [Ok(None)] * 40
    assert await first == Ok(None)
    assert store.batches <= 2


async def test_a_long_queue_takes_several_batches(store: PostgresStore) -> None:
    """One batch takes at most 64, so that nobody waits for too many others."""
    assert await together(store, *runs(300)) == [Ok(None)] * 300
    assert store.batches == 5


async def test_commits_one_after_another_take_one_each(store: PostgresStore) -> None:
    """Nothing waits for company."""
    for commit in runs(5):
        assert await store.commit(commit) == Ok(None)
    assert (store.commits, store.batches) == (5, 5)


async def test_a_conflict_does_not_disturb_its_neighbours(store: PostgresStore) -> None:
    """Neither what it did before its condition failed, nor what others do in the same batch."""
    bad = changes(runs=(run_row("bad"),), steps=(step_row("bad"), step_row("bad")))
    results = await together(store, *runs(2), bad, *runs(5)[2:], evolve(bad, steps=()))
    lost: Result[None, Conflict] = Err(Conflict("bad", "step 'pay, pay' is already recorded"))
    assert results == [Ok(None)] * 2 + [lost] + [Ok(None)] * 4
    found = await store.load("bad")
    assert (found.run, found.steps) == (run_row("bad"), ())


async def test_of_contenders_in_one_batch_the_first_wins(store: PostgresStore) -> None:
    """The others hear at which version it left the run."""
    results = await together(store, *[changes(runs=(run_row(body=str(n)),)) for n in range(3)])
    lost: Result[None, Conflict] = Err(Conflict("run", "the run already exists, at version 1"))
    assert results == [Ok(None), lost, lost]
    assert (await store.load("run")).run == run_row(body="0")


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (changes(runs=(run_row("bad", body="a\0b"),)), ValueError),
        (changes(runs=(run_row("bad", body="\ud800"),)), ValueError),
        (changes(runs=(run_row("bad", created_at=2**63),)), ValueError),
    ],
    ids=["nul", "surrogate", "too-large-a-number"],
)
async def test_what_cannot_be_kept_does_not_spoil_its_neighbours(
    store: PostgresStore, bad: Changes, error: type[Exception]
) -> None:
    """Only who asked for it hears of it; the others of its batch are made."""
    first, *rest = await together(store, bad, *runs(6))
    assert isinstance(first, error)
    assert "a value cannot be kept" in str(first)
    assert rest == [Ok(None)] * 6
    assert (await store.load("bad")).run is None


async def test_a_refusal_does_not_show_what_was_to_be_kept(store: PostgresStore) -> None:
    """Messages end up in logs, and bodies are nobody's business there."""
    with pytest.raises(ValueError, match="a value cannot be kept") as refused:
        await store.commit(changes(runs=(run_row(body="s3cret\0"),)))
    assert "s3cret" not in str(refused.value)


async def test_a_commit_is_about_one_run(store: PostgresStore) -> None:
    """One about several is a mistake of the caller's, and makes nothing."""
    with pytest.raises(ValueError, match="about one run"):
        await store.commit(changes(runs=(run_row(),), steps=(step_row("other"),)))
    assert (await store.load("run")).run is None


async def test_an_entry_that_exists_is_named(store: PostgresStore) -> None:
    """The conflict says which."""
    assert await store.commit(changes(entries=(entry_row(),))) == Ok(None)
    assert await store.commit(changes(entries=(entry_row(),))) == Err(
        Conflict("run", "the ledger already has an entry 1")
    )


async def test_a_locked_run_holds_up_nobody_else(store: PostgresStore, admin: Admin) -> None:
    """While somebody's transaction holds a run, commits about others go on; the one about it waits for its end."""
    assert await store.commit(changes(runs=(run_row("held"),))) == Ok(None)
    async with admin.transaction():
        await admin.execute("SELECT FROM awaitly.runs WHERE run_id = 'held' FOR UPDATE")
        waiting = asyncio.ensure_future(store.commit(changes(runs=(run_row("held", 2),))))
        assert await together(store, *runs(20)) == [Ok(None)] * 20
        assert await store.commit(changes(runs=(run_row("later"),))) == Ok(None)
        assert not waiting.done()
    assert await waiting == Ok(None)


async def test_a_lock_is_not_waited_for_without_end(url: str, namespace: str, admin: Admin) -> None:
    """After `lock_wait` the commit about that run is refused; it was not made."""
    store = PostgresStore(url, namespace=namespace, settings=Settings(lock_wait="200ms"))
    await store.open()
    assert await store.commit(changes(runs=(run_row("held"),))) == Ok(None)
    async with admin.transaction():
        await admin.execute("SELECT FROM awaitly.runs WHERE run_id = 'held' FOR UPDATE")
        with pytest.raises(StoreLocked, match="lock_wait"):
            await store.commit(changes(runs=(run_row("held", 2),)))
    assert (await store.load("held")).run == run_row("held")
    assert await store.commit(changes(runs=(run_row("held", 2),))) == Ok(None)
    await store.close()


@pytest.mark.parametrize("options", ["", "&options=-c%20default_transaction_isolation%3Dserializable"])
async def test_two_stores_that_write_the_same_runs_never_block_each_other(
    url: str, namespace: str, options: str
) -> None:
    """Batches over the same runs, each in another order, go through without a deadlock, and each run ends up whole.

    So it is where sessions are serialisable by themselves: what the server undoes for that is tried again.
    """
    stores = [PostgresStore(url + options, namespace=namespace) for _ in range(2)]
    for each in stores:
        await each.open()
    names = [f"run-{n}" for n in range(20)]
    await together(stores[0], *(changes(runs=(run_row(name),)) for name in names))
    for version in range(2, 12):
        rounds = [
            together(each, *(changes(runs=(run_row(name, version),)) for name in order))
            for each, order in zip(stores, (names, names[::-1]), strict=True)
        ]
        first, second = await asyncio.gather(*rounds)
        assert all((a == Ok(None)) != (b == Ok(None)) for a, b in zip(first, second[::-1], strict=True))
    assert [(await stores[0].load(name)).run for name in names] == [run_row(name, 11) for name in names]
    for each in stores:
        await each.close()


async def test_many_locked_runs_hold_up_nobody_else(store: PostgresStore, url: str, admin: Admin) -> None:
    """However many commits wait for them, connections are left to read and write what is about other runs."""
    held = [run_row(f"held-{n}") for n in range(20)]
    await together(store, *[changes(runs=(row,)) for row in held])
    async with admin.transaction():
        await admin.execute("SELECT FROM awaitly.runs WHERE run_id LIKE 'held-%' FOR UPDATE")
        waiting = asyncio.gather(*[store.commit(changes(runs=(evolve(row, version=2),))) for row in held])
        await until_waiting(admin, url, Settings().pool_size - 3)
        async with asyncio.timeout(5):
            assert (await store.load("held-1")).run == held[1]
            assert await store.commit(changes(runs=(run_row("other"),))) == Ok(None)
        assert not waiting.done()
    assert await waiting == [Ok(None)] * 20


async def test_commits_that_go_alone_share_writers(store: PostgresStore, admin: Admin) -> None:
    """However many there are, few writers leave notes."""
    before = await writers(admin)
    for n in range(12):
        bad = changes(runs=(run_row("bad", body="a\0b"),))
        first, *rest = await together(store, bad, *[changes(runs=(run_row(f"run-{n}-{m}"),)) for m in range(8)])
        assert isinstance(first, ValueError)
        assert rest == [Ok(None)] * 8
    assert await writers(admin) - before <= Settings().pool_size


async def writers(admin: Admin) -> int:
    """Count those who left notes of batches."""
    row = await (await admin.execute("SELECT count(DISTINCT writer) FROM awaitly.batches")).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("hostile", ["evil\0", "\ud800"], ids=["nul", "surrogate"])
async def test_a_load_of_what_cannot_be_does_not_spoil_its_neighbours(store: PostgresStore, hostile: str) -> None:
    """Only who asked for it hears of it; the others of the same turn get their runs."""
    await together(store, *runs(3))
    bad, *found = await asyncio.gather(*map(store.load, [hostile, "run-0", "run-1", "run-2"]), return_exceptions=True)
    assert isinstance(bad, ValueError)
    assert [f.run for f in found if isinstance(f, Found)] == [run_row(f"run-{n}") for n in range(3)]


async def test_an_unflushed_commit_is_applied_like_any_other(store: PostgresStore) -> None:
    """It is there for everybody at once."""
    assert await store.commit(changes(runs=(run_row(),), flushed=False)) == Ok(None)
    assert (await store.load("run")).run == run_row()


@pytest.mark.parametrize("usual", ["on", "off"])
async def test_only_unflushed_commits_do_not_wait_for_the_disk(
    url: str, namespace: str, admin: Admin, usual: str
) -> None:
    """A flushed one waits even where the database is set not to; one flushed commit makes all of a batch flushed."""
    store = PostgresStore(f"{url}&options=-c%20synchronous_commit%3D{usual}", namespace=namespace)
    await store.open()
    await admin.execute("""
        CREATE FUNCTION awaitly.noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_notify('seen', current_setting('synchronous_commit')); RETURN NULL; END $$""")
    await admin.execute("""
        CREATE TRIGGER noted AFTER INSERT ON awaitly.runs FOR EACH STATEMENT EXECUTE FUNCTION awaitly.noted()""")
    try:
        await admin.execute("LISTEN seen")
        await store.commit(changes(runs=(run_row("a"),)))
        await store.commit(changes(runs=(run_row("b"),), flushed=False))
        await together(store, changes(runs=(run_row("c"),), flushed=False), changes(runs=(run_row("d"),)))
        seen = [notify.payload async for notify in admin.notifies(timeout=10, stop_after=3)]
    finally:
        await admin.execute("UNLISTEN seen")
        await admin.execute("DROP TRIGGER noted ON awaitly.runs")
        await admin.execute("DROP FUNCTION awaitly.noted")
        await store.close()
    assert seen == ["on", "off", "on"]
