"""Rows that a listing has named, read from wherever they lie."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from awaitly_redis.packing import pairs, parts_of
from awaitly_redis.scripts import script
from awaitly_redis.shards import Shards, as_bytes

__all__ = ["ROWS", "read_rows"]

ROWS = script("rows")


async def read_rows(
    shards: Shards, key_of: Callable[[bytes], bytes], wanted: Sequence[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    """Read rows, each by its run's id and field, in the order in which they are named; `key_of` gives a run's key."""
    groups: dict[bytes, list[int]] = {}
    for number, (run_id, _) in enumerate(wanted):
        groups.setdefault(shards.bundle_of(run_id), []).append(number)
    replies = await asyncio.gather(
        *(
            shards.wire.ask(base, ROWS.call([key_of(wanted[n][0]) for n in numbers], [wanted[n][1] for n in numbers]))
            for base, numbers in groups.items()
        )
    )
    rows = [(b"", b"")] * len(wanted)
    for numbers, reply in zip(groups.values(), replies, strict=True):
        for number, row in zip(numbers, pairs(parts_of(as_bytes(reply))), strict=True):
            rows[number] = row
    return rows
