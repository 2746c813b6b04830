"""A plugin that lets the tests of faults tell what they looked at: in which store, how often, and with what result.

Of the tests of faults each one that has counted nothing itself counts as one look at what its name says. In a long run
these are all tests of this folder, and elsewhere those that are marked as slow, or that are longer then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.faults.lengths import LONG
from tests.faults.tally import KINDS, TALLY

HERE = Path(__file__).parent
REPORT = HERE.parents[1] / "build" / "faults.md"
_LONGER = ("test_linearizable.py", "test_policy_machine.py")
"""Files elsewhere whose tests are longer in a long run, without being marked."""
_MACHINE = "_equals_the_model"
_BY_FIXTURE: Mapping[str, str] = {
    "far_split": "split",
    "far_postgres": "postgres",
    "far_redis": "redis",
    "new_redis_cluster": "cluster",
    "new_postgres": "postgres",
    "new_redis": "redis",
    "place": "sqlite",
    "here": "sqlite",
    "path": "sqlite",
    "library": "sqlite",
}


def is_of_faults(item: pytest.Item) -> bool:
    """Whether a test is one of faults, in this kind of run."""
    if HERE in item.path.parents:
        return True
    is_longer = item.path.name in _LONGER or _MACHINE in item.name
    return LONG and (is_longer or item.get_closest_marker("slow") is not None)


def kind_of(item: pytest.Item) -> str:
    """Tell which kind of store a test is about, by what it was made for, what it asks for, or where it stands."""
    marker = item.get_closest_marker("store")
    if marker is not None:
        return str(marker.args[0])
    params: Mapping[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    given = [_named(value) for value in params.values()]
    fixtures: list[str] = getattr(item, "fixturenames", [])
    asked = {kind for name, kind in _BY_FIXTURE.items() if name in fixtures}
    if {"new_postgres", "new_redis"} <= set(fixtures):
        return "split"
    found = next((kind for name in given for kind in KINDS if kind in name), None)
    if found is not None:
        return found
    where = next((kind for kind in KINDS if kind in item.path.stem or kind in item.path.parts), None)
    return min(asked, default=where or KINDS[0])


def _named(value: object) -> str:
    return value if isinstance(value, str) else getattr(value, "__name__", "")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known by which a test says what store it is about."""
    config.addinivalue_line("markers", "store(kind): which kind of store a test of faults is about")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long runs out unless the environment asks for them, and there all else that is no test of faults.

    A marker alone is easily chosen by mistake.
    """
    if LONG:
        kept = [item for item in items if is_of_faults(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept
        return
    for item in items:
        if item.get_closest_marker("slow") and HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="a long run: set AWAITLY_FAULTS=long"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let what a test counts count for its store, and the test itself where it counts nothing."""
    TALLY.kind = kind_of(item)
    before = TALLY.looked.total() if is_of_faults(item) else None
    try:
        given = yield
    except (pytest.skip.Exception, KeyboardInterrupt):
        raise
    except BaseException:
        _count(item, before, holds=False)
        raise
    _count(item, before, holds=True)
    return given


def _count(item: pytest.Item, before: int | None, *, holds: bool) -> None:
    """Count a test of faults that has counted nothing itself."""
    if TALLY.looked.total() == before:
        TALLY.count(_said_by(item), holds)


def _said_by(item: pytest.Item) -> str:
    """Give what a test shows, as its name says it; that of a machine is its class's."""
    function: Callable[..., object] | None = getattr(item, "function", None)
    name = str(getattr(function, "__name__", item.name))
    if name == "runTest" and item.parent is not None:
        return " ".join(re.findall("[A-Z][a-z]+", item.parent.name.removeprefix("Test"))).lower()
    return name.removeprefix("test_").replace("_", " ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was checked, how often, and with what result; a long run is written down as well."""
    if not TALLY.looked:
        return
    terminalreporter.section("faults")
    for line in (*TALLY.table(), "", *TALLY.happenings()):
        terminalreporter.write_line(line)
    if LONG:
        REPORT.parent.mkdir(exist_ok=True)
        happened = [f"* {line}" for line in TALLY.happenings()]
        REPORT.write_text("\n".join(["# A run of the fault tests", "", *TALLY.table(), "", *happened, ""]))
        terminalreporter.write_line(f"written to {REPORT}")
