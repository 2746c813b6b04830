"""Small statistics, and the loop that puts load on a contender."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median

__all__ = ["elapsed", "loaded", "percentile", "ratio"]


def percentile(values: Sequence[float], percent: float) -> float:
    """Give the smallest value that `percent` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Give the median of the ratios within each round: what slows a whole round down cancels out."""
    return median(a / b for a, b in zip(above, below, strict=True))


async def elapsed(act: Callable[[], Awaitable[object]]) -> float:
    """Give the seconds that an action takes."""
    begun = time.perf_counter()
    await act()
    return time.perf_counter() - begun


async def loaded(
    act: Callable[[str], Awaitable[object]], names: Sequence[str], clients: int
) -> tuple[float, list[float]]:
    """Let clients work off names side by side; give the seconds of it all and of each."""
    waiting = iter(names)
    each: list[float] = []

    async def client() -> None:
        for name in waiting:
            begun = time.perf_counter()
            await act(name)
            each.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return time.perf_counter() - begun, each
