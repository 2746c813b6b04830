"""Text for Slack: escaped, so that nothing in it is a link, a mention or markup, and cut to what Slack takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from awaitly import clipped

__all__ = ["escaped", "fitted", "lines_in", "plain"]

_MARK = 40
"""Characters that saying how much is left out takes, at most."""


def escaped(text: str) -> str:
    """Escape the three characters that begin whatever Slack acts on: links, mentions and entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fitted(text: str, longest: int) -> str:
    """Escape a text and cut it, so that all of it has at most `longest` characters; what is left out is marked."""
    whole = escaped(text)
    if len(whole) <= longest:
        return whole
    kept = size = 0
    for character in text:
        size += len(escaped(character))
        if size > longest - _MARK:
            break
        kept += 1
    return escaped(clipped(text, kept))


def plain(text: str) -> dict[str, Any]:
    """Give a text object that Slack shows as it is, without markup; `text` is escaped already."""
    return {"type": "plain_text", "text": text, "emoji": False}


def lines_in(rows: Iterable[tuple[str, str]], longest: int, most: int) -> list[str]:
    """Lay rows out as lines, in at most `most` texts of at most `longest` characters, escaped.

    What does not go in is counted in the last one.
    """
    texts: list[str] = []
    left = list(_lines(rows, longest))
    for number in range(most):
        room = longest - (_MARK * 2 if number == most - 1 else 0)
        begun: list[str] = []
        while left and sum(map(len, begun)) + len(begun) + len(left[0]) <= room:
            begun.append(left.pop(0))
        if number == most - 1 and left:
            begun.append(f"… ({len(left):,} more members, {sum(map(len, left)):,} more characters)")
        if begun:
            texts.append("\n".join(begun))
    return texts


def _lines(rows: Iterable[tuple[str, str]], longest: int) -> Iterator[str]:
    """Give one line a row, each short enough to stand alone in the last text too."""
    return (fitted(f"{name}: {text}", longest - 2 * _MARK) for name, text in rows)
