"""What may stand in an edit or a proposal that is JSON already."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from typing import Any

import pytest

from awaitly import Ok, Unstorable
from awaitly.approvals.editing import plain_text
from tests.support import error_of


def nested(levels: int, kind: type) -> object:
    """Nest as many lists or objects."""
    value: object = 1
    for _ in range(levels):
        value = [value] if kind is list else {"a": value}
    return value


PLAIN: list[Any] = [None, {}, [], {"a": [1, 1.5, "x", True, None, {"b": []}]}]
ODD: list[Any] = [
    {1: 2},
    {"a": {1: 2}},
    {"a": (1, 2)},
    {"b": 1, "a": [{"c": (1,)}]},
    [(1,)],
    OrderedDict(a=1),
    [OrderedDict(a=1)],
]


@pytest.mark.parametrize("value", PLAIN)
def test_json_is_written_as_it_is(value: Any) -> None:
    """Without spaces."""
    assert plain_text(value) == Ok(json.dumps(value, separators=(",", ":")))


@pytest.mark.parametrize("value", ODD)
def test_what_would_come_back_as_something_else_is_refused(value: Any) -> None:
    """Keys that are no texts, tuples, subclasses: at any depth."""
    kind = type(value).__name__
    reason = f"this {kind} is no plain JSON, for which a schema given as a dict is"
    assert error_of(plain_text(value)) == Unstorable("$", reason)


def test_what_is_no_json_at_all_is_refused_with_its_reason() -> None:
    """NaN, and what no program could write."""
    assert error_of(plain_text({"a": math.nan})).path == "$"
    assert "not JSON serializable" in error_of(plain_text([object()])).reason


@pytest.mark.parametrize("kind", [list, dict])
def test_what_is_nested_too_deep_to_be_read_again_is_refused(kind: type) -> None:
    """64 levels are written."""
    assert isinstance(plain_text(nested(64, kind)), Ok)
    assert "nested deeper" in error_of(plain_text(nested(65, kind))).reason
