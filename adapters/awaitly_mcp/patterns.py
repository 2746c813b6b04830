"""Rules on the names of tools alone, as shell patterns: for a start, and for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from attrs import frozen

from awaitly_mcp.core import Allow, AskPeople, Deny

__all__ = ["Patterns"]


@frozen(kw_only=True)
class Patterns:
    """Rules by the names of tools, such as `read_*`. The strictest counts: deny before ask before allow.

    What the server itself says of a tool, such as that it only reads, is never asked: the server may lie.
    """

    allow: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def __call__(self, tool: str, _: Mapping[str, Any], /) -> Allow | AskPeople | Deny | None:
        """Judge a call."""
        if denied := _first(self.deny, tool):
            return Deny(f"the rules deny {denied}")
        if _first(self.ask, tool):
            return AskPeople()
        return Allow() if _first(self.allow, tool) else None


def _first(patterns: tuple[str, ...], tool: str) -> str | None:
    return next((pattern for pattern in patterns if fnmatchcase(tool, pattern)), None)
