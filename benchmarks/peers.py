"""The contenders on each kind of store, and the comparison with the best of the peers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from attrs import evolve, frozen

from benchmarks.contenders import ON_POSTGRES, ON_SQLITE, PEERS
from benchmarks.figures import Figure
from benchmarks.limit import Limit, limit_of_databases, limit_of_files
from benchmarks.places import Place, databases, files
from benchmarks.timing import ratio

__all__ = ["POSTGRES", "SQLITE", "Family", "compared"]

Limiter: TypeAlias = Callable[[Place], AbstractContextManager[Limit]]


@frozen
class Family:
    """Contenders that keep what they write in the same kind of store. `suffix` is for the names of parts."""

    store: str
    suffix: str
    names: Sequence[str]
    place: Callable[[], AbstractContextManager[Place]]
    limited: Limiter


@contextmanager
def _of_files(_: Place) -> Generator[Limit]:
    with limit_of_files() as limit:
        yield limit


@contextmanager
def _of_databases(place: Place) -> Generator[Limit]:
    yield limit_of_databases(place)


SQLITE = Family("SQLite", "", ON_SQLITE, files, _of_files)
POSTGRES = Family("Postgres", "-postgres", ON_POSTGRES, databases, _of_databases)


def compared(figure: Figure, rounds: Mapping[str, Sequence[float]]) -> Figure:
    """Compare awaitly with the best peer, round by round; `rounds` has one number a round by contender."""
    peers = [name for name in figure.values if name in PEERS]
    if not peers:
        return evolve(figure, notes=(*figure.notes, "no peer is installed"))
    best = (max if figure.more_is_better else min)(peers, key=lambda name: figure.values[name])
    return evolve(figure, ratio=ratio(rounds["awaitly"], rounds[best]), against=best)
