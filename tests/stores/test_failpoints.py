from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from awaitly.exceptions import StoreUnavailable
from awaitly.result import Err, Ok
from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import Move
from awaitly.testing import FailingStore, Failpoints, Pause, raising
from awaitly.testing.rows import changes, run_row
from awaitly_sqlite import SqliteStore

NOTHING = (("run", "missing"),)
"""A part for commits of which only the move matters: to drop a step that is not there."""

CHILD = """
import asyncio, sys
from awaitly.storage.store import Move
from awaitly.testing import FailingStore, Failpoints
from awaitly.testing.rows import changes, run_row
from awaitly_sqlite import SqliteStore

async def main() -> None:
    store = FailingStore(SqliteStore(sys.argv[1]), Failpoints.from_env())
    await store.open()
    for name in ("a", "b", "c"):
        await store.commit(changes(Move.PARK, runs=(run_row(name),)))
    await store.close()

asyncio.run(main())
"""


async def failing(failpoints: Failpoints) -> FailingStore:
    """Give an open, empty store."""
    store = FailingStore(MemoryStore(), failpoints)
    await store.open()
    return store


def test_there_are_two_for_each_move() -> None:
    """One before and one after; and two for opening."""
    names = Failpoints.names()
    assert len(names) == len(set(names)) == 2 * len(Move) + 2
    assert {"start.before", "start.after", "park.before", "cleanup.after", "open.before", "open.after"} <= set(names)


async def test_before_a_commit_nothing_is_written() -> None:
    """What the action raises comes out of `commit`."""
    failpoints = Failpoints()
    failpoints.arm("park.before", raising(StoreUnavailable("gone")))
    store = await failing(failpoints)
    with pytest.raises(StoreUnavailable, match="gone"):
        await store.commit(changes(Move.PARK, runs=(run_row(),)))
    assert (await store.load("run")).run is None


async def test_after_a_commit_it_is_written() -> None:
    """Only the answer is lost."""
    failpoints = Failpoints()
    failpoints.arm("park.after", raising(StoreUnavailable("gone")))
    store = await failing(failpoints)
    with pytest.raises(StoreUnavailable, match="gone"):
        await store.commit(changes(Move.PARK, runs=(run_row(),)))
    assert (await store.load("run")).run == run_row()


async def test_other_moves_pass() -> None:
    """A failpoint is that of one move."""
    failpoints = Failpoints()
    failpoints.arm("park.before", raising(StoreUnavailable("gone")))
    store = await failing(failpoints)
    assert await store.commit(changes(Move.STEP, runs=(run_row(),))) == Ok(None)


async def test_a_hit_can_be_chosen() -> None:
    """Only the second commit fails; the third passes again."""
    failpoints = Failpoints()
    failpoints.arm("step.before", raising(StoreUnavailable("gone")), hit=2)
    store = await failing(failpoints)
    failpoints.hits.clear()
    await store.commit(changes(Move.STEP, dropped=NOTHING))
    with pytest.raises(StoreUnavailable):
        await store.commit(changes(Move.STEP, dropped=NOTHING))
    await store.commit(changes(Move.STEP, dropped=NOTHING))
    assert failpoints.hits == {"step.before": 3, "step.after": 2}


async def test_hits_are_counted_from_the_arming() -> None:
    """A failpoint that is armed late fires at its next hit, where the first is asked for."""
    failpoints = Failpoints()
    store = await failing(failpoints)
    await store.commit(changes(Move.STEP, dropped=NOTHING))
    failpoints.arm("step.before", raising(StoreUnavailable("gone")), hit=1)
    with pytest.raises(StoreUnavailable):
        await store.commit(changes(Move.STEP, dropped=NOTHING))


async def test_without_a_hit_it_fires_each_time() -> None:
    """Until it is disarmed."""
    failpoints = Failpoints()
    failpoints.arm("step.before", raising(StoreUnavailable("gone")))
    store = await failing(failpoints)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await store.commit(changes(Move.STEP, dropped=NOTHING))
    failpoints.disarm("step.before")
    assert await store.commit(changes(Move.STEP, dropped=NOTHING)) == Ok(None)


async def test_a_refused_commit_comes_to_both() -> None:
    """A conflict is an answer like any other."""
    failpoints = Failpoints()
    store = await failing(failpoints)
    failpoints.hits.clear()
    assert isinstance(await store.commit(changes(Move.STEP, runs=(run_row(version=5),))), Err)
    assert failpoints.hits == {"step.before": 1, "step.after": 1}


async def test_a_pause_holds_a_commit() -> None:
    """It stands at the failpoint, with nothing written, until the test lets it go on."""
    failpoints, pause = Failpoints(), Pause()
    failpoints.arm("decide.before", pause)
    store = await failing(failpoints)
    held = asyncio.create_task(store.commit(changes(Move.DECIDE, runs=(run_row(body="held"),))))
    await pause.reached.wait()
    assert (await store.load("run")).run is None
    assert await store.commit(changes(Move.STEP, runs=(run_row(body="winner"),))) == Ok(None)
    pause.released.set()
    assert isinstance(await held, Err)
    assert (await store.load("run")).run == run_row(body="winner")


def test_an_unknown_name_is_refused() -> None:
    """The message lists those there are."""
    with pytest.raises(ValueError, match=r"no failpoint 'parked'.*park\.before"):
        Failpoints().arm("parked", raising(StoreUnavailable("gone")))


@pytest.mark.parametrize("environ", [{}, {"AWAITLY_FAILPOINT": ""}, {"AWAITLY_FAILPOINT": "  "}])
async def test_an_empty_environment_arms_nothing(environ: dict[str, str]) -> None:
    """Every commit passes."""
    store = await failing(Failpoints.from_env(environ=environ))
    assert [await store.commit(changes(move, dropped=NOTHING)) for move in Move] == [Ok(None)] * len(Move)


async def test_the_environment_arms_several() -> None:
    """Separated by commas, each with its own hit."""
    environ = {"MINE": "step.after:raise@2, end.before:raise"}
    store = await failing(Failpoints.from_env("MINE", environ))
    await store.commit(changes(Move.STEP, dropped=NOTHING))
    with pytest.raises(StoreUnavailable):
        await store.commit(changes(Move.STEP, dropped=NOTHING))
    with pytest.raises(StoreUnavailable):
        await store.commit(changes(Move.END, dropped=NOTHING))


@pytest.mark.parametrize(
    "text",
    ["park.before", "park.before:", "park.before:explode", "park.before:kill@0", "park:kill", "park.before:kill@x"],
)
def test_a_wrong_environment_is_refused(text: str) -> None:
    """A fault that is misspelt must not pass for one that was survived."""
    with pytest.raises(ValueError, match="failpoint"):
        Failpoints.from_env(environ={"AWAITLY_FAILPOINT": text})


@pytest.mark.parametrize(
    ("order", "left"),
    [
        ("park.before:kill", []),
        ("park.after:kill", ["a"]),
        ("park.before:kill@2", ["a"]),
        ("park.after:kill@3", ["a", "b", "c"]),
    ],
)
async def test_a_process_is_killed_where_it_was_told(order: str, left: list[str], tmp_path: Path) -> None:
    """By SIGKILL, and what it had committed is there: no more and no less."""
    path = tmp_path / "store.db"
    environ = {**os.environ, "AWAITLY_FAILPOINT": order}
    child = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", CHILD, str(path)], env=environ, capture_output=True, check=False
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    store = SqliteStore(path)
    await store.open()
    found = [name for name in ("a", "b", "c") if (await store.load(name)).run]
    await store.close()
    assert found == left
