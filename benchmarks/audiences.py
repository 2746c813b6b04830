"""How long it takes to find what waits for somebody, where much waits for many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager

from benchmarks.figures import Figure, at_most
from benchmarks.growth import fill
from benchmarks.places import Place, databases, files, settle_postgres
from benchmarks.remote import running
from benchmarks.timing import percentile

__all__ = ["audience", "measure", "measure_postgres"]

_PAGE = 50
_PEOPLE = 200
_LIMIT = 10
"""Milliseconds for the p95."""


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:  # noqa: ARG001  (no peer takes part)
    """On SQLite."""
    return _measured("audiences", "", files, lambda _: None, quick=quick)


def measure_postgres(*, quick: bool, missing: list[str]) -> list[Figure]:  # noqa: ARG001
    """On a Postgres of our own."""
    return _measured("audiences-postgres", "Postgres, ", databases, settle_postgres, quick=quick)


def _measured(
    part: str,
    name: str,
    place: Callable[[], AbstractContextManager[Place]],
    settle: Callable[[str], None],
    *,
    quick: bool,
) -> list[Figure]:
    many = 20_000 if quick else 100_000
    with place() as addresses:
        address = addresses("audiences")
        asyncio.run(fill(address, many, audience))
        settle(address)
        with running("awaitly", address) as remote:
            times = remote.list_waiting(_PAGE, _PEOPLE)
    about = f"{name}listing {_PAGE} that wait for a person of 8 roles, of {many:,} pending"
    p50, p95 = (percentile(times, percent) * 1_000 for percent in (50, 95))
    return [
        Figure(part, f"{about}, p50", "ms", {"awaitly": p50}),
        Figure(part, f"{about}, p95", "ms", {"awaitly": p95}, None, "", *at_most(p95, _LIMIT, " ms")),
    ]


def audience(number: int) -> tuple[str, ...]:
    """Let one of four wait for everybody, for a person, for a role, and for a person and a role."""
    person, role = f"user-{number % 1000}", f"role:role-{number % 20}"
    return (("*",), (person,), (role,), (person, role))[number % 4]
