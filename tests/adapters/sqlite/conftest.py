from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from awaitly_sqlite import SqliteStore
from awaitly_sqlite.pacing import Pace
from tests.users import passable

__all__ = ["passable", "path", "slow_disk", "store"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a store's file that does not exist yet."""
    return tmp_path / "awaitly.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    """Yield an open store without rows."""
    store = SqliteStore(path, busy_timeout="2s")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every store wait for the disk on its writer's thread."""
    monkeypatch.setattr(Pace, "waits_here", _elsewhere)


def _elsewhere(_: Pace) -> bool:
    return False
