"""Whatever is given to what needs no store, it is taken, or refused by a typed error that its docstring names."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis.strategies import DataObject, data

from awaitly import Err
from tests.fuzz.entries import Entry, named
from tests.fuzz.gates import SNAPSHOTS
from tests.fuzz.judging import fuzzed, outcome
from tests.fuzz.outside import ADAPTERS
from tests.fuzz.values import CORE


def called(entry: Entry, chosen: Mapping[str, Any]) -> object:
    """Call with chosen arguments beside the usual ones."""
    arguments = {**entry.usual, **chosen}
    kinds = {name: parameter.kind for name, parameter in inspect.signature(entry.call).parameters.items()}
    plain = [v for n, v in arguments.items() if kinds[n] is inspect.Parameter.POSITIONAL_ONLY]
    more = [v for n, given in arguments.items() if kinds[n] is inspect.Parameter.VAR_POSITIONAL for v in _listed(given)]
    rest = {
        n: v
        for n, v in arguments.items()
        if kinds[n] not in {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL}
    }
    return entry.call(*plain, *more, **rest)


def said(answer: object) -> None:
    """Have an error say what it is."""
    if isinstance(answer, Err):
        str(cast("Any", answer).failure())


def _listed(value: Any) -> list[Any]:
    return [*value] if type(value) is tuple else [value]


@pytest.mark.parametrize("entry", named((*CORE, *SNAPSHOTS, *ADAPTERS)))
def test_nothing_breaks(entry: Entry) -> None:
    """Each answers, or raises a typed error."""

    @fuzzed(6)
    @given(data())
    def tried(drawn: DataObject) -> None:
        chosen = drawn.draw(entry.arguments())
        try:
            said(called(entry, chosen))
        except Exception as error:  # noqa: BLE001
            outcome(entry.call, error, getattr(entry.call, "__self__", None))

    tried()
