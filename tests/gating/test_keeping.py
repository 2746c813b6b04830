"""What tools give, as gates keep it: a tool that has been called never fails by what it gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from awaitly import Codec, Ok, keepable


class Mute:
    """Says nothing of itself."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


def deep() -> list[Any]:
    """Give a list in a list in a list, deeper than anything reads."""
    outer: list[Any] = []
    for _ in range(5_000):
        outer = [outer]
    return outer


def circular() -> list[Any]:
    """Give a list with itself in it."""
    around: list[Any] = []
    around.append(around)
    return around


ODD: dict[str, Callable[[], object]] = {
    "half a pair": lambda: "a\ud800",
    "a name of a file": lambda: {"\udcff": b"\xff".decode(errors="surrogateescape")},
    "circular": circular,
    "deep": deep,
    "mute": Mute,
    "a key that is mute": lambda: {Mute(): 1},
    "huge": lambda: 10**5_000,
    "long": lambda: "é" * 2_000_000,
    "many": lambda: ["x" * 50] * 12_000,
    "not a number": lambda: [float("nan")],
}
ADAPTERS = ["adk", "agent_framework", "agno", "openai_agents", "pydantic_ai"]


def answers() -> Iterator[tuple[str, Callable[[object], object]]]:
    """Pair each adapter's name with how it writes what a tool gave."""
    for name in ADAPTERS:
        yield name, import_module(f"awaitly_{name}.results").kept
    claude = import_module("awaitly_claude.results").kept
    yield "claude", lambda given: claude({"content": [{"type": "text", "text": given}]})
    yield "claude, as it came", lambda given: keepable(given, lambda: given, str)


@pytest.mark.parametrize("odd", ODD)
def test_whatever_a_tool_gave_is_kept_by_each_adapter(odd: str) -> None:
    """It is short enough beside the call's arguments, and nothing is raised."""
    for name, kept in answers():
        written = Codec(limit=900_000).encode([[kept(ODD[odd]())]], object)
        assert isinstance(written, Ok), name


def test_what_can_be_kept_is_kept_as_it_was_written() -> None:
    """And is not made words of."""
    assert keepable(7, lambda: {"value": 7}, lambda words: {"value": words}) == {"value": 7}


def test_of_what_cannot_be_kept_the_beginning_is_in_words() -> None:
    """With how much is left out; what says nothing is known by its class."""
    kept = keepable("x" * 1_000_000, lambda: "x" * 1_000_000, str)
    assert kept == "x" * 40_000 + "… (960,000 more characters)"
    assert keepable(Mute(), lambda: repr(Mute()), str) == "a Mute, which cannot be written"
