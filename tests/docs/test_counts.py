"""The page on guarantees says how often each invariant is looked at: as the tests do it, and no oftener."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from tests.faults import counts
from tests.faults.counts import ROWS, Row, table

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "guarantees.md"
LITERAL = re.compile(r"\btimes\(\s*\d")
MODULES = {test.__module__: inspect.getmodule(test) for row in ROWS for test in row.tests}


def test_the_page_has_the_counts() -> None:
    """Word for word: whoever changes how often something is looked at changes the page, by what `table()` gives."""
    assert table() in PAGE.read_text("utf-8"), table()


def test_a_count_that_changes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row with another number does not stand on the page."""
    first = ROWS[0]
    other = Row(first.invariant, first.short, first.whole.replace("200", "199"), first.tests)
    monkeypatch.setattr(counts, "ROWS", (other, *ROWS[1:]))
    assert table() not in PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_lengths_of_long_runs_have_names(name: str) -> None:
    """A number that stands in a test alone would not be the one that the page gives."""
    module = MODULES[name]
    assert module is not None
    assert not LITERAL.search(inspect.getsource(module))


def test_what_is_counted_for_long_runs_is_run_there() -> None:
    """Each row has a test that is longer there or that is made there alone, or says that it is the same."""
    for row in ROWS:
        longer = any(_is_slow(test) or "equals_the_model" in test.__name__ for test in row.tests)
        assert longer or row.whole == "the same", row.invariant


def _is_slow(test: object) -> bool:
    return "name='slow'" in repr(getattr(test, "pytestmark", []))  # its own, or that of one of its cases
