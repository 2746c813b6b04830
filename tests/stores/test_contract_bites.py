from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import Store
from awaitly.testing.store_contract import NamespaceContract, StoreContract, WakingContract
from awaitly.testing.store_machine import check_store
from tests.stores.planted.suite import BUGS, CAUGHT_BY, class_name

SUITE = Path(__file__).with_name("planted") / "suite.py"
EXPECTED = re.compile(
    "^E +(AssertionError|assert |Failed: DID NOT RAISE|Failed: not told|TimeoutError|RuntimeError: closed already)",
    re.MULTILINE,
)
"""How a failing test may end; anything else is a slip in the planted bug."""
QUIET = "ignore::pytest.PytestAssertRewriteWarning"
OPTIONS = ("--tb=short", "-q", "-p", "no:cacheprovider", "-W", QUIET, "--rootdir", str(SUITE.parents[3]))
CONTRACTS = (StoreContract, WakingContract, NamespaceContract)
FACTS = {name for contract in CONTRACTS for name in dir(contract) if name.startswith("test_")}


class Failures:
    """A plugin that keeps what failed, by the class that it failed in."""

    def __init__(self) -> None:
        self.of: defaultdict[str, list[pytest.TestReport]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a failure."""
        if report.failed:
            self.of[report.nodeid.split("::")[1]].append(report)


@pytest.fixture(scope="module")
def failures(request: pytest.FixtureRequest) -> Failures:
    """Run what must fail, for all bugs that are asked for here: one run, for pytest itself takes longest to begin."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    asked = [item for item in items if item.originalname == test_the_contract_catches.__name__]
    nodes = [f"{SUITE}::{class_name(str(item.callspec.params['name']))}" for item in asked]
    kept = Failures()
    assert pytest.main([*nodes, *OPTIONS], plugins=[kept]) is pytest.ExitCode.TESTS_FAILED
    return kept


@pytest.mark.parametrize("name", CAUGHT_BY)
def test_the_contract_catches(name: str, failures: Failures) -> None:
    """Each test that is named beside a bug fails where the bug is planted, in the test itself and not around it."""
    failed = failures.of[class_name(name)]
    caught = {report.nodeid.split("::")[-1].split("[")[0] for report in failed if report.when == "call"}
    assert caught == set(CAUGHT_BY[name])
    assert [report.longreprtext for report in failed if not EXPECTED.search(report.longreprtext)] == []


def test_each_test_of_the_contract_catches_a_bug() -> None:
    """No test of the contracts is without a bug that makes it fail."""
    assert {test for tests in CAUGHT_BY.values() for test in tests} == FACTS


MACHINE_CATCHES = [
    "versions are ignored",
    "a conflict leaves what came before it",
    "the second entry is lost",
    "drops come last",
    "nothing is forgotten",
    "forgetting comes first",
    "forgetting alone does nothing",
    "forgetting needs a run",
    "rows are sorted by key",
    "due runs are sorted by id",
    "due runs are sorted by times to come",
    "due runs of one moment are in any order",
    "a due approval needs no run",
    "lanes are ignored",
    "lanes are sorted",
    "no lanes are all lanes",
    "a run keeps its first lane",
    "renewed runs are in no lane",
    "decisions come after all lanes",
    "decisions are in any lane",
    "each lane has a limit of its own",
    "the next time is due already",
    "the next time is of any lane",
    "the next time is of the first lane",
    "the next time may be a deadline",
    "cursors count rows",
    "pages are one apart",
    "a prefix is a LIKE",
    "deadlines are ignored",
    "audiences are ignored",
    "an audience has one name",
    "one name is asked for",
    "an approval is listed for each name",
    "no name is any name",
    "nobody is everybody",
    "audiences are listed by asking",
    "no deadline is the first",
    "names are folded",
    "cursors are deadlines",
    "an audience knows no filters",
    "no deadline is a dead one",
    "the first audience stays",
    "audiences only grow",
    "the first deadline stays",
    "an audience finds what is closed",
    "an audience is not forgotten",
    "nothing is redacted",
    "one entry is redacted",
    "a redaction inserts",
    "a redaction comes first",
    "an entry is redacted once",
    "notices are lost",
    "one notice is kept",
    "a notice keeps its time",
    "a notice keeps its channel",
    "a notice never dies",
    "notice versions are ignored",
    "notices need a run",
    "the last notice comes first",
    "what was sent is gone",
    "a notice is sent too early",
    "a notice is sent too late",
    "no time is any time",
    "the dead are not sent",
    "notices are sent by run",
    "all notices are sent at once",
    "any channel sends",
    "channels are folded",
    "the next notice is due already",
    "the next notice is the last",
    "a notice is not forgotten",
    "a notice is kept of what is refused",
    "what was dead is dead",
    "every notice is listed",
    "what has no time is listed",
    "the dead are listed by time",
    "the dead are listed by key",
    "a listing of notices knows no filters",
    "cursors of notices count rows",
    "cursors of notices are runs",
]


SAMPLED = [
    name if number % 6 == 0 else pytest.param(name, marks=pytest.mark.slow)
    for number, name in enumerate(MACHINE_CATCHES)
]
"""A sixth of them by default: each takes up to some hundred histories."""


@pytest.mark.parametrize("name", SAMPLED)
def test_the_machine_catches(name: str) -> None:
    """Random histories find the bug without being told of it."""

    async def open_store() -> Store:
        store = BUGS[name].planted(MemoryStore())
        await store.open()
        return store

    length = settings(
        max_examples=500,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    with pytest.raises((AssertionError, ValueError)):
        check_store(open_store, length)
