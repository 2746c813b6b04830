"""Plain SVG: boxes, frames, arrows and text, readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias
from xml.sax.saxutils import escape

__all__ = ["Picture", "Point"]

Point: TypeAlias = tuple[float, float]

# The panel behind everything has a colour of its own, so a picture stays readable where the page around it has the
# other mode than the reader's system.
STYLE = """
svg { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-size: 13px; }
.panel { fill: #ffffff; stroke: #d0d7de; }
.box { fill: #eef4fb; stroke: #4a78a8; stroke-width: 1.2; }
.end { fill: #f1f1ef; stroke: #7a7a74; stroke-width: 1.2; }
.table { fill: #fdf3da; stroke: #a8791a; stroke-width: 1.2; }
.frame { fill: none; stroke: #8c959f; stroke-width: 1; stroke-dasharray: 5 4; }
.line { fill: none; stroke: #57606a; stroke-width: 1.2; }
.tip { fill: #57606a; }
.dot { fill: #24292f; }
text { fill: #24292f; }
.name { font-weight: 600; }
.small { font-size: 11.5px; fill: #57606a; }
.label { font-size: 12px; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
@media (prefers-color-scheme: dark) {
  .panel { fill: #161b22; stroke: #30363d; }
  .box { fill: #17293d; stroke: #6ea8dc; }
  .end { fill: #25282c; stroke: #9a9a94; }
  .table { fill: #3a2f12; stroke: #d9a93a; }
  .frame { stroke: #8b949e; }
  .line { stroke: #a8b1bb; }
  .tip { fill: #a8b1bb; }
  .dot { fill: #e6edf3; }
  text { fill: #e6edf3; }
  .small { fill: #a8b1bb; }
  .label { stroke: #161b22; }
}
"""

TIP = """<defs><marker id="tip" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">
<path class="tip" d="M0,0.5 L8.5,4 L0,7.5 Z"/></marker></defs>"""


def _number(value: float) -> str:
    return f"{value:g}"


class Picture:
    """A picture in the making; `text()` gives the SVG."""

    def __init__(self, width: int, height: int, title: str, description: str) -> None:
        size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="desc">{escape(description)}</desc>',
            f"<style>{STYLE}</style>",
            TIP,
            f'<rect class="panel" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        ]

    def box(self, x: float, y: float, width: float, height: float, lines: Sequence[str], kind: str = "box") -> None:
        """Draw a box with its top left corner at (x, y): a name, and smaller lines below it."""
        self._rect(kind, x, y, width, height, 6)
        top = y + height / 2 - 8.5 * (len(lines) - 1) + 4.5
        for number, line in enumerate(lines):
            style = "name" if number == 0 else "small"
            self.words(x + width / 2, top + 17 * number, line, style, anchor="middle")

    def row(
        self, x: float, y: float, width: float, height: float, name: str, lines: Sequence[str], kind: str = "box"
    ) -> None:
        """Draw a box whose name and lines stand on the left, one above the other."""
        self._rect(kind, x, y, width, height, 6)
        top = y + height / 2 - 17 * len(lines) / 2 + 5
        self.words(x + 14, top, name, "name")
        for number, line in enumerate(lines, 1):
            self.words(x + 14, top + 16 * number, line, "small")

    def frame(self, x: float, y: float, width: float, height: float, name: str) -> None:
        """Draw a dashed frame around what belongs together, its name inside at the top."""
        self._rect("frame", x, y, width, height, 10)
        self.words(x + 12, y + 18, name, "small")

    def bar(self, x: float, y: float, width: float, height: float, kind: str = "box") -> None:
        """Draw a bar of a chart, its top left corner at (x, y)."""
        self._rect(kind, x, y, width, height, 2)

    def rule(self, begin: Point, end: Point, kind: str = "line") -> None:
        """Draw a line without a tip."""
        path = " L".join(f"{_number(x)},{_number(y)}" for x, y in (begin, end))
        self._parts.append(f'<path class="{kind}" d="M{path}"/>')

    def dot(self, at: Point) -> None:
        """Draw the dot at which everything begins."""
        self._parts.append(f'<circle class="dot" cx="{_number(at[0])}" cy="{_number(at[1])}" r="6"/>')

    def arrow(self, points: Iterable[Point]) -> None:
        """Draw an arrow along points."""
        path = " L".join(f"{_number(x)},{_number(y)}" for x, y in points)
        self._parts.append(f'<path class="line" d="M{path}" marker-end="url(#tip)"/>')

    def label(self, at: Point, lines: Iterable[str], anchor: str = "middle") -> None:
        """Write on an arrow, the first line at a point."""
        for number, line in enumerate(lines):
            self.words(at[0], at[1] + 15 * number, line, "label", anchor=anchor)

    def words(self, x: float, y: float, text: str, style: str, *, anchor: str = "start") -> None:
        """Write one line."""
        self._parts.append(
            f'<text class="{style}" x="{_number(x)}" y="{_number(y)}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def text(self) -> str:
        """Give the SVG."""
        return "\n".join([*self._parts, "</svg>", ""])

    def _rect(self, kind: str, x: float, y: float, width: float, height: float, radius: float) -> None:
        place = f'x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'
        self._parts.append(f'<rect class="{kind}" {place} rx="{_number(radius)}"/>')
