"""The versions that this adapter was tried with. What it hooks into is young and moves, so others are refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import version

__all__ = ["TRIED", "UntriedVersion", "check_versions"]

TRIED: Mapping[str, tuple[str, str]] = {"langchain": ("1.4", "1.5"), "langgraph": ("1.2.12", "1.3")}
"""From which version on, and before which, by distribution; the extra in pyproject.toml says the same."""


class UntriedVersion(ImportError):
    """A version of LangChain or LangGraph is installed with which the gate was not tried."""


def check_versions() -> None:
    """Raise `UntriedVersion` unless what is installed lies in the ranges that were tried."""
    for name, (first, end) in TRIED.items():
        found = version(name)
        if not _numbers(first) <= _numbers(found) < _numbers(end):
            tried = f"{name}>={first},<{end}"
            raise UntriedVersion(
                f"awaitly_langchain was tried with {tried} and found {name} {found}: pip install 'awaitly[langchain]'",
                name=name,
            )


def _numbers(text: str) -> tuple[int, ...]:
    """Give the numbers at the beginning of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[^\d.]", text, maxsplit=1)[0]))
