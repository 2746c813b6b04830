"""How long after a commit the last of 200 open streams has its event, over HTTP, from a server in another process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack

from awaitly import Actor, Orchestrator, open_store
from benchmarks.contenders.with_awaitly_streams import CREW, asked, many
from benchmarks.figures import Figure, at_most
from benchmarks.places import Place, databases, files
from benchmarks.remote import running
from benchmarks.timing import percentile
from tests.adapters.web.following import Next, listening, streaming

__all__ = ["measure"]

_STREAMS, _SOCKETS = 180, 20
_ROUNDS = 60
_PAUSE = 0.1
"""Seconds between two commits: each finds the server waiting."""
_LIMIT = 1_000
"""Milliseconds for the p99."""
_PLACES: dict[str, Callable[[], AbstractContextManager[Place]]] = {"SQLite": files, "Postgres": databases}
_PERSON = Actor("ann", [CREW])


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:  # noqa: ARG001  (no peer takes part)
    rounds = _ROUNDS // (5 if quick else 1)
    return [figure for name, opened in _PLACES.items() for figure in _figures(name, opened, rounds)]


def _figures(name: str, opened: Callable[[], AbstractContextManager[Place]], rounds: int) -> list[Figure]:
    with opened() as place:
        address = place("streams")
        with running("awaitly streams", address) as remote:
            of_run, of_inboxes = asyncio.run(_measured(address, remote.served(), rounds))
    return [
        _figure(f"from a decision to the last of 200 streams of one run, {name}", of_run),
        _figure(f"from a decision to the last of 200 people's inboxes, {name}", of_inboxes),
    ]


def _figure(about: str, delays: Sequence[float]) -> Figure:
    p50, p99 = (percentile(delays, percent) * 1_000 for percent in (50, 99))
    notes = (f"p99 {p99:.0f}",)
    return Figure("streams", f"{about}, p50", "ms", {"awaitly": p50}, None, "", *at_most(p99, _LIMIT, " ms"), notes)


async def _measured(address: str, at: str, rounds: int) -> tuple[list[float], list[float]]:
    async with Orchestrator(open_store(address), workflows=[asked, many]) as orchestrator:
        await orchestrator.start(many(rounds), run_id="many")

        async def decide(number: int) -> None:
            (await orchestrator.approve("many", f"manager-{number}", by=_PERSON)).unwrap()

        async def take(number: int) -> None:
            (await orchestrator.approve(f"run-{number}", by=_PERSON)).unwrap()

        of_run = await _delays(at, "/live/runs/many", decide, rounds)
        for number in range(rounds):
            await orchestrator.start(asked(number), run_id=f"run-{number}")
        return of_run, await _delays(at, "/live/inbox", take, rounds)


async def _delays(at: str, path: str, commit: Callable[[int], Awaitable[None]], rounds: int) -> list[float]:
    """Give for each round the seconds from before its commit until the last stream has its event."""
    delays: list[float] = []
    async with AsyncExitStack() as stack:
        followed: list[Next] = [
            await stack.enter_async_context((streaming if number < _STREAMS else listening)(at, path, f"p{number}"))
            for number in range(_STREAMS + _SOCKETS)
        ]
        await asyncio.gather(*(following() for following in followed))
        for number in range(rounds):
            await asyncio.sleep(_PAUSE)
            begun = time.perf_counter()
            told = asyncio.gather(*(following() for following in followed))
            await commit(number)
            await told
            delays.append(time.perf_counter() - begun)
    return delays
