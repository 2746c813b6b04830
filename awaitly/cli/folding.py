"""Texts that may be longer than the line."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from awaitly.cli.output import Output

__all__ = ["cut", "excerpt", "fold"]

_MUCH = 1_000
"""Characters of one text that are shown."""


def cut(text: str, width: int) -> str:
    """Leave as much of a text as there is room for; `~` marks that there was more."""
    return text if cell_len(text) <= width else f"{chop_cells(text, width - 1)[0]}~" if width > 1 else "~"


def excerpt(text: str) -> str:
    """Leave the beginning of a text that is very long, and say so."""
    return text if len(text) <= _MUCH else f"{text[:_MUCH]}~ ({len(text) - _MUCH:,} characters more: see --json)"


def fold(output: Output, text: Text | str, *, indent: int = 0, lead: str = "", style: str = "") -> None:
    """Print a text that may be long, folded and indented; `lead` stands before its first line, and blanks below it."""
    whole = Text(text, style=style) if isinstance(text, str) else text
    room = output.width - indent - len(lead)
    fits = whole.cell_len <= room
    lines = [whole] if fits else whole.wrap(Console(width=output.width), room, overflow="fold")
    for number, line in enumerate(lines):
        before = lead if number == 0 else " " * len(lead)
        output.draw(Text(" " * indent + before).append_text(line), wrap=True)
