from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli import handling
from tests.cli import waiting as waits
from tests.cli.support import filled, process
from tests.users import passable

__all__ = ["handled", "once_handled", "once_parked", "once_waiting", "original", "parked", "passable", "url", "waiting"]


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the store that each test gets a copy of."""
    folder = tmp_path_factory.mktemp("filled")
    filled(folder)
    return folder / "runs.db"


@pytest.fixture
def url(original: Path, tmp_path: Path) -> str:
    """Give a store of the test's own: `buy-0` failed; `buy-1`, `deal-1`, `pay-1` and `odd-1` wait."""
    shutil.copy(original, tmp_path / "runs.db")
    return f"sqlite:///{tmp_path / 'runs.db'}"


@pytest.fixture(scope="session")
def once_waiting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the store of runs that wait for no approval, that each test gets a copy of."""
    folder = tmp_path_factory.mktemp("waiting")
    waits.filled(folder)
    return folder / "waiting.db"


@pytest.fixture
def waiting(once_waiting: Path, tmp_path: Path) -> str:
    """Give a store of the test's own: see `tests.cli.waiting`."""
    shutil.copy(once_waiting, tmp_path / "waiting.db")
    return f"sqlite:///{tmp_path / 'waiting.db'}"


@pytest.fixture(scope="session")
def once_handled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the store of approvals that go from hand to hand, that each test gets a copy of."""
    folder = tmp_path_factory.mktemp("handled")
    handling.filled(folder)
    return folder / "handled.db"


@pytest.fixture
def handled(once_handled: Path, tmp_path: Path) -> str:
    """Give a store of the test's own, in which `inv-1`, `desk-1` and `spend-1` of zed's wait: see `handling`."""
    shutil.copy(once_handled, tmp_path / "handled.db")
    return f"sqlite:///{tmp_path / 'handled.db'}"


@pytest.fixture(scope="session")
def once_parked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let the demo run once without a terminal, for each test to get a copy of what it left."""
    folder = tmp_path_factory.mktemp("parked")
    assert process("demo", folder=folder).code == 0
    return folder


@pytest.fixture
def parked(once_parked: Path, tmp_path: Path) -> Path:
    """Give a folder of the test's own, in which the demo has run and nine refunds wait."""
    shutil.copytree(once_parked, tmp_path / "demo")
    return tmp_path / "demo"
