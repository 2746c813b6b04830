"""Boxes in a line, each with an arrow to the next; where the line is full they go on below."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from awaitly.cli.output import Output
from awaitly.values import frozen

__all__ = ["Box", "draw_boxes"]

_WIDTHS = (26, 22, 18, 14)
"""How wide what stands in a box may be, the best first."""
_ROUND = 4
"""Columns that a frame takes besides what stands in it."""


@frozen
class Box:
    """`lines` are safe to print, the first is the title; a `faint` one is drawn with a broken frame."""

    lines: tuple[str, ...]
    style: str = ""
    faint: bool = False


@frozen
class _Pen:
    """The signs of a frame: corners from the top left to the bottom right, then lines, then the arrow."""

    corners: str
    across: str
    down: str
    arrow: str


_PENS = {
    (True, False): _Pen("┌┐└┘", "─", "│", "─▶ "),
    (True, True): _Pen("┌┐└┘", "╌", "┆", "─▶ "),
    (False, False): _Pen("++++", "-", "|", "-> "),
    (False, True): _Pen("....", ".", ":", "-> "),
}


def draw_boxes(output: Output, boxes: Sequence[Box], indent: int) -> None:
    """Draw boxes as wide as there is room: narrower ones where that brings all of them onto one line."""
    arrow = _PENS[output.has_blocks, False].arrow
    room = output.width - indent - cell_len(arrow)
    tries = [_rows(boxes, min(widest, max(room - _ROUND, 1)), room, cell_len(arrow)) for widest in _WIDTHS]
    rows = next((each for each in tries if len(each) == 1), tries[0])
    for number, row in enumerate(rows):
        _draw_row(output, row, indent, arrow, first=number == 0)


def _folded(box: Box, widest: int) -> Box:
    console = Console(width=widest)
    lines = [line.plain.rstrip() for text in box.lines for line in Text(text).wrap(console, widest, overflow="fold")]
    return Box(tuple(lines), box.style, box.faint)


def _inner(box: Box) -> int:
    return max(map(cell_len, box.lines), default=0)


def _rows(boxes: Sequence[Box], widest: int, room: int, gap: int) -> list[list[Box]]:
    """Put as many boxes as fit beside each other, row after row."""
    rows: list[list[Box]] = []
    left = 0
    for box in (_folded(each, widest) for each in boxes):
        wide = _inner(box) + _ROUND
        if rows and wide + gap <= left:
            rows[-1].append(box)
            left -= wide + gap
        else:
            rows.append([box])
            left = room - wide
    return rows


def _draw_row(output: Output, row: Sequence[Box], indent: int, arrow: str, *, first: bool) -> None:
    height = max(len(box.lines) for box in row)
    drawn = [_framed(box, height, _PENS[output.has_blocks, box.faint]) for box in row]
    for number in range(height + 2):
        joint = arrow if number == 1 else " " * cell_len(arrow)
        line = Text(" " * indent + ("" if first else joint))
        for place, box in enumerate(drawn):
            line.append(joint if place else "")
            line.append_text(box[number])
        output.draw(line, wrap=True)


def _framed(box: Box, height: int, pen: _Pen) -> list[Text]:
    wide = _inner(box)
    lines = [*box.lines, *[""] * (height - len(box.lines))]
    inner = [
        Text.assemble(
            f"{pen.down} ",
            (line, f"bold {box.style}" if not number else box.style),
            " " * (wide - cell_len(line)),
            f" {pen.down}",
        )
        for number, line in enumerate(lines)
    ]
    left, right, below, end = tuple(pen.corners)
    across = pen.across * (wide + 2)
    return [Text(f"{left}{across}{right}"), *inner, Text(f"{below}{across}{end}")]
