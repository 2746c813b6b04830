"""How somebody's inbox stands, kept by run: where one run has moved, only that one is asked for again."""

from __future__ import annotations

from hashlib import sha256
from typing import TypeAlias

from attrs import define, field

from awaitly_web.core import Actor, Orchestrator, Page, PendingApproval

__all__ = ["Waiting", "digest", "mark_of"]

Runs: TypeAlias = dict[str, tuple[object, ...]]
"""What is shown of each run."""

_PAGE = 50
_FEW = 4
"""So many runs are asked for one by one; where more have moved, all is asked for at once."""


def digest(*parts: object) -> str:
    """Give a short text that is another one for other parts."""
    return sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:24]


@define(eq=False)
class Waiting:
    """What waits for somebody. Where it is more than a page, it is not kept, and always asked for whole."""

    orchestrator: Orchestrator
    actor: Actor
    _runs: Runs | None = field(init=False, default=None)

    async def mark(self) -> str:
        """Give the mark of all that waits."""
        page = await self.orchestrator.waiting_for(self.actor, limit=_PAGE)
        runs = _by_run(page)
        self._runs = runs if page.after is None and len(page.items) < _PAGE else None
        return _marked(runs, page.after)

    async def after(self, moved: frozenset[str]) -> str:
        """Give the mark once these runs, and no others, have moved."""
        if self._runs is None or len(moved) > _FEW:
            return await self.mark()
        runs = dict(self._runs)
        for run_id in moved:
            page = await self.orchestrator.waiting_for(self.actor, run_id=run_id, limit=_PAGE)
            if page.after is not None:
                return await self.mark()
            runs.pop(run_id, None)
            runs.update(_by_run(page))
        if sum(map(len, runs.values())) >= _PAGE:
            return await self.mark()
        self._runs = runs
        return _marked(runs, None)


def mark_of(page: Page[PendingApproval]) -> str:
    """Give the mark of the first page of what waits for somebody, of the usual length."""
    return _marked(_by_run(page), page.after)


def _marked(runs: Runs, after: str | None) -> str:
    return digest(sorted(runs.items()), after)


def _by_run(page: Page[PendingApproval]) -> Runs:
    runs: Runs = {}
    for each in page.items:
        shown = (each.key, each.digest, each.claimed_by, each.votes, each.asks_requester)
        runs[each.run_id] = (*runs.get(each.run_id, ()), shown)
    return runs
