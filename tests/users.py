"""Another user, for tests of what permissions forbid: they may run as root, whom no permission binds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import mkdtemp
from unittest.mock import patch

import pytest

__all__ = ["another_user", "may_only_read", "passable"]

NOBODY = 65534


@pytest.fixture
def passable() -> Iterator[Path]:
    """Give a folder to which every user can come; pytest's own are closed anew whenever a pytest starts."""
    made = Path(mkdtemp(prefix="awaitly-passable-"))
    made.chmod(0o755)
    yield made
    made.chmod(0o755)
    shutil.rmtree(made)


@contextmanager
def another_user(owning: Path | None = None) -> Generator[None]:
    """Be a user whom permissions bind, and whose a folder and the files in it are."""
    installed = entry_points(group="awaitly.stores")  # found now: a checkout in root's home is root's alone
    if os.getuid() != 0:
        yield
        return
    for path in () if owning is None else (owning, *owning.iterdir()):
        shutil.chown(path, NOBODY)
    os.seteuid(NOBODY)
    try:
        with patch("importlib.metadata.entry_points", return_value=installed):
            yield
    finally:
        os.seteuid(0)


@contextmanager
def may_only_read(folder: Path) -> Generator[None]:
    """Be a user who may read all of a folder and write nothing there."""
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    try:
        with another_user():
            yield
    finally:
        folder.chmod(0o755)
