"""Taking texts or people out of a run's ledger for good: what goes, what stays, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from awaitly import Actor, BrokenChain, Entry, Ok, Part, said
from tests.support import SharedStore, error_of
from tests.unit.offices import Office, office_in


@pytest_asyncio.fixture
async def office(each_store: SharedStore) -> AsyncIterator[Office]:
    """Open an office in which `ann` has said something about the question of `r`."""
    async with office_in(each_store) as opened:
        await opened.ask("r", by="zed")
        (await opened.orchestrator.comment("r", text="odd", by=Actor("ann", ["ops"]))).unwrap()
        yield opened


async def test_a_text_goes_and_the_chain_holds(office: Office) -> None:
    """The entry says that something was taken out; the head stays the same."""
    before = (await office.orchestrator.verify("r")).unwrap()
    assert await office.orchestrator.redact("r") == Ok(1)
    entry = said((await office.orchestrator.ledger("r"))[-1])
    assert "odd" not in str(entry)
    assert entry["redacted"] == ["text"]
    assert await office.orchestrator.verify("r", before) == Ok(before)


async def test_people_go_and_texts_stay(office: Office) -> None:
    """What is asked for, and no more."""
    assert isinstance(await office.orchestrator.redact("r", parts=[Part.PEOPLE]), Ok)
    entries = str([said(entry) for entry in await office.orchestrator.ledger("r")])
    assert "ann" not in entries
    assert "odd" in entries


async def test_what_is_gone_is_not_taken_out_again(office: Office) -> None:
    """Nothing is written then."""
    (await office.orchestrator.redact("r")).unwrap()
    office.store.reset()
    assert await office.orchestrator.redact("r") == Ok(0)
    assert office.store.written == 0


async def test_entries_of_another_approval_stay(office: Office) -> None:
    """A key names those that are meant."""
    assert await office.orchestrator.redact("r", key="director") == Ok(0)
    assert "odd" in str(said((await office.orchestrator.ledger("r"))[-1]))


async def test_a_broken_chain_is_not_redacted(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was done to it would be covered up."""
    entries = await office.store.entries("r")

    async def without_the_first(_: str) -> tuple[Entry, ...]:
        return entries[1:]

    monkeypatch.setattr(office.store, "entries", without_the_first)
    office.store.reset()
    assert isinstance(error_of(await office.orchestrator.redact("r")), BrokenChain)
    assert office.store.written == 0


async def test_a_run_that_is_not_there_has_no_ledger(office: Office) -> None:
    """So there is nothing in it to take out."""
    assert await office.orchestrator.ledger("gone") == ()
    assert await office.orchestrator.redact("gone") == Ok(0)
