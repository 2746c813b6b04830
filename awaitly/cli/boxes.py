"""Boxes in a line, each with an arrow to the next; where the line is full they go on below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from awaitly.cli.output import Output

__all__ = ["Box", "draw_boxes"]

_WIDEST = 26
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
    """Draw boxes as wide as there is room."""
    arrow = _PENS[output.has_blocks, False].arrow
    room = output.width - indent - cell_len(arrow)
    widest = max(min(_WIDEST, room - _ROUND), 1)
    rows = _rows([_folded(box, widest) for box in boxes], room, cell_len(arrow))
    for number, row in enumerate(rows):
        _draw_row(output, row, indent, arrow, first=number == 0)


def _folded(box: Box, widest: int) -> Box:
    console = Console(width=widest)
    lines = [line.plain for text in box.lines for line in Text(text).wrap(console, widest, overflow="fold")]
    return Box(tuple(lines), box.style, box.faint)


def _inner(box: Box) -> int:
    return max(map(cell_len, box.lines), default=0)


def _rows(boxes: Sequence[Box], room: int, gap: int) -> Iterator[list[Box]]:
    """Give as many boxes as fit beside each other, row after row."""
    row: list[Box] = []
    taken = 0
    for box in boxes:
        wide = _inner(box) + _ROUND + gap
        if row and taken + wide > room + gap:
            yield row
            row, taken = [], 0
        row.append(box)
        taken += wide
    if row:
        yield row


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
