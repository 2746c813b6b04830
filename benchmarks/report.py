"""Write what was measured into the docs: the tables of the page on performance, its picture, and the figures kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.figures import KEPT, Measured, write
from benchmarks.table import beside_peers, details, ratios
from docs.draw.ratios import ratios_picture

__all__ = ["PAGE", "PICTURE", "filled", "keep", "versions"]

_DOCS = Path(__file__).parent.parent / "docs"
PAGE = _DOCS / "concepts" / "performance.md"
PICTURE = _DOCS / "images" / "performance.svg"
_PLACE = re.compile(r"(?P<begin><!-- measured: (?P<name>[a-z]+) -->)\n.*?(?P<end><!-- end -->)", re.DOTALL)


def versions(measured: Measured) -> str:
    """Say of when the figures are, of which versions, and how long it took."""
    length = "A shortened run" if measured.quick else "One full run"
    minutes = sum(measured.seconds.values()) / 60
    on = ", ".join(f"{name} {value}" for name, value in measured.environment.items() if name != "at")
    missing = f" Missing: {'; '.join(measured.missing)}." if measured.missing else ""
    return f"{length} of {measured.environment['at'][:10]}, which took {minutes:.0f} minutes: {on}.{missing}"


_TABLES: Mapping[str, Callable[[Measured], str]] = {
    "versions": versions,
    "ratios": lambda measured: ratios(measured.figures),
    "sqlite": lambda measured: beside_peers(measured.figures, "SQLite"),
    "postgres": lambda measured: beside_peers(measured.figures, "Postgres"),
    "steps": lambda measured: details(measured, "steps"),
    "growth": lambda measured: details(measured, "growth", "growth-postgres", "growth-redis", "million-postgres"),
    "workers": lambda measured: details(measured, "working", "waking"),
    "lists": lambda measured: details(measured, "audiences", "audiences-postgres"),
    "inbox": lambda measured: details(measured, "inbox", "inbox-postgres"),
    "streams": lambda measured: details(measured, "streams"),
    "gates": lambda measured: details(measured, "gate", "policies", "proxy"),
    "imports": lambda measured: details(measured, "import"),
}
"""What stands at which place of the page."""


def filled(page: str, measured: Measured) -> str:
    """Give the page with its places filled. Raises `LookupError` where it has a place too many or too few."""
    places = [found["name"] for found in _PLACE.finditer(page)]
    if sorted(places) != sorted(_TABLES):
        msg = f"the page has places for {places}, and there are {list(_TABLES)}"
        raise LookupError(msg)
    return _PLACE.sub(lambda place: "\n\n".join((place["begin"], _TABLES[place["name"]](measured), place["end"])), page)


def keep(measured: Measured) -> list[Path]:
    """Write figures, page and picture, and give where."""
    page = filled(PAGE.read_text("utf-8"), measured)
    PAGE.write_text(page, "utf-8")
    PICTURE.write_text(ratios_picture(measured), "utf-8")
    return [write(measured, KEPT), PAGE, PICTURE]
