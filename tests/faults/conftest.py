from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.grounds import ELSEWHERE, SOON, Ground, ground_of
from tests.faults.lives import folder
from tests.faults.orders import Place


@pytest.fixture
def place() -> Iterator[Place]:
    """Give a place for the files of one test, removed with all that is in it."""
    with folder() as here:
        yield Place.at(here)


@pytest.fixture(params=[*SOON, *(pytest.param(kind, marks=pytest.mark.slow) for kind in ELSEWHERE if kind not in SOON)])
def ground(request: pytest.FixtureRequest) -> Ground:
    """Give where new, empty stores of one kind are had; each test that asks for it is made for all kinds but SQLite."""
    return ground_of(request.param, request)


@pytest.fixture
def elsewhere(ground: Ground, here: Path) -> Place:
    """Give a place for the files of one test, whose store is of the kind that is tested."""
    return ground(here)


@pytest.fixture
def here() -> Iterator[Path]:
    """Give an empty folder, removed with all that is in it."""
    with folder() as made:
        yield made
