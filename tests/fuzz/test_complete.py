"""Nothing public that takes text is forgotten."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from awaitly import Actor
from tests.fuzz.excluded import EXCLUDED, MADE_IN
from tests.fuzz.finding import callables, public, taking_text
from tests.fuzz.gates import GATES, PROPOSED, SNAPSHOTS
from tests.fuzz.outside import ADAPTERS
from tests.fuzz.values import CORE
from tests.fuzz.verbs import CALLED, VERBS

TABLE = {entry.name for entry in (*CORE, *SNAPSHOTS, *GATES, *PROPOSED, *VERBS, *CALLED, *ADAPTERS)}
FOUND = taking_text(public())


def forgotten(found: Mapping[str, Callable[..., Any]], table: Iterable[str]) -> set[str]:
    """Name what takes text and stands in no table, without a reason."""
    return {name for name, value in found.items() if name not in set(table) and _why_not(name, value) is None}


def _why_not(name: str, value: Callable[..., Any]) -> str | None:
    reasons = [reason for pattern, reason in EXCLUDED.items() if fnmatchcase(name, pattern)]
    made = MADE_IN.get(value.__module__) if inspect.isclass(value) or _owner_is_value(name) else None
    return reasons[0] if reasons else made


def _owner_is_value(name: str) -> bool:
    owner = FOUND.get(name.rpartition(".")[0])
    return owner is not None and inspect.isclass(owner) and owner.__module__ in MADE_IN


def test_all_that_takes_text_is_tried() -> None:
    """Each public function, class and method that takes text stands in a table, or among those that say why not."""
    assert forgotten(FOUND, TABLE) == set()


def test_no_exclusion_is_left_over() -> None:
    """Each exclusion is of something that there is, and that no table has."""
    untabled = {name: value for name, value in FOUND.items() if name not in TABLE}
    assert {p for p in EXCLUDED if not any(fnmatchcase(name, p) for name in untabled)} == set()
    assert {m for m in MADE_IN if not any(value.__module__ == m for value in untabled.values())} == set()


def planted(reason: str, count: int = 1) -> None:
    """Stand for something new."""


class Planted:
    """Stands for a class that is new."""

    def __init__(self, many: Iterable[str] | None = None) -> None:
        self.many = many

    def said(self, by: Actor | str) -> None:
        """Take somebody."""

    def counted(self, number: int) -> None:
        """Take no text."""


Planted.__module__ = planted.__module__ = Planted.said.__module__ = Planted.counted.__module__ = "awaitly.planted"


def test_what_is_new_is_found() -> None:
    """A new function, a new class and a new method that take text are named, until a table has them."""
    exported = {"planted": planted, "Planted": Planted}
    new = taking_text((f"awaitly.{name}", value) for name, value in callables(exported))
    names = {"awaitly.planted", "awaitly.Planted", "awaitly.Planted.said"}
    assert forgotten({**FOUND, **new}, TABLE) == names
    assert forgotten({**FOUND, **new}, TABLE | names) == set()
