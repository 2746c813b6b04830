"""Whether a store with many runs that wait is slower than one with few."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from statistics import median

from attrs import evolve, frozen

from awaitly import Changes, Ok, Orchestrator, open_store
from benchmarks.contenders.with_awaitly import AwaitlyContender, order
from benchmarks.disk import LIMIT as BYTES
from benchmarks.figures import Figure, at_most
from benchmarks.places import Place, databases, files, namespaces, postgres_bytes, redis_bytes, settle_postgres
from benchmarks.remote import Remote, running
from benchmarks.timing import percentile, ratio
from benchmarks.watching import WatchedStore

__all__ = ["fill", "measure", "measure_million", "measure_postgres", "measure_redis"]

_FEW = 1_000
_WITH_FEW = f"with {_FEW:,}"
_GENUINE = 700
"""Runs that are really started, and later approved; the others are copies of the rows of one such run."""
_CLIENTS = 16
_AT_ONCE = 2_000
_APPROVED = 80
_SINGLE = 20
_LISTINGS = 20
_PAGE = 50

_Rounds = dict[str, dict[int, list[float]]]


@frozen
class _Family:
    """A kind of store: its `limit` in milliseconds for the p95 of a listing, and how large it gets, if that is told.

    `many`: how many runs wait in the large one, in full length and shortened.
    """

    part: str
    store: str
    place: Callable[[], AbstractContextManager[Place]]
    limit: float
    size: Callable[[str], int] | None = None
    settle: Callable[[str], None] = lambda _: None
    many: tuple[int, int] = (100_000, 20_000)

    @property
    def name(self) -> str:
        """What a figure's name begins with."""
        return "" if self.store == "SQLite" else f"{self.store}, "


_SQLITE = _Family("growth", "SQLite", files, 5)
_POSTGRES = _Family("growth-postgres", "Postgres", databases, 10, postgres_bytes, settle_postgres)
_REDIS = _Family("growth-redis", "Redis", namespaces, 10, redis_bytes)
_MILLION = evolve(_POSTGRES, part="million-postgres", many=(1_000_000, 100_000))


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:  # noqa: ARG001  (no peer takes part)
    """On SQLite."""
    return _measured(_SQLITE, quick=quick)


def measure_postgres(*, quick: bool, missing: list[str]) -> list[Figure]:  # noqa: ARG001
    """On a Postgres of our own."""
    return _measured(_POSTGRES, quick=quick)


def measure_redis(*, quick: bool, missing: list[str]) -> list[Figure]:  # noqa: ARG001
    """On a Redis of our own."""
    return _measured(_REDIS, quick=quick)


def measure_million(*, quick: bool, missing: list[str]) -> list[Figure]:  # noqa: ARG001
    """On a Postgres of our own with a million parked runs: minutes, so only by its name."""
    return _measured(_MILLION, quick=quick)


def _measured(family: _Family, *, quick: bool) -> list[Figure]:
    many = family.many[quick]
    rounds: _Rounds = defaultdict(lambda: defaultdict(list))
    with family.place() as place, ExitStack() as stack:
        stores: dict[int, Remote] = {}
        for count in (_FEW, many):
            address = place(f"{count}")
            before = family.size(address) if family.size else 0
            asyncio.run(fill(address, count - _GENUINE))
            family.settle(address)
            filled = family.size(address) - before if family.size else 0
            stores[count] = stack.enter_context(running("awaitly", address))
            stores[count].start([f"real-{number}" for number in range(_GENUINE)], 64)
        for number in range(3 if quick else 6):
            for count, remote in stores.items():
                _turn(remote, count, number, rounds)
    return [*_figures(family, rounds, many), *_bytes(family, filled / (many - _GENUINE), many)]


def _bytes(family: _Family, each: float, many: int) -> list[Figure]:
    name = f"{family.name}kept for each of {many:,} parked runs"
    if family.size is None:
        return []
    figure = Figure(family.part, name, "bytes", {"awaitly": each}, None, "", *at_most(each, BYTES), store=family.store)
    return [evolve(figure, row=_row(family, name)) if family is not _POSTGRES else figure]


def _row(family: _Family, name: str) -> str:
    return name.removeprefix(family.name)


