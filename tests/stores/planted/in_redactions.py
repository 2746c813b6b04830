"""Bugs in redacting the ledger."""

from __future__ import annotations

from attrs import evolve

from awaitly.approvals.audit import Entry
from awaitly.result import Err, Ok, Result
from awaitly.storage.store import Changes, Conflict, Found, Move, Store
from tests.stores.planted.bug import Around, Bug
from tests.stores.planted.in_commits import REFUSED


class Redacting(Around):
    """Looks at the ledger before it redacts."""

    async def standing(self, entry: Entry) -> Entry | None:
        """Give what stands in an entry's place."""
        return {each.seq: each for each in await self.entries(entry.run_id)}.get(entry.seq)


class ChecksNoHash(Redacting):
    """Redacts by number alone."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Fill in the hash that fits."""
        standing = [(entry, await self.standing(entry) or entry) for entry in changes.redacted]
        redacted = tuple(evolve(entry, hash=old.hash) for entry, old in standing)
        return await super().commit(evolve(changes, redacted=redacted))


class InsertsWhatIsMissing(Redacting):
    """Puts a redacted entry where none was."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Make new entries of those that are missing."""
        new = tuple([entry for entry in changes.redacted if await self.standing(entry) is None])
        redacted = tuple(entry for entry in changes.redacted if entry not in new)
        return await super().commit(evolve(changes, entries=changes.entries + new, redacted=redacted))


class RedactsFirst(Redacting):
    """Wants an entry to stand before its commit."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Refuse to redact what comes along."""
        if any([await self.standing(entry) is None for entry in changes.redacted]):
            return REFUSED
        return await super().commit(changes)


class RedactsEveryRun(Redacting):
    """Redacts by number and hash alone."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Redact the other runs too."""
        result = await super().commit(changes)
        for run_id in self.ids:
            for entry in changes.redacted:
                twin = evolve(entry, run_id=run_id)
                await super().commit(Changes(move=Move.REDACT, redacted=(twin,)))
        return result


class RedactsOnce(Around):
    """Takes a redacted entry for gone."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.redacted: set[tuple[str, int]] = set()

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Refuse a second time."""
        places = {(entry.run_id, entry.seq) for entry in changes.redacted}
        if places & self.redacted:
            return REFUSED
        result = await super().commit(changes)
        self.redacted |= set() if isinstance(result, Err) else places
        return result


class KeepsHeads(Around):
    """Keeps each run's head once more, for faster reads, and leaves that as it was."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.heads: dict[str, Entry] = {}

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Take note of a new head."""
        result = await super().commit(changes)
        if result == Ok(None):
            self.heads.update({entry.run_id: entry for entry in changes.entries})
        return result

    async def load(self, run_id: str) -> Found:
        """Give the head that was noted."""
        return evolve(await super().load(run_id), head=self.heads.get(run_id))


REDACTION_BUGS = {
    "nothing is redacted": Bug(
        commit=lambda changes: evolve(changes, redacted=()),
        caught_by=(
            "test_all_parts_of_a_commit_are_applied",
            "test_a_redacted_entry_takes_the_place_of_the_old",
            "test_an_entry_can_be_redacted_where_it_comes_along",
            "test_a_broken_condition_is_a_conflict",
        ),
    ),
    "one entry is redacted": Bug(
        commit=lambda changes: evolve(changes, redacted=changes.redacted[:1]),
        caught_by=("test_a_redacted_entry_takes_the_place_of_the_old", "test_an_entry_of_another_hash_is_not_redacted"),
    ),
    "a redaction checks no hash": Bug(
        around=ChecksNoHash,
        caught_by=("test_an_entry_of_another_hash_is_not_redacted", "test_a_broken_condition_is_a_conflict"),
    ),
    "a redaction inserts": Bug(
        around=InsertsWhatIsMissing,
        caught_by=("test_an_entry_that_is_missing_is_not_redacted", "test_a_broken_condition_is_a_conflict"),
    ),
    "a redaction comes first": Bug(
        around=RedactsFirst, caught_by=("test_an_entry_can_be_redacted_where_it_comes_along",)
    ),
    "a redaction is for every run": Bug(around=RedactsEveryRun, caught_by=("test_a_redaction_touches_one_run",)),
    "an entry is redacted once": Bug(around=RedactsOnce, caught_by=("test_an_entry_can_be_redacted_again",)),
    "heads are not redacted": Bug(around=KeepsHeads, caught_by=("test_a_redacted_head_is_the_head",)),
}
