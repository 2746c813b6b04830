"""What was measured: figures, and their JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import asdict, field, frozen

__all__ = ["Figure", "Measured", "at_least", "at_most", "number", "read", "write"]

LATEST = Path(__file__).parent / "results" / "latest.json"
"""The latest run of all parts on this machine."""
SOME = Path(__file__).parent / "results" / "some.json"
"""The latest run of some parts, so that it takes nothing from that of all."""
KEPT = Path(__file__).parent / "results" / "measured.json"
"""What the page on performance shows."""


@frozen
class Figure:
    """One line of the table.

    `values` are medians over the rounds, by contender, in `unit`; awaitly's comes first. `ratio` is what the target is
    about, `against` names what it was taken against. With a `row` it stands in the table of ratios, under its `store`;
    `limit` is then what the store itself does at most, measured in the same run, and `limit_of` says of what.
    """

    part: str
    name: str
    unit: str
    values: Mapping[str, float]
    ratio: float | None = None
    against: str = ""
    target: str = ""
    met: bool | None = None
    notes: Sequence[str] = field(default=())
    row: str = ""
    store: str = ""
    limit: float | None = None
    limit_of: str = ""

    @property
    def more_is_better(self) -> bool:
        """Whether it counts what is done in a time, and not the time or the size of something."""
        return self.unit.endswith("/s")


@frozen
class Measured:
    """All figures of one run: on what, in how many seconds each part, and what was missing."""

    figures: Sequence[Figure]
    environment: Mapping[str, str]
    seconds: Mapping[str, float] = field(factory=dict[str, float])
    missing: Sequence[str] = field(factory=list[str])
    quick: bool = False


def at_most(found: float, limit: float, unit: str = "") -> tuple[str, bool]:
    """Give a target's text, and whether it is met."""
    return f"at most {limit:g}{unit}", found <= limit


def at_least(found: float, limit: float, unit: str = "") -> tuple[str, bool]:
    """Give a target's text, and whether it is met."""
    return f"at least {limit:g}{unit}", found >= limit


def number(value: float) -> str:
    """Write a number with three digits, or all before its point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write(measured: Measured, path: Path = LATEST) -> Path:
    """Keep what was measured as JSON."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(measured), indent=2) + "\n", encoding="utf-8")
    return path


def read(path: Path = KEPT) -> Measured:
    """Read what was kept. Raises `FileNotFoundError`."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    figures = [Figure(**(figure | {"notes": tuple(figure["notes"])})) for figure in kept["figures"]]
    return Measured(**(kept | {"figures": figures}))
