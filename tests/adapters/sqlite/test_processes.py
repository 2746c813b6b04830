# ruff: noqa: ASYNC220, ASYNC221  (files and processes are what these tests are about)

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from awaitly.storage.store import ApprovalQuery
from awaitly_sqlite import SqliteStore

CHILDREN = Path(__file__).with_name("children.py")


async def killed_after(path: Path, lines: int) -> dict[str, int]:
    """Let a child commit until it has acknowledged that many; SIGKILL it; give each run's last acknowledged version."""
    acknowledged: dict[str, int] = {}
    with subprocess.Popen([sys.executable, CHILDREN, "acknowledge", path], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for n, line in enumerate(child.stdout):
            if n == lines:
                child.send_signal(signal.SIGKILL)
            if line.endswith("\n"):
                name, version = line.split()
                acknowledged[name] = int(version)
    assert child.returncode == -signal.SIGKILL
    return acknowledged


async def test_what_was_acknowledged_survives_sigkill(path: Path) -> None:
    """In eight rounds on one file nothing acknowledged is lost, and no commit is there in part."""
    acknowledged: dict[str, int] = {}
    for lines in (1, 2, 5, 20, 50, 100, 200, 500):
        acknowledged |= await killed_after(path, lines)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store = SqliteStore(path)
    await store.open()
    for name, version in acknowledged.items():
        found = await store.load(name)
        assert found.run is not None
        assert found.run.version in (version, version + 1), "one more may be written and not yet acknowledged"
        assert [step.key for step in found.steps] == [str(n) for n in range(1, found.run.version + 1)]
        assert [entry.seq for entry in await store.entries(name)] == list(range(1, found.run.version + 1))
    await store.close()


async def test_64_processes_commit_at_once(path: Path) -> None:
    """All of them create, migrate and write one file: each commit is there once, and none is refused."""
    crowd = subprocess.run([sys.executable, CHILDREN, "crowd", path, "64", "10"], check=False, timeout=120)
    assert crowd.returncode == 0
    store = SqliteStore(path)
    await store.open()
    page = await store.page_approvals(ApprovalQuery(limit=1000))
    assert Counter(row.run_id for row in page.items) == {f"{p}-{n}": 1 for p in range(64) for n in range(10)}
    await store.close()
