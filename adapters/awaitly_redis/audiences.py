"""Whom approvals wait for: each shard has them in order of urgency for each name, and here the orders become one.

Every name of every shard gives about its share of a page. Where one has more, all of them are known only up to what it
gave last; the first of these ends, the horizon, is where the next look begins if the page is not full by then. That
look goes further: a filter may leave few of many.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

from attrs import frozen

from awaitly_redis.core import ApprovalQuery
from awaitly_redis.filters import by_text, by_time
from awaitly_redis.packing import packed_time, sized
from awaitly_redis.scripts import script
from awaitly_redis.shards import Shards

__all__ = ["AUDIENCE", "NARROW", "urgent"]

NARROW = 1000
"""How many rows a filter may leave over all shards to be narrow."""

AUDIENCE = script("audience")

_MOST_LOOKED_AT = 8000
"""How many places are looked at in one go, over all names and shards."""
_GROWTH = 4
_LATEST = packed_time(None)
_END = _LATEST + b"\xff"
"""Stands behind all places."""


async def urgent(shards: Shards, query: ApprovalQuery, after: bytes, most: int) -> list[bytes]:
    """Name the first `most` approvals behind `after` that wait for any of an audience, in order of their deadlines."""
    names = tuple(map(sized, dict.fromkeys(query.audience or ())))
    behind, ahead = _bounds(query, after)
    looks = _share(most, shards.keys.shards)
    named: list[bytes] = []
    while names:
        look = await _look(shards, query, looks, (behind, ahead), names)
        named += [place for place in sorted(look.places) if behind < place < ahead]
        if look.horizon is None or len(named) >= most:
            break
        behind = look.horizon
        looks = min(looks * _GROWTH, looks * _MOST_LOOKED_AT // look.looked + 1)
    return [_without_filtered(place) for place in named[:most]]


@frozen
class _Look:
    """What was named up to the horizon; to the end where that is None."""

    places: set[bytes]
    horizon: bytes | None
    looked: int


async def _look(
    shards: Shards, query: ApprovalQuery, looks: int, bounds: Sequence[bytes], names: Sequence[bytes]
) -> _Look:
    arguments = (
        b"%d" % looks,
        b"%d" % -(-NARROW // shards.keys.shards),
        *bounds,
        by_text(query.prefix),
        by_text(query.workflow),
        by_time(query.asked_before),
        *names,
    )
    return _joined(await shards.named(AUDIENCE, b"a", arguments))


def _joined(parts: Sequence[bytes]) -> _Look:
    """Join what each node has named: a place that several names lead to is one, and the first horizon is of all."""
    places, horizons, looked = set[bytes](), list[bytes](), 0
    reading = iter(parts)
    for part in reading:
        if part:
            places.add(part)
            continue
        horizons.append(next(reading) or _END)
        looked += int(next(reading))
    horizon = min(horizons)
    return _Look({place for place in places if place <= horizon}, None if horizon == _END else horizon, looked)


def _bounds(query: ApprovalQuery, after: bytes) -> tuple[bytes, bytes]:
    """Give what wanted places stand behind and ahead of: both limits on the deadline are bounds of that order."""
    alive = b"" if query.alive_at is None else packed_time(query.alive_at) + b"\xff"
    ahead = _END if query.deadline_before is None else packed_time(query.deadline_before)
    return max(alive, after and after + b"\0" + _LATEST), ahead


def _share(most: int, shards: int) -> int:
    """Give how many of the first `most` a shard rarely has more than, for chance spreads them."""
    share = -(-most // shards)
    return share + 2 * isqrt(share) + 3


def _without_filtered(place: bytes) -> bytes:
    """Cut off what stands behind the key, which is there to be filtered by."""
    return place[: place.index(0, place.index(0, 8) + 1)]
