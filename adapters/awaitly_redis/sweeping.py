"""Sweeps: which runs somebody must look at, and when the next one comes. Each shard names its own, in order."""

from __future__ import annotations

from collections.abc import Sequence

from awaitly_redis.packing import packed_time, read_time, sized
from awaitly_redis.scripts import script
from awaitly_redis.shards import Shards

__all__ = ["DUE", "NEXT_DUE", "due", "next_due"]

DUE = script("due")
NEXT_DUE = script("next_due")

_LAST = packed_time(None)


async def due(shards: Shards, now: int, limit: int, lanes: Sequence[str] | None) -> tuple[str, ...]:
    """Name runs to look at, lane by lane: the longest due first, behind them those that only a decision makes due."""
    if lanes is not None and not lanes:
        return ()
    index, ahead = _wanted(lanes)
    parts = await shards.named(DUE, index, (packed_time(now), b"%d" % limit, *ahead))
    found = sorted(zip(map(int, parts[::3]), (time or _LAST for time in parts[1::3]), parts[2::3], strict=True))
    return tuple([run_id.decode() for _, _, run_id in found[:limit]])


async def next_due(shards: Shards, now: int, lanes: Sequence[str] | None) -> int | None:
    """Give the first time after now at which a run is due."""
    if lanes is not None and not lanes:
        return None
    index, ahead = _wanted(lanes)
    return read_time(min(await shards.named(NEXT_DUE, index, (packed_time(now), *ahead)), default=_LAST))


def _wanted(lanes: Sequence[str] | None) -> tuple[bytes, Sequence[bytes]]:
    """Give the index to look in, and what stands there ahead of the times."""
    return (b"d", (b"",)) if lanes is None else (b"q", tuple(map(sized, lanes)))
