from __future__ import annotations

from datetime import UTC, datetime

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from awaitly import Actor, BrokenChain, Entry, Err, Head, Ok
from awaitly.audit import EMPTY, AuditEvent, Fact, chained, verify

AT = datetime(2030, 1, 1, tzinfo=UTC)


def facts(count: int) -> list[Fact]:
    """Make facts that differ."""
    return [
        Fact(AuditEvent.VOTED, f"k{n}", AT, 1, "v1:x", Actor("ann", on_behalf_of="bo"), f"r{n}") for n in range(count)
    ]


def chain(count: int, run_id: str = "r") -> tuple[Entry, ...]:
    """Make a chain."""
    return chained(run_id, EMPTY, facts(count))


@given(st.integers(0, 6), st.integers(0, 6))
def test_a_chain_can_be_made_in_parts(first: int, second: int) -> None:
    """Entries that are added later are those that would have been made at once."""
    one = chain(first)
    head = verify("r", one).unwrap()
    rest = chained("r", head, facts(first + second)[first:])
    assert (*one, *rest) == chain(first + second)
    assert verify("r", (*one, *rest)) == Ok(Head(first + second, (*one, *rest)[-1].hash) if one or rest else EMPTY)


def test_each_change_of_a_chain_shows() -> None:
    """Flipping, dropping, repeating, swapping or inserting an entry breaks the chain at that entry."""
    entries = chain(5)
    for n, entry in enumerate(entries):
        for changed in (
            evolve(entry, body=entry.body.replace("ann", "eve")),
            evolve(entry, hash="0" * 64),
            evolve(entry, run_id="other"),
        ):
            broken = verify("r", (*entries[:n], changed, *entries[n + 1 :]))
            assert isinstance(broken, Err)
            assert broken.failure().seq == n + 1
        repeated = verify("r", (*entries[: n + 1], entry, *entries[n + 1 :]))
        assert repeated.failure().seq == n + 2
        if n < len(entries) - 1:
            assert verify("r", (*entries[:n], *entries[n + 1 :])).failure().seq == n + 1
            swapped = (*entries[:n], entries[n + 1], entry, *entries[n + 2 :])
            assert verify("r", swapped).failure().seq == n + 1
    foreign = chained("r", EMPTY, facts(9)[8:])
    assert verify("r", (*foreign, *entries[1:])).failure().seq == 2


def test_a_rewritten_chain_shows_against_an_exported_head() -> None:
    """Whoever rewrites everything is caught by a head that was exported before; so is a cut-off tail."""
    entries = chain(5)
    exported = verify("r", entries[:3]).unwrap()
    assert verify("r", entries, exported) == Ok(Head(5, entries[-1].hash))
    forged = chained("r", EMPTY, [evolve(f, reason="forged") for f in facts(5)])
    assert verify("r", forged).unwrap().seq == 5
    assert verify("r", forged, exported).failure().seq == 3
    assert verify("r", entries[:2], exported) == Err(BrokenChain("r", 3, "missing; the exported head has 3 entries"))
    assert verify("r", (), exported).failure().seq == 1
    assert verify("r", (), EMPTY) == Ok(EMPTY)


def test_a_chain_belongs_to_its_run() -> None:
    """The same facts of another run have other hashes, so entries cannot move between runs."""
    assert {e.hash for e in chain(3, "a")}.isdisjoint({e.hash for e in chain(3, "b")})
    moved = tuple(evolve(e, run_id="b") for e in chain(3, "a"))
    assert verify("b", moved).failure().seq == 1


@given(st.text(), st.text())
def test_any_text_can_stand_in_the_ledger(name: str, reason: str) -> None:
    """Names and reasons of any characters are chained and verified."""
    by = Actor(name) if name.strip() else Actor("x")
    entries = chained(name, EMPTY, [Fact(AuditEvent.REJECTED, name, AT, 1, "v1:x", by, reason)])
    assert verify(name, entries).unwrap().seq == 1


@pytest.mark.parametrize("left", [("1", "11"), ("11", "1")])
def test_ids_and_numbers_do_not_run_together(left: tuple[str, str]) -> None:
    """A run id that ends in digits does not make the hash of another run's entry."""
    one, other = (chained(run_id, Head(9, ""), facts(1))[0] for run_id in left)
    assert one.hash != other.hash
