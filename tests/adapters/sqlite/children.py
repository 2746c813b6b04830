"""What tests run in processes of their own: `python children.py NAME PATH ...`."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

from awaitly.result import Ok
from awaitly.testing.rows import approval_row, changes, entry_row, run_row, step_row
from awaitly_sqlite import SqliteStore
from awaitly_sqlite.migrating import migrate, scripts

COMMITTERS = 8


def acknowledge(path: str) -> None:
    """Commit without end; write each run's name to standard output once its commit is acknowledged."""

    async def committer(store: SqliteStore, number: int) -> None:
        name = f"{os.getpid()}-{number}"
        version = 0
        while True:
            version += 1
            row = run_row(name, version, body="b" * (version * 37 % 3000))
            commit = changes(runs=(row,), steps=(step_row(name, str(version)),), entries=(entry_row(name, version),))
            assert await store.commit(commit) == Ok(None)
            os.write(1, f"{name} {version}\n".encode())

    async def main() -> None:
        store = SqliteStore(path)
        await store.open()
        await asyncio.gather(*(committer(store, number) for number in range(COMMITTERS)))

    asyncio.run(main())


def crowd(path: str, processes: str, commits: str) -> None:
    """Let many processes open a file that may not exist yet, and commit to it, all starting at once."""

    async def main(number: int) -> None:
        store = SqliteStore(path, busy_timeout="30s")
        await store.open()
        for n in range(int(commits)):
            name = f"{number}-{n}"
            commit = changes(runs=(run_row(name),), approvals=(approval_row(name),), entries=(entry_row(name),))
            assert await store.commit(commit) == Ok(None)
        await store.close()

    gate, opened = os.pipe()
    children: list[int] = []
    for number in range(int(processes)):
        child = os.fork()
        if child == 0:
            _in_child(gate, opened, partial(asyncio.run, main(number)))
        children.append(child)
    os.close(opened)
    failed = [child for child in children if os.waitpid(child, 0)[1] != 0]
    sys.exit(len(failed))


def die_migrating(path: str) -> None:
    """Kill this process in the midst of the second step of a migration."""
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
        steps = ("CREATE TABLE a (x);", "CREATE TABLE b (x);\nINSERT INTO b SELECT die();\nCREATE TABLE c (x);")
        migrate(connection, Path(path), 1, steps)


def die_upgrading(path: str) -> None:
    """Kill this process when it has come to the end of the step from version 1 to version 2, before its commit."""
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
        first, second = scripts()[:2]
        migrate(connection, Path(path), 1, (first, f"{second}\nINSERT INTO runs (run_id) SELECT die();"))


def die_at_each_statement(folder: str, known: str) -> None:
    """Bring files to the newest schema from `known` steps on, each in a child killed before its n-th statement.

    Says how many files there are: the child of the last one had no statement left to be killed before.
    """
    number = 0
    while True:
        number += 1
        path = Path(folder) / f"{number}.db"
        with sqlite3.connect(path, isolation_level=None) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # a killed process takes nothing from the system with it
            migrate(connection, path, 1, scripts()[: int(known)])
        connection.close()
        child = os.fork()
        if child == 0:
            _die_before(path, number)
        if os.waitpid(child, 0)[1] == 0:
            os.write(1, f"{number}\n".encode())
            return


def _die_before(path: Path, number: int) -> NoReturn:
    """Bring a file to the newest schema, and be killed before the n-th statement."""
    left = [number]

    def count(_: str) -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.set_trace_callback(count)
        migrate(connection, path, 1)
    os._exit(0)


def migrators(path: str, processes: str) -> None:
    """Let many processes bring one file to the newest schema, all starting at once."""

    def act() -> None:
        with sqlite3.connect(path, isolation_level=None) as connection:
            migrate(connection, Path(path), 30)

    gate, opened = os.pipe()
    children: list[int] = []
    for _ in range(int(processes)):
        child = os.fork()
        if child == 0:
            _in_child(gate, opened, act)
        children.append(child)
    os.close(opened)
    sys.exit(len([child for child in children if os.waitpid(child, 0)[1] != 0]))


def _in_child(gate: int, opened: int, act: Callable[[], None]) -> NoReturn:
    """Wait until the parent has opened the gate by closing its end of it, then act, and end."""
    try:
        os.close(opened)
        os.read(gate, 1)
        act()
    except BaseException:  # noqa: BLE001  (a child must never run on in its parent's code)
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
