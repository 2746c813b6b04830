from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.grounds import ELSEWHERE, Ground, ground_of
from tests.faults.lives import folder
from tests.faults.orders import Place
from tests.faults.tally import TALLY


@pytest.fixture
def place() -> Iterator[Place]:
    """Give a place for the files of one test, removed with all that is in it."""
    with folder() as here:
        yield Place.at(here)


@pytest.fixture(params=ELSEWHERE)
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the long runs out unless the environment asks for them: a marker alone is easily chosen by mistake."""
    if os.environ.get("AWAITLY_FAULTS") == "long":
        return
    for item in items:
        if item.get_closest_marker("slow") and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="a long run: set AWAITLY_FAULTS=long"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was checked, how often, and with what result."""
    if TALLY.looked:
        terminalreporter.section("faults")
        for line in TALLY.table():
            terminalreporter.write_line(line)
