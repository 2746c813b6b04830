"""The picture of the layers: their rows are the table in ARCHITECTURE.md."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

from docs.draw.svg import Picture

__all__ = ["architecture"]

ROW = re.compile(r"^\| (?P<name>[^|]+) \| (?P<modules>`[^|]+`) \|", re.MULTILINE)
LEFT, WIDTH, TOP, HEIGHT, GAP = 226, 470, 56, 74, 10
LINE = 76
"""So many letters of a row's modules fit beside each other."""
TABLES = ("runs", "approvals")
STORE = 800


def architecture(page: str) -> str:
    """Draw the layers that the page's table names, and what flows between them, people and the store."""
    layers = [(found["name"], textwrap.wrap(found["modules"].replace("`", ""), LINE)) for found in ROW.finditer(page)]
    tops = {name: TOP + number * (HEIGHT + GAP) for number, (name, _) in enumerate(layers)}
    bottom = TOP + len(layers) * (HEIGHT + GAP)
    picture = Picture(
        980,
        bottom + 24,
        "The layers of awaitly and what flows between them",
        "People and programs speak to the edges and the verbs; the verbs drive workflow code over a journal, ask the "
        "two tables what is legal, and write each move to a store in one commit.",
    )
    picture.frame(LEFT - 16, 20, WIDTH + 32, bottom - 20, "awaitly: imports point downwards only")
    for name, modules in layers:
        picture.row(LEFT, tops[name], WIDTH, HEIGHT, name, modules, "table" if name in TABLES else "box")
    _people(picture, tops)
    _store(picture, tops)
    return picture.text()


def _middle(tops: Mapping[str, float], name: str) -> float:
    return tops[name] + HEIGHT / 2


def _people(picture: Picture, tops: Mapping[str, float]) -> None:
    edge, verb, code = (_middle(tops, name) for name in ("edges", "verbs", "replaying"))
    picture.box(24, edge - 26, 134, 40, ["people"], "end")
    picture.arrow(((158, edge - 6), (LEFT, edge - 6)))
    picture.label((91, edge + 30), ["approve, edit,", "reject"])
    picture.box(24, verb + 34, 134, 40, ["your program"], "end")
    picture.arrow(((158, verb + 54), (184, verb + 54), (184, verb), (LEFT, verb)))
    picture.label((91, verb + 92), ["start, resume,", "decide, list"])
    picture.box(24, code - 20, 134, 40, ["your workflows"], "end")
    picture.arrow(((LEFT, code), (158, code)))
    picture.label((91, code + 38), ["run, replayed", "over its steps"])


def _store(picture: Picture, tops: Mapping[str, float]) -> None:
    held = _middle(tops, "working")
    right = LEFT + WIDTH
    picture.frame(STORE, held - 40, 156, 5 * 54 + 36, "a store")
    for number, name in enumerate(("runs", "steps", "approvals", "ledger", "outbox")):
        picture.box(STORE + 18, held - 6 + number * 54, 120, 40, [name], "end")
    picture.arrow(((right, held - 8), (STORE, held - 8)))
    picture.label(((right + 16 + STORE) / 2, held - 15), ["one commit"])
    picture.arrow(((STORE, held + 12), (right, held + 12)))
    picture.label(((right + 16 + STORE) / 2, held + 28), ["one read"])
