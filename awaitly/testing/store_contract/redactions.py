"""Entries of the ledger whose content is taken out: the chain stays, for the hash does."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

from attrs import evolve

from awaitly.storage.store import Store
from awaitly.testing.rows import changes, entry_row, run_row
from awaitly.testing.store_contract.loads import each_body
from awaitly.testing.store_contract.tools import applied, inserted, refused

__all__ = ["RedactionFacts"]

REDACTED = '{"redacted":true}'


class RedactionFacts:
    """Redacting the ledger."""

    async def test_a_redacted_entry_takes_the_place_of_the_old(self, store: Store) -> None:
        """Several of them, each in its place; the others stay as they are."""
        await inserted(store, run_row(), *(entry_row(seq=seq, body=f'"{seq}"') for seq in (1, 2, 3, 4)))
        redacted = (entry_row(seq=3, body=REDACTED), entry_row(seq=1, body=REDACTED))
        await applied(store, changes(redacted=redacted))
        assert await store.entries("run") == (
            redacted[1],
            entry_row(seq=2, body='"2"'),
            redacted[0],
            entry_row(seq=4, body='"4"'),
        )

    async def test_a_redacted_head_is_the_head(self, store: Store) -> None:
        """In `load` and in `approvals`, without a run too; the ledger goes on after it."""
        await inserted(store, entry_row(), entry_row(seq=2))
        await applied(store, changes(redacted=(entry_row(seq=2, body=REDACTED),)))
        assert (await store.load("run")).head == entry_row(seq=2, body=REDACTED)
        assert (await store.approvals("run")).head == entry_row(seq=2, body=REDACTED)
        await applied(store, changes(entries=(entry_row(seq=3),)))
        assert (await store.load("run")).head == entry_row(seq=3)

    async def test_an_entry_of_another_hash_is_not_redacted(self, store: Store) -> None:
        """What would break the chain is refused, with all that comes along."""
        await inserted(store, entry_row(), entry_row(seq=2))
        wrong = evolve(entry_row(body=REDACTED), hash=entry_row(seq=2).hash)
        await refused(store, changes(redacted=(entry_row(seq=2, body=REDACTED), wrong)))
        await refused(store, changes(redacted=(evolve(wrong, hash=""),)))
        assert await store.entries("run") == (entry_row(), entry_row(seq=2))

    async def test_an_entry_that_is_missing_is_not_redacted(self, store: Store) -> None:
        """Nothing is inserted in its place, whether or not the id was ever used."""
        await inserted(store, run_row(), entry_row())
        await refused(store, changes(redacted=(entry_row(seq=2, body=REDACTED),)))
        await refused(store, changes(redacted=(entry_row("nobody", body=REDACTED),)))
        assert await store.entries("run") == (entry_row(),)
        assert await store.entries("nobody") == ()

    async def test_an_entry_can_be_redacted_again(self, store: Store) -> None:
        """A redacted entry has its hash still; the last body counts."""
        await inserted(store, entry_row())
        for body in (REDACTED, REDACTED, '"less"'):
            await applied(store, changes(redacted=(entry_row(body=body),)))
        assert await store.entries("run") == (entry_row(body='"less"'),)

    async def test_an_entry_can_be_redacted_where_it_comes_along(self, store: Store) -> None:
        """In one commit entries are appended first, and redacted then."""
        await applied(store, changes(entries=(entry_row(), entry_row(seq=2)), redacted=(entry_row(body=REDACTED),)))
        assert await store.entries("run") == (entry_row(body=REDACTED), entry_row(seq=2))

    async def test_a_redaction_touches_one_run(self, store: Store) -> None:
        """Another run's entry of the same number and the same hash stays."""
        twin = evolve(entry_row("b"), hash=entry_row("a").hash)
        await inserted(store, entry_row("a"), twin)
        await applied(store, changes(redacted=(entry_row("a", body=REDACTED),)))
        assert await store.entries("a") == (entry_row("a", body=REDACTED),)
        assert await store.entries("b") == (twin,)

    @each_body
    async def test_redacted_bodies_come_back_to_the_letter(self, store: Store, body: str) -> None:
        """A body is text, as everywhere."""
        await inserted(store, entry_row())
        await applied(store, changes(redacted=(entry_row(body=body),)))
        assert await store.entries("run") == (entry_row(body=body),)
