"""Stores with one bug each, for a look at whether the fault tests notice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import evolve

from awaitly import Changes, Conflict, Err, Found, Move, Ok, Result, Store
from awaitly.testing import StoreWrapper

__all__ = ["PLANTS", "planted"]


class Forgetful(StoreWrapper):
    """Answers well to one kind of move, where it touches no run itself, and writes nothing of it."""

    def __init__(self, store: Store, move: Move) -> None:
        super().__init__(store)
        self._move = move

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit, or only say so."""
        forgets = changes.move is self._move and not changes.runs
        return Ok(None) if forgets else await super().commit(changes)


class Torn(StoreWrapper):
    """Makes two commits where one was asked for: the run and its steps first, its approvals and its ledger after."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit in two halves."""
        first = await super().commit(evolve(changes, approvals=(), entries=()))
        if isinstance(first, Err) or not (changes.approvals or changes.entries):
            return first
        return await super().commit(Changes(move=changes.move, approvals=changes.approvals, entries=changes.entries))


class Careless(StoreWrapper):
    """Swaps rows whatever their version is: approvals, and where it is careless of `runs` these and their holds too."""

    def __init__(self, store: Store, *, runs: bool) -> None:
        super().__init__(store)
        self._runs = runs

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit as the last writer, over whatever there is, however often that changes meanwhile."""
        named = [*(row.run_id for row in changes.runs), *(row.run_id for row in changes.holds)]
        run_id = [*named, *(row.run_id for row in changes.approvals)][0]
        while True:
            found = await self._store.load(run_id)
            result = await super().commit(self._rewritten(changes, found))
            if isinstance(result, Ok) or not self._moved(found, await self._store.load(run_id)):
                return result

    def _rewritten(self, changes: Changes, found: Found) -> Changes:
        if found.run is not None and self._runs:
            changes = _on_any_run(changes, found.run.version)
        return _on_anything(changes, found)

    @staticmethod
    def _moved(one: Found, other: Found) -> bool:
        return evolve(one, now=0) != evolve(other, now=0)


class Stale(StoreWrapper):
    """Reads a run's approvals as they stood at the look before: a replica that lags behind by one."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._before: dict[str, Found] = {}

    async def approvals(self, run_id: str) -> Found:
        """Read what is known already, and let the next one know what there is."""
        found = await super().approvals(run_id)
        before, self._before[run_id] = self._before.get(run_id, found), found
        return before

    async def load(self, run_id: str) -> Found:
        """Do the same for the whole run."""
        found = await super().load(run_id)
        before, self._before[run_id] = self._before.get(run_id, found), found
        return before if before.run is not None else found


class Generous(StoreWrapper):
    """Grants a claim on a run, or on an approval, to whoever comes too late for it as well; nothing is written."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit, and grant it in any case."""
        result = await super().commit(changes)
        return Ok(None) if changes.move in (Move.CLAIM, Move.END, Move.DECIDE) and not changes.steps else result


def _on_any_run(changes: Changes, version: int) -> Changes:
    runs = tuple(evolve(row, version=version + 1) for row in changes.runs)
    return evolve(changes, runs=runs, holds=tuple(evolve(hold, version=version) for hold in changes.holds))


def _on_anything(changes: Changes, found: Found) -> Changes:
    versions = {row.key: row.version for row in found.approvals}
    recorded = {row.key for row in found.steps}
    seq = found.head.seq if found.head else 0
    return evolve(
        changes,
        steps=tuple(row for row in changes.steps if row.key not in recorded),
        approvals=tuple(evolve(row, version=versions.get(row.key, 0) + 1) for row in changes.approvals),
        entries=tuple(evolve(entry, seq=seq + n) for n, entry in enumerate(changes.entries, start=1)),
    )


_Plant: TypeAlias = Callable[[Store], Store]
PLANTS: Mapping[str, _Plant] = {
    "": lambda store: store,
    "steps are forgotten": lambda store: Forgetful(store, Move.STEP),
    "decisions are forgotten": lambda store: Forgetful(store, Move.DECIDE),
    "commits are torn": Torn,
    "versions are ignored": lambda store: Careless(store, runs=True),
    "approvals are swapped at any version": lambda store: Careless(store, runs=False),
    "reads are stale": Stale,
    "claims are granted twice": Generous,
}


def planted(name: str, store: Store) -> Store:
    """Give the store with a bug."""
    return PLANTS[name](store)
