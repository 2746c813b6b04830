"""Sweeps over two stores: runs with their times and lanes stand in one, decisions to take up in the other."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeAlias

from attrs import frozen

from awaitly_split.core import Found, Store, StoreCorrupt

__all__ = ["Sweep"]

_SIDE_BY_SIDE = 16

_Decided: TypeAlias = defaultdict[str | None, list[str]]
"""Runs with a decision to take up, by their lanes; all of them under None where no lanes are asked about."""


@frozen
class Sweep:
    """One question what is due. `load` reads a run from both stores, and ends what was left half done there.

    The approvals store is never asked about lanes: its own rows of runs stand in none.
    """

    approvals: Store
    state: Store
    load: Callable[[str], Awaitable[Found]]
    now: int
    limit: int

    async def due(self, lanes: Sequence[str] | None) -> tuple[str, ...]:
        """Name the runs, lane by lane: first those whose time has come, then those with a decision alone.

        The state store is asked about several lanes at once where no decision comes between them.
        """
        first = None if lanes is None else lanes[:1]
        named = dict.fromkeys(await self.state.due(self.now, self.limit, first))
        if len(named) >= self.limit or (lanes is not None and not lanes):
            return tuple(named)
        decided = await self._decided(lanes, named)
        named |= dict.fromkeys(decided[_first(lanes)])
        for part in _parts(lanes or (), decided):
            if len(named) >= self.limit:
                break
            named |= dict.fromkeys(await self.state.due(self.now, self.limit - len(named), part))
            named |= dict.fromkeys(decided[part[-1]])
        return tuple(named)[: self.limit]

    async def _decided(self, lanes: Sequence[str] | None, timed: Collection[str]) -> _Decided:
        """Give all runs with a decision, or as many of the first lane's as there is room for.

        A commit that was left half done stands ahead of the decisions, and among them once it was ended: so where
        not all names were given it is asked again, until all of them had been looked at before.
        """
        lane_of: dict[str, str | None] = dict.fromkeys(timed)
        asked = self.limit
        while True:
            names = await self.approvals.due(self.now, asked)
            new = [name for name in names if name not in lane_of]
            lane_of |= await self._lanes(new)
            decided = _by_lane(lanes, {name: lane_of[name] for name in names})
            is_enough = len(timed) + len(decided[_first(lanes)]) >= self.limit
            if len(names) < asked or (is_enough and not new):
                return decided
            if not is_enough:
                asked *= 2

    async def _lanes(self, names: Sequence[str]) -> dict[str, str | None]:
        """Give the lane of each run that has a decision to take up, and None for the other names."""
        lanes: list[str | None] = []
        for start in range(0, len(names), _SIDE_BY_SIDE):
            lanes += await asyncio.gather(*map(self._lane, names[start : start + _SIDE_BY_SIDE]))
        return dict(zip(names, lanes, strict=True))

    async def _lane(self, run_id: str) -> str | None:
        try:
            found = await self.load(run_id)
        except StoreCorrupt:  # its neighbours go on
            return None
        return found.run.lane if found.run is not None and any(row.ready for row in found.approvals) else None


def _first(lanes: Sequence[str] | None) -> str | None:
    return None if lanes is None else lanes[0]


def _by_lane(lanes: Sequence[str] | None, lane_of: Mapping[str, str | None]) -> _Decided:
    decided: _Decided = defaultdict(list)
    for name, lane in sorted(lane_of.items()):
        if lane is not None:
            decided[None if lanes is None else lane].append(name)
    return decided


def _parts(lanes: Sequence[str], decided: _Decided) -> Iterator[Sequence[str]]:
    """Cut all lanes but the first into parts that end where there is a decision to take up, or at the end."""
    start = 1
    for end in range(start + 1, len(lanes) + 1):
        if decided[lanes[end - 1]] or end == len(lanes):
            yield lanes[start:end]
            start = end
