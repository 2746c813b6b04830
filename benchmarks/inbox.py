"""How long a page of the inbox, or a list of the API, takes where much waits for many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from benchmarks.audiences import audience
from benchmarks.figures import Figure, at_most
from benchmarks.growth import fill
from benchmarks.places import Place, databases, files, settle_postgres
from benchmarks.remote import Missing, Remote, running
from benchmarks.timing import percentile

__all__ = ["measure", "measure_postgres"]

_TIMES = 100
_LIMIT = 100
"""Milliseconds for the p95."""
_DECIDED = 60
"""Runs that were decided: as many as one page of what somebody has decided looks through."""
_PERSON = "user-{}"
_PAGES = {
    "what waits for me, 50 of them": ("/", _PERSON),
    "what waits for me, 200 of them": ("/?limit=200", _PERSON),
    "what I decided": ("/decided", "ann-0"),
    "one approval": ("/runs/copy-000004/approvals/manager", _PERSON),
    "a run": ("/runs/copy-000004", "viewer-{}"),
    "API, what waits for me": ("/api/inbox", _PERSON),
    "API, what waits for anybody": ("/api/pending", "viewer-{}"),
    "API, runs": ("/api/runs", "viewer-{}"),
}
"""What is asked for, and by whom; the number says which of many."""


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:
    """On SQLite."""
    return _measured("inbox", "", files, lambda _: None, quick=quick, missing=missing)


def measure_postgres(*, quick: bool, missing: list[str]) -> list[Figure]:
    """On a Postgres of our own."""
    return _measured("inbox-postgres", "Postgres, ", databases, settle_postgres, quick=quick, missing=missing)


def _measured(
    part: str,
    name: str,
    place: Callable[[], AbstractContextManager[Place]],
    settle: Callable[[str], None],
    *,
    quick: bool,
    missing: list[str],
) -> list[Figure]:
    many = 20_000 if quick else 100_000
    with place() as addresses:
        address = addresses("inbox")
        asyncio.run(fill(address, many, audience))
        settle(address)
        try:
            with running("inbox", address) as remote:
                return list(_figures(remote, part, name, many))
        except Missing as exc:
            missing.append(str(exc))
            return []


def _figures(remote: Remote, part: str, name: str, many: int) -> Iterator[Figure]:
    names = [f"real-{number}" for number in range(_DECIDED)]
    remote.start(names, 8)
    remote.decide(names, 8)
    for about, (path, who) in _PAGES.items():
        times = remote.open_page(path, [who.format(number) for number in range(_TIMES)])
        p50, p95 = (percentile(times, percent) * 1_000 for percent in (50, 95))
        said = f"{name}{about}, of {many:,} pending"
        yield Figure(part, f"{said}, p50", "ms", {"awaitly": p50})
        yield Figure(part, f"{said}, p95", "ms", {"awaitly": p95}, None, "", *at_most(p95, _LIMIT, " ms"))
