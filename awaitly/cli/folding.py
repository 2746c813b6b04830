"""Texts that may be longer than the line."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from awaitly.cli.output import Output

__all__ = ["cut", "fold"]


def cut(text: str, width: int) -> str:
    """Leave as much of a text as there is room for; `~` marks that there was more."""
    return text if cell_len(text) <= width else f"{chop_cells(text, width - 1)[0]}~" if width > 1 else "~"


def fold(output: Output, text: Text | str, *, indent: int = 0, hanging: int = 0, style: str = "") -> None:
    """Print a text that may be long, folded and indented; lines after the first by `hanging` more."""
    whole = Text(text, style=style) if isinstance(text, str) else text
    if indent + whole.cell_len <= output.width:
        output.draw(Text(" " * indent).append_text(whole), wrap=True)
        return
    lines = whole.wrap(Console(width=output.width), output.width - indent - hanging, overflow="fold")
    for number, line in enumerate(lines):
        output.draw(Text(" " * (indent + (hanging if number else 0))).append_text(line), wrap=True)