def _turn(remote: Remote, count: int, number: int, rounds: _Rounds) -> None:
    listings = remote.list_pending(_PAGE, _LISTINGS)
    for percent in (50, 95):
        rounds[f"listing p{percent}"][count].append(percentile(listings, percent) * 1_000)
    first = number * (_APPROVED + _SINGLE)
    names = [f"real-{run}" for run in range(first, first + _APPROVED + _SINGLE)]
    rounds["throughput"][count].append(_APPROVED / remote.decide(names[:_APPROVED], _CLIENTS)[0])
    rounds["latency"][count].append(percentile(remote.decide(names[_APPROVED:], 1)[1], 50) * 1_000)


def _figures(family: _Family, rounds: _Rounds, many: int) -> list[Figure]:
    about, growth = f"{family.name}approve to completed", f"beside {many:,} parked runs"
    return [
        *(_listing(family, rounds, many, percent) for percent in (50, 95)),
        _grown(family, f"{about} {growth}, one client, p50", "ms", rounds["latency"], many),
        _grown(family, f"{about} {growth}, {_CLIENTS} clients", "runs/s", rounds["throughput"], many),
    ]


def _listing(family: _Family, rounds: _Rounds, many: int, percent: int) -> Figure:
    found = rounds[f"listing p{percent}"]
    values = _values(found, many)
    times = ratio(found[many], found[_FEW])
    target = at_most(values["awaitly"], family.limit, " ms")
    name = f"{family.name}listing {_PAGE} of {many:,} pending, p{percent}"
    row = _row(family, name) if percent == 95 else ""
    return Figure(family.part, name, "ms", values, times, _WITH_FEW, *target, row=row, store=family.store)


def _grown(family: _Family, name: str, unit: str, found: Mapping[int, list[float]], many: int) -> Figure:
    """Judge by how many times slower the large store is."""
    slower = ratio(found[_FEW], found[many]) if unit == "runs/s" else ratio(found[many], found[_FEW])
    target = at_most(slower, 1.3, " x slower")
    row = _row(family, name)
    return Figure(
        family.part, name, unit, _values(found, many), slower, _WITH_FEW, *target, row=row, store=family.store
    )


def _values(found: Mapping[int, list[float]], many: int) -> dict[str, float]:
    return {"awaitly": median(found[many]), _WITH_FEW: median(found[_FEW])}


# Filling: the rows of one parked run, again and again under other names and times


async def fill(address: str, copies: int, audience: Callable[[int], tuple[str, ...]] | None = None) -> None:
    """Put copies of one parked run into a store; `audience` says whom each waits for, if not for all alike."""
    store = open_store(address)
    watched = WatchedStore(store)
    async with Orchestrator(watched, workflows=[order]) as orchestrator:
        await AwaitlyContender(orchestrator).start("pattern")
        pattern = _merged(watched.seen)
        for first in range(1, copies, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, copies))
            done = await asyncio.gather(*(store.commit(_copy(pattern, number, audience)) for number in numbers))
            assert done == [Ok(None)] * len(done)


def _merged(commits: list[Changes]) -> Changes:
    """Give all that a parked run wrote as one commit, with its run as it stood in the end but new to the store."""
    last = commits[-1]
    return evolve(
        last,
        runs=tuple(evolve(row, version=1) for row in last.runs),
        steps=tuple(row for changes in commits for row in changes.steps),
        holds=(),
    )


def _copy(pattern: Changes, number: int, audience: Callable[[int], tuple[str, ...]] | None) -> Changes:
    run_id = f"copy-{number:06}"
    approvals = [evolve(row, run_id=run_id, asked_at=row.asked_at + number) for row in pattern.approvals]
    if audience is not None:
        approvals = [evolve(row, audience=audience(number)) for row in approvals]
    return evolve(
        pattern,
        runs=tuple(
            evolve(row, run_id=run_id, created_at=row.created_at + number, updated_at=row.updated_at + number)
            for row in pattern.runs
        ),
        steps=tuple(evolve(row, run_id=run_id) for row in pattern.steps),
        approvals=tuple(approvals),
        entries=tuple(evolve(entry, run_id=run_id) for entry in pattern.entries),
    )
