"""Finding runs and approvals by how a run's id begins."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import pytest

from awaitly.storage.store import ApprovalQuery, RunQuery, Store
from awaitly.testing.rows import approval_row, run_row
from awaitly.testing.store_contract.tools import approval_ids, inserted, run_ids

__all__ = ["PrefixFacts"]

CHARACTERS = {
    "percent": "%",
    "underscore": "_",
    "star": "*",
    "question-mark": "?",
    "bracket": "[",
    "closing-bracket": "]",
    "caret": "^",
    "backslash": "\\",
    "quote": "'",
    "double-quote": '"',
    "colon": ":",
    "brace": "{",
    "closing-brace": "}",
    "blank": " ",
    "dollar": "$",
    "dot": ".",
    "plus": "+",
    "exclamation": "!",
    "lower-case": "k",
    "upper-case": "K",
    "kelvin-sign": "\u212a",
    "sharp-s": "\u00df",
    "accent": "\u00e9",
    "combining-accent": "e\u0301",
    "beyond-the-bmp": "\U0001f600",
    "last-of-the-bmp": "\ufffd",
    "last-of-all": "\U0010fffd",
}
"""Each may mean something to a pattern, a folding, or a range, and must not."""

each_character = pytest.mark.parametrize("character", list(CHARACTERS.values()), ids=list(CHARACTERS))


def neighbours() -> set[str]:
    """Give ids that begin with `a` and any of the characters, or end there, or have others ahead or between."""
    marks = [*CHARACTERS.values(), "", "x", "xx", "ss", "\u00c9", "e", "\U0010ffff"]
    return {f"{start}{mark}{end}" for mark in marks for start in ("a", "A", "ba") for end in ("", "b", "\U0010ffff")}


async def with_neighbours(store: Store) -> None:
    """Insert a run and an approval under each of the ids."""
    ids = sorted(neighbours())
    await inserted(store, *map(run_row, ids), *map(approval_row, ids))


class PrefixFacts:
    """A prefix is a beginning, to the letter."""

    @each_character
    async def test_a_prefix_of_runs_is_no_pattern(self, store: Store, character: str) -> None:
        """Exactly those runs are listed whose id begins with the prefix, whatever is in it."""
        await with_neighbours(store)
        prefix = f"a{character}"
        found = await run_ids(store, RunQuery(prefix=prefix, limit=1000))
        assert sorted(found) == sorted(name for name in neighbours() if name.startswith(prefix))

    @each_character
    async def test_a_prefix_of_approvals_is_no_pattern(self, store: Store, character: str) -> None:
        """Exactly those approvals are listed whose run's id begins with the prefix, whatever is in it."""
        await with_neighbours(store)
        prefix = f"a{character}"
        found = await approval_ids(store, ApprovalQuery(prefix=prefix, limit=1000))
        assert sorted(found) == sorted((name, "manager") for name in neighbours() if name.startswith(prefix))

    async def test_an_empty_prefix_fits_every_run(self, store: Store) -> None:
        """All text begins with nothing."""
        await inserted(store, run_row("a"), run_row("\U0010ffff"))
        assert await run_ids(store, RunQuery(prefix="")) == ["\U0010ffff", "a"]

    async def test_an_empty_prefix_fits_every_approval(self, store: Store) -> None:
        """All text begins with nothing."""
        await inserted(store, approval_row("a"), approval_row("\U0010ffff"))
        assert await approval_ids(store, ApprovalQuery(prefix="")) == [("a", "manager"), ("\U0010ffff", "manager")]
