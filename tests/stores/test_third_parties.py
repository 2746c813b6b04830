from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

MINE = """
from collections.abc import AsyncIterator

import pytest_asyncio

from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import Store
from awaitly.testing.store_contract import StoreContract


class TestMine(StoreContract):
    @pytest_asyncio.fixture
    async def store(self) -> AsyncIterator[Store]:
        store = MemoryStore()
        await store.open()
        yield store
        await store.close()
"""

EMPTY = """
from awaitly.testing.store_contract import {contract}


class TestMine({contract}):
    pass
"""

QUIET = """
import pytest_asyncio

from awaitly.storage.memory import MemoryStore
from awaitly.testing import StoreWrapper
from awaitly.testing.store_contract import NamespaceContract


class TestMine(NamespaceContract):
    @pytest_asyncio.fixture
    async def pair(self):
        stores = StoreWrapper(MemoryStore()), StoreWrapper(MemoryStore())
        for store in stores:
            await store.open()
        return stores
"""

BITTEN = (
    MINE
    + """
    async def test_mine(self, store: Store) -> None:
        from awaitly.testing.rows import changes, run_row
        from awaitly.testing.store_contract.tools import applied

        await applied(store, changes(runs=(run_row(version=7),)))
"""
)


def options(mode: str) -> list[str]:
    """Give pytest's options for a project elsewhere that uses pytest-asyncio in the given mode."""
    scope = "asyncio_default_fixture_loop_scope=function"
    return ["-o", f"asyncio_mode={mode}", "-o", scope, "-p", "no:cacheprovider"]


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_the_contract_runs_with_one_fixture(mode: str, pytester: pytest.Pytester) -> None:
    """In both modes of pytest-asyncio; what needs a clock to move, or a store that persists, is skipped."""
    pytester.makepyfile(test_mine=MINE)
    selected = "inserted or clock or again"
    run = pytester.inline_run(*options(mode), "-k", selected)  # pyright: ignore[reportUnknownMemberType]
    passed, skipped, failed = run.listoutcomes()
    assert not failed
    assert {report.nodeid.split("::")[-1] for report in skipped} == {"test_the_given_clock_is_the_stores_clock"}
    assert {report.nodeid.split("::")[-1] for report in passed} >= {
        "test_a_run_is_inserted",
        "test_an_approval_is_inserted",
        "test_a_forgotten_id_can_be_used_again",
    }


@pytest.mark.parametrize(
    ("contract", "test", "fixture"),
    [
        ("StoreContract", "test_a_run_is_inserted", "store"),
        ("WakingContract", "test_a_store_hears_its_own_commits", "store"),
        ("WakingContract", "test_a_closed_store_cannot_listen", "another"),
        ("NamespaceContract", "test_the_same_id_is_two_runs", "pair"),
    ],
)
def test_a_contract_says_which_fixture_is_missing(
    contract: str, test: str, fixture: str, pytester: pytest.Pytester
) -> None:
    """A class that overrides nothing fails with a hint, and does not pass by skipping."""
    pytester.makepyfile(test_mine=EMPTY.format(contract=contract))
    result = pytester.runpytest_inprocess(*options("auto"), "-k", test)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*override the fixture `{fixture}`*"])


def test_listening_is_skipped_where_a_store_does_not_tell(pytester: pytest.Pytester) -> None:
    """Namespaces can be kept apart by a store that is not `Waking`; all else of their contract runs."""
    pytester.makepyfile(test_mine=QUIET)
    run = pytester.inline_run(*options("auto"))  # pyright: ignore[reportUnknownMemberType]
    passed, skipped, failed = run.listoutcomes()
    assert not failed
    assert [report.nodeid.split("::")[-1] for report in skipped] == ["test_listeners_hear_only_their_own"]
    assert "test_the_same_id_is_two_runs" in {report.nodeid.split("::")[-1] for report in passed}


def test_a_failing_fact_shows_the_values(pytester: pytest.Pytester) -> None:
    """The contract's assertions are rewritten by pytest, so that a failure tells what the store answered."""
    pytester.makepyfile(test_mine=BITTEN)
    result = pytester.runpytest_subprocess(*options("auto"), "test_mine.py::TestMine::test_mine")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*AssertionError: assert <Failure: Con*"])
