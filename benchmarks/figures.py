"""What was measured: figures, their table and their JSON."""

from __future__ import annotations

import json
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from os import cpu_count
from pathlib import Path

from attrs import asdict, field, frozen

__all__ = ["Figure", "at_least", "at_most", "environment", "markdown", "write"]

RESULTS = Path(__file__).parent / "results" / "latest.json"
_PACKAGES = (
    "awaitly",
    "langgraph",
    "langgraph-checkpoint-sqlite",
    "langgraph-checkpoint-postgres",
    "dbos",
    "absurd-sdk",
    "psycopg",
    "redis",
)


@frozen
class Figure:
    """One line of the table.

    `values` are medians over the rounds, by contender, in `unit`; awaitly's comes first. `ratio` is what the target is
    about, `better` names what it was taken against.
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


def at_most(found: float, limit: float, unit: str = "") -> tuple[str, bool]:
    """Give a target's text, and whether it is met."""
    return f"at most {limit:g}{unit}", found <= limit


def at_least(found: float, limit: float, unit: str = "") -> tuple[str, bool]:
    """Give a target's text, and whether it is met."""
    return f"at least {limit:g}{unit}", found >= limit


def environment() -> dict[str, str]:
    """Say on what it was measured."""
    found = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(cpu_count()),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return found | {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "from its source" if package == "awaitly" else "MISSING"


def markdown(figures: Sequence[Figure]) -> str:
    """Draw the table."""
    head = ("measure", "awaitly", "beside it", "ratio", "target", "met")
    return "\n".join(map(_line, [head, tuple("---" for _ in head), *map(_cells, figures)]))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(figure: Figure) -> tuple[str, ...]:
    beside = [f"{name} {_number(value)}" for name, value in figure.values.items() if name != "awaitly"]
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} x {figure.against}".strip()
    met = {None: "", True: "yes", False: "NO"}[figure.met]
    own = _number(figure.values["awaitly"]) if "awaitly" in figure.values else ""
    name = f"{figure.name} [{figure.unit}]"
    return name, own, "; ".join([*beside, *figure.notes]), ratio, figure.target, met


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write(figures: Sequence[Figure], missing: Sequence[str], path: Path = RESULTS) -> Path:
    """Keep the figures as JSON."""
    path.parent.mkdir(exist_ok=True)
    kept = {
        "environment": environment(),
        "missing": list(missing),
        "figures": [asdict(figure) for figure in figures],
    }
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    return path
