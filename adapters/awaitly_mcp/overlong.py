"""Lines that are longer than a message may be: what is left of one, and what can still be said of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import mcp_types as types
from attrs import define, field, frozen

__all__ = ["LONGEST_LINE", "TOO_LONG", "Overlong", "Remains"]

LONGEST_LINE = 16 * 2**20
"""Bytes of one line where nothing else is said: 16 MiB."""
TOO_LONG = -32_080
"""The code of the error for a message that is too long: JSON-RPC leaves it to whoever serves."""

_KEPT = 4_096
_SPACE = re.compile(r"[ \t\r]*")
_LAST = re.compile(
    r"""[,{]\s*"id"\s*:\s*(-?\d{1,19}|"[^"\\]{0,200}")\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?}\s*$""", re.ASCII
)
"""The id at the end of a message: the last brace of a line is that of the message itself."""
_DECODER = json.JSONDecoder()
_Id: TypeAlias = int | str


@frozen
class Overlong:
    """A message that was too long: `request` it was, or an answer, and the one with which id; None is not known."""

    request: bool
    id: _Id | None

    def error(self, longest: int) -> types.JSONRPCError:
        """Give the error that stands for it: for whoever asked, or in place of the answer."""
        what = "the request" if self.request else "the answer"
        words = f"{what} is longer than the {longest:,} bytes that a message may have"
        return types.JSONRPCError(jsonrpc="2.0", id=self.id, error=types.ErrorData(code=TOO_LONG, message=words))


@define
class Remains:
    """The two ends of a line whose middle is not kept."""

    length: int = 0
    _head: bytes = b""
    _tail: bytes = field(default=b"", init=False)

    def take(self, more: bytes | bytearray) -> None:
        """Take what comes next of the line."""
        self.length += len(more)
        self._head += bytes(more[: _KEPT - len(self._head)])
        self._tail = (self._tail + bytes(more[-_KEPT:]))[-_KEPT:]

    def told(self) -> Overlong:
        """Say what the line was, once it has come to its end."""
        members = _first_members(self._head.decode(errors="replace"))
        found = _id_of(members.get("id"))
        if found is None and (last := _LAST.search(self._tail.decode(errors="replace"))) is not None:
            found = _id_of(json.loads(last[1]))
        return Overlong("result" not in members and "error" not in members, found)


def _first_members(text: str) -> Mapping[str, Any]:
    """Read the members with which an object begins, and the name of the one in which the text breaks off."""
    members: dict[str, Any] = {}
    at = _after(text, 0)
    if not text.startswith("{", at):
        return members
    while True:
        try:
            name, at = _DECODER.raw_decode(text, _after(text, at + 1))
            at = _after(text, at)
            if not isinstance(name, str) or name in members or not text.startswith(":", at):
                return {}
            members[name] = None
            value, at = _DECODER.raw_decode(text, _after(text, at + 1))
        except (ValueError, RecursionError):
            return members
        at = _after(text, at)
        if not text.startswith(",", at):  # a number may go on beyond what is kept
            return members
        members[name] = value


def _after(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _id_of(value: object) -> _Id | None:
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None
