from __future__ import annotations

import asyncio
import subprocess
import sys
from asyncio.subprocess import Process
from pathlib import Path

from awaitly.result import Ok
from awaitly.testing.rows import changes, run_row
from awaitly_postgres import PostgresStore

ROOT = Path(__file__).parents[3]
ENOUGH = 20
"""How many versions a process has won before it is killed."""


async def started(url: str, namespace: str) -> Process:
    """Start a process that writes to a run, as soon as it is told to."""
    command = [sys.executable, "-m", "tests.adapters.postgres.children", "race", url, namespace]
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


async def test_processes_that_race_and_are_killed_leave_a_whole_run(
    store: PostgresStore, url: str, namespace: str
) -> None:
    """Each version was won by one of them, with its step and its entry; what was acknowledged is there."""
    children = [await started(url, namespace) for _ in range(3)]
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"\n")
    won: list[int] = []
    for child in children:
        assert child.stdout is not None
        won.extend([int(await child.stdout.readline()) for _ in range(ENOUGH)])
        child.kill()
    rest = [(await child.communicate())[0].decode() for child in children]
    won.extend(int(line) for told in rest for line in told.splitlines(keepends=True) if line.endswith("\n"))
    found = await store.load("run")
    assert found.run is not None
    assert len(won) == len(set(won))
    assert set(won) <= set(range(1, found.run.version + 1))
    assert len(set(range(1, found.run.version + 1)) - set(won)) <= len(children)  # those it could not tell of any more
    assert [step.key for step in found.steps] == [str(n + 1) for n in range(found.run.version)]
    assert [entry.seq for entry in await store.entries("run")] == list(range(1, found.run.version + 1))
    assert await store.commit(changes(runs=(run_row(version=found.run.version + 1),))) == Ok(None)
