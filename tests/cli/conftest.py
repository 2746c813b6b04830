from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.support import filled


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
