"""A line of those who wait for a turn: its order, those who leave it, and what it keeps."""

from __future__ import annotations

import asyncio

import pytest

from awaitly.working import turns
from awaitly.working.turns import Turns


async def _taking(line: Turns, name: str, taken: list[str]) -> None:
    async with line.of("r"):
        taken.append(name)


async def test_those_who_wait_go_in_the_order_in_which_they_came() -> None:
    """The first has the turn; the others follow, one after the other."""
    line, taken = Turns(), list[str]()
    async with line.of("r"):
        tasks = [asyncio.create_task(_taking(line, name, taken)) for name in ("ann", "bob", "eve")]
        await asyncio.sleep(0)
        assert not taken
    await asyncio.gather(*tasks)
    assert taken == ["ann", "bob", "eve"]


async def test_one_who_leaves_the_line_holds_nobody_up() -> None:
    """Cancelled while they wait, or when they have just been called: the next has the turn all the same."""
    line, taken = Turns(), list[str]()
    async with line.of("r"):
        waiting, called, last = (asyncio.create_task(_taking(line, name, taken)) for name in ("ann", "bob", "eve"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
    called.cancel()
    await last
    assert taken == ["eve"]
    assert waiting.cancelled()
    assert called.cancelled()


async def test_only_those_who_make_somebody_wait_are_hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn lasts as long as it likes where nobody waits; where somebody does, it ends, and leaving does no more."""
    monkeypatch.setattr(turns, "LONGEST_TURN", 0.0)
    line, taken = Turns(), list[str]()
    async with line.of("r") as turn:
        await asyncio.sleep(0)
        assert turn._timer is None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        await _taking(line, "ann", taken)
        assert taken == ["ann"]
    assert not line._lines  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


async def test_one_whose_turn_was_over_before_they_knew_can_be_cancelled() -> None:
    """Called, hurried past and cancelled in one moment, as on an event loop that stood still: nothing else happens."""
    line, taken = Turns(), list[str]()
    async with line.of("r"):
        late = asyncio.create_task(_taking(line, "ann", taken))
        await asyncio.sleep(0)
        theirs = line._lines["r"][1]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    theirs.end()
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    await _taking(line, "bob", taken)
    assert taken == ["bob"]
