"""An inbox between those who would bring it down and those who want to decide."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import cycle, islice
from pathlib import Path

import pytest

from awaitly_web.live import MOST_STREAMS
from tests.faults.besieged import serving
from tests.faults.hostile import HONEST, HOSTILE, UNFINISHED, UPDATES, Sent, approving, asked, held
from tests.faults.lengths import LONG, times
from tests.faults.tally import TALLY

ATTACKS, ANSWERS = (max(300, times(10_000)), 100) if LONG else (300, 20)
AT_ONCE = 32
HELD = 50
"""Connections whose headers never end, held open meanwhile."""
TIMES = 3
RATIO = 25
"""How many times as long as the inbox of somebody honest any refusal may take: most take a fraction of it."""
SLOW = "a body that does not come"


@pytest.fixture
def port(here: Path) -> Iterator[int]:
    """Serve an inbox, with a run that waits for each answer that is wanted."""
    with serving(here, ANSWERS + 2) as listening:
        yield listening


async def timed(port: int, sent: Sent) -> tuple[int, float]:
    """Ask, and give the status and the seconds."""
    begun = time.perf_counter()
    return await asked(port, sent), time.perf_counter() - begun


async def test_whatever_is_hostile_is_refused(port: int) -> None:
    """Each kind, by a 4xx that says why; and nothing of it is decided."""
    found = {name: await asked(port, sent) for name, sent in HOSTILE.items()}
    assert {name: status for name, status in found.items() if status not in HOSTILE[name].expected} == {}
    assert all(400 <= status < 500 for status in found.values())
    assert await asked(port, approving(0)) == 200


async def test_a_refusal_takes_hardly_longer_than_an_honest_answer(port: int) -> None:
    """Whatever it was that was refused: nobody makes the process busy by sending little."""
    quickest = {
        name: min([(await timed(port, sent))[1] for _ in range(TIMES)])
        for name, sent in {**HONEST, **HOSTILE}.items()
        if name != SLOW
    }
    longest = RATIO * quickest["the inbox"]
    assert {name: seconds for name, seconds in quickest.items() if seconds > longest} == {}


async def test_the_honest_are_answered_amid_the_hostile(port: int) -> None:
    """Each of them, however many refusals there are beside them; and no refusal is a mistake of the server's."""
    async with AsyncExitStack() as stack:
        for _ in range(HELD):
            await stack.enter_async_context(held(port, UNFINISHED))
        for _ in range(MOST_STREAMS):
            await stack.enter_async_context(held(port, UPDATES))
        refused, answered = await besieged(port)
    for name, status in refused:
        TALLY.check("what is hostile is refused by a 4xx", 400 <= status < 500, (name, status))
    for status, _ in answered:
        TALLY.check("what is honest is answered amid the hostile", status == 200, status)
    assert (len(refused), len(answered)) == (ATTACKS, ANSWERS)
    if LONG:
        slowest = sorted(seconds for _, seconds in answered)[ANSWERS * 99 // 100 - 1]
        TALLY.happened("milliseconds of the honest ones, p99", round(slowest * 1_000))
        assert slowest < 1


async def besieged(port: int) -> tuple[list[tuple[str, int]], list[tuple[int, float]]]:
    """Attack, and ask honestly each time that so many attacks more are over; give what came of each."""
    attacks = islice(cycle(HOSTILE), ATTACKS)
    honest = [approving(number) if number % 4 else [*HONEST.values()][number // 4 % 3] for number in range(ANSWERS)]
    refused: list[tuple[str, int]] = []
    asking: list[asyncio.Task[tuple[int, float]]] = []

    async def attack() -> None:
        for name in attacks:
            refused.append((name, await asked(port, HOSTILE[name])))
            if len(refused) % (ATTACKS // ANSWERS) == 0:
                asking.append(asyncio.create_task(timed(port, honest[len(asking)])))

    await asyncio.gather(*(attack() for _ in range(AT_ONCE)))
    return refused, list(await asyncio.gather(*asking))


async def test_of_many_streams_opened_at_once_somebody_keeps_so_many(port: int) -> None:
    """The others are refused, or end before they have begun."""
    many = 4 * MOST_STREAMS
    async with AsyncExitStack() as stack:
        opening = (stack.enter_async_context(held(port, UPDATES)) for _ in range(many))
        readers = await asyncio.gather(*opening)
        stay = await asyncio.gather(*map(stays, readers))
        assert sum(stay) == MOST_STREAMS
        assert await asked(port, HOSTILE["updates for nobody"]) == 401


async def stays(reader: asyncio.StreamReader) -> bool:
    """Whether a stream tells how things stand, before it ends."""
    try:
        await reader.readuntil(b"event: here")
    except asyncio.IncompleteReadError:
        return False
    return True
