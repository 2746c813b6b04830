"""What takes text from outside, and how to call it: the usual arguments, of which nasty ones take the place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.fuzz.finding import texts_of
from tests.fuzz.texts import cursors, given_for

__all__ = ["Entry", "named"]


@frozen
class Entry:
    """One thing to call: its full name, what is called, its usual arguments, and which of them are given otherwise.

    Those that take text are found by the signature. `drawn` are strategies for those that take anything, or whose texts
    have a form of their own.
    """

    name: str
    call: Callable[..., Any] = field(repr=False, eq=False)
    usual: Mapping[str, Any] = field(factory=dict[str, Any], repr=False, eq=False)
    drawn: Mapping[str, SearchStrategy[Any]] = field(factory=dict[str, Any], repr=False, eq=False)

    def arguments(self) -> SearchStrategy[Mapping[str, Any]]:
        """Give arguments, at least one of which is nasty."""
        known = {name: given_for(hint) for name, hint in texts_of(self.call).items()} | dict(self.drawn)
        if "after" in known:
            known["after"] |= cursors
        return st.sets(st.sampled_from(sorted(known)), min_size=1, max_size=2).flatmap(
            lambda names: st.fixed_dictionaries({name: known[name] for name in sorted(names)})
        )


def named(entries: tuple[Entry, ...]) -> list[Any]:
    """Give entries as cases of a test."""
    import pytest  # noqa: PLC0415

    return [pytest.param(entry, id=entry.name) for entry in entries]
