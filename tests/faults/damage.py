"""Ways in which a stored body can be damaged: cut, flipped, with members missing or of the wrong type."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from attrs import frozen

from tests.faults.lengths import SNAPSHOTS, at_length

__all__ = ["TABLES", "Damage", "damages", "garbled"]

TABLES = ("runs", "steps", "approvals")

_WRONG: tuple[Any, ...] = (None, 7, -1, 1e300, True, "x", "", [], [[]], ["x"], {}, {"x": 1})
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "runs": ("waits", "lease", "result", "ended_by", "by", "reason", "progress", "recoveries", "forked_from"),
    "steps": ("attempts",),
    "approvals": (
        "policy",
        "reason",
        "metadata",
        "redact",
        "external",
        "revision",
        "edited",
        "editor",
        "votes",
        "closing",
    ),
}
FEW, CHANCES = 10, SNAPSHOTS // 10
BY_CHANCE = at_length(FEW, CHANCES)
"""How often a body is cut by chance, and how often one of its bits is flipped."""
_WHOLE = ("", "null", "7", "[]", "{}", '"x"', "{", "[" * 100_000, "\x00", "{}{}", '{"quarantined":7}')


@frozen
class Damage:
    """What is done to one body of a table; `body` is bytes, for they may be no UTF-8."""

    table: str
    what: str
    body: bytes


def damages(table: str, body: str, random: Random) -> Iterator[Damage]:
    """Give all damages of one body that come in kinds, then some by chance; all leave it text."""
    for whole in _WHOLE:
        yield Damage(table, f"becomes {whole[:20]!r}", whole.encode())
    members: dict[str, Any] = json.loads(body)
    for name in dict.fromkeys((*members, *_OPTIONAL[table])):
        rest = {other: value for other, value in members.items() if other != name}
        if name in members:
            yield Damage(table, f"{name} is deleted", json.dumps(rest).encode())
        for wrong in _WRONG:
            yield Damage(table, f"{name} becomes {wrong!r}", json.dumps({**members, name: wrong}).encode())
    for _ in range(BY_CHANCE):
        yield _cut(table, body.encode(), random)
        yield _flipped(table, body.encode(), random)


def garbled(table: str, body: str, random: Random) -> Iterator[Damage]:
    """Give damages after which a body is no UTF-8."""
    for _ in range(5):
        place = random.randrange(len(body))
        yield Damage(table, f"byte {place} is no text", body.encode()[:place] + b"\xff" + body.encode()[place + 1 :])


def _cut(table: str, body: bytes, random: Random) -> Damage:
    length = random.randrange(len(body))
    return Damage(table, f"is cut to {length} bytes", body[:length])


def _flipped(table: str, body: bytes, random: Random) -> Damage:
    place, bit = random.randrange(len(body)), random.randrange(7)
    flipped = bytearray(body)
    flipped[place] ^= 1 << bit
    return Damage(table, f"bit {bit} of byte {place} is flipped", bytes(flipped))
