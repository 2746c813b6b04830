from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from awaitly import Actor, BrokenChain, Entry, Err, Head, Ok
from awaitly.approvals.audit import EMPTY, AuditEvent, Fact, Part, chained, said, verify, without

AT = datetime(2030, 1, 1, tzinfo=UTC)
ANN = Actor("ann", on_behalf_of="bo")
FACT = Fact(AuditEvent.VOTED, "k", AT, 1, "v1:x", ANN, "r")


def facts(count: int) -> list[Fact]:
    """Make facts that differ."""
    return [
        Fact(AuditEvent.VOTED, f"k{n}", AT, 1, "v1:x", Actor("ann", on_behalf_of="bo"), f"r{n}") for n in range(count)
    ]


def chain(count: int, run_id: str = "r") -> tuple[Entry, ...]:
    """Make a chain."""
    return chained(run_id, EMPTY, facts(count))


CHAIN = chain(5)


@given(st.integers(0, 6), st.integers(0, 6))
def test_a_chain_can_be_made_in_parts(first: int, second: int) -> None:
    """Entries that are added later follow from those before them, as those do that are made at once."""
    one = chain(first)
    head = verify("r", one).unwrap()
    rest = chained("r", head, facts(first + second)[first:])
    together = (*one, *rest)
    assert list(map(said, together)) == list(map(said, chain(first + second)))
    assert verify("r", together) == Ok(Head(first + second, together[-1].hash) if together else EMPTY)


def test_nobody_can_guess_what_a_redacted_entry_said() -> None:
    """The same facts are sealed under other salts each time, so that equal words have no equal digests."""
    one, other = chain(2), chain(2)
    assert list(map(said, one)) == list(map(said, other))
    assert {e.hash for e in one}.isdisjoint(e.hash for e in other)
    assert len({seal for e in (*one, *other) for seal in json.loads(e.body)["sealed"].values()}) == 8


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


def parts_of(entry: Entry) -> dict[str, Any]:
    """Read the text of an entry."""
    parts: dict[str, Any] = json.loads(entry.body)
    return parts


def with_parts(entry: Entry, parts: dict[str, Any]) -> Entry:
    """Write the text of an entry anew, in the form that it has."""
    return evolve(entry, body=json.dumps(parts, separators=(",", ":")))


@pytest.mark.parametrize("part", ["event", "key", "at", "revision", "digest", "via", "sealed"])
def test_each_covered_part_of_an_entry_shows_when_changed(part: str) -> None:
    """Given an entry, when any part under the hash is changed or left out, then the chain breaks there."""
    [entry] = chained("r", EMPTY, [evolve(FACT, by=evolve(ANN, via="mail"))])
    parts = parts_of(entry)
    values: list[Any] = ["other", 7, None, {}]
    for value in values:
        assert verify("r", [with_parts(entry, {**parts, part: value})]).failure().seq == 1
    assert verify("r", [with_parts(entry, {k: v for k, v in parts.items() if k != part})]).failure().seq == 1


@pytest.mark.parametrize(
    "opened",
    [
        {"people": ["salt", {"by": "ann"}]},
        {"people": ["salt"]},
        {"people": 5},
        {"people": {"by": "ann"}},
        {"text": ["", "r"]},
        {"other": ["salt", "x"]},
        [],
        5,
        None,
    ],
    ids=repr,
)
def test_what_stands_open_is_what_was_sealed(opened: Any) -> None:
    """Given an entry, when its people or text are replaced, or something is added, then the chain breaks there."""
    [entry] = chained("r", EMPTY, [FACT])
    beside: dict[str, Any] = parts_of(entry)["open"]
    if isinstance(opened, dict):
        beside.update(cast("dict[str, Any]", opened))
    forgeries: list[Any] = [opened, beside] if isinstance(opened, dict) else [opened]
    for forged in forgeries:
        assert verify("r", [with_parts(entry, {**parts_of(entry), "open": forged})]).failure().seq == 1


def test_what_one_entry_says_does_not_stand_in_another() -> None:
    """Given two entries, when what stands open is exchanged between them, then the chain breaks at the first."""
    one, two = chain(2)
    exchanged = with_parts(one, {**parts_of(one), "open": parts_of(two)["open"]})
    assert verify("r", [exchanged, two]).failure().seq == 1


@given(st.integers(0, 4), st.data())
def test_every_flip_of_a_character_shows(which: int, data: st.DataObject) -> None:
    """Given a chain, when one character of one entry is another, or there twice, or gone, then it breaks there."""
    entries = list(CHAIN)
    body = entries[which].body
    at = data.draw(st.integers(0, len(body) - 1))
    new = data.draw(st.sampled_from(["", body[at] * 2, " " + body[at], "x", "0", '"']).filter(lambda c: c != body[at]))
    entries[which] = evolve(entries[which], body=body[:at] + new + body[at + 1 :])
    assert verify("r", entries).failure().seq == which + 1


def test_a_member_that_stands_twice_shows() -> None:
    """Given an entry, when a member is written twice, the true one last, then it breaks: readers would differ."""
    [entry] = chained("r", EMPTY, [FACT])
    twice = evolve(entry, body=entry.body.replace('{"event":"voted"', '{"event":"rejected","event":"voted"', 1))
    assert twice.body != entry.body
    assert verify("r", [twice]).failure().seq == 1


def test_entries_do_not_move_to_another_run() -> None:
    """Given two runs with chains, when an entry of one takes the place of the other's, then that breaks there."""
    here, there = chain(3, "a"), chain(3, "b")
    for n in range(3):
        for moved in (there[n], evolve(there[n], run_id="a")):
            assert verify("a", (*here[:n], moved, *here[n + 1 :])).failure().seq == n + 1


def test_what_is_inserted_shows() -> None:
    """Given a chain, when an entry is put in anywhere, made on whatever head, then it breaks at that place."""
    entries = chain(4)
    for n in range(4):
        head = Head(n, entries[n - 1].hash) if n else EMPTY
        [put_in] = chained("r", head, [evolve(FACT, reason="put in")])
        assert verify("r", (*entries[:n], put_in, *entries[n:])).failure().seq == n + 2
    replaced = (*entries[:1], *chained("r", Head(1, entries[0].hash), [FACT]), *entries[2:])
    assert verify("r", replaced).failure().seq == 3


def test_a_cut_tail_shows_against_an_exported_head_alone() -> None:
    """Given a chain, when its tail is cut off, then it verifies by itself, and not against a head of before."""
    entries = chain(5)
    exported = verify("r", entries).unwrap()
    for n in range(5):
        assert verify("r", entries[:n]).unwrap().seq == n
        missing = verify("r", entries[:n], exported).failure()
        assert (missing.seq, missing.reason) == (n + 1, "missing; the exported head has 5 entries")
    replaced = (*entries[:4], *chained("r", Head(4, entries[3].hash), [evolve(FACT, reason="other")]))
    assert verify("r", replaced).unwrap().seq == 5
    assert verify("r", replaced, exported).failure().seq == 5


# Redaction


@pytest.mark.parametrize(
    ("parts", "gone", "left"),
    [
        ({Part.TEXT}, ["text"], {"by": "ann", "on_behalf_of": "bo", "to": ["dan"]}),
        ({Part.PEOPLE}, ["people"], {"reason": "because"}),
        (set(Part), ["people", "text"], {}),
    ],
)
def test_redaction_keeps_the_chain_and_shows(parts: set[Part], gone: list[str], left: dict[str, Any]) -> None:
    """Given a chain, when text or people of an entry are redacted, then it holds, and the entry says what is gone."""
    before = chained("r", EMPTY, [evolve(FACT, reason="because", to=("dan",))] * 3)
    entries = (before[0], without(before[1], parts), before[2])
    assert verify("r", entries, Head(3, before[2].hash)) == Ok(Head(3, before[2].hash))
    shown = said(entries[1])
    assert shown.pop("redacted") == gone
    assert {name: shown[name] for name in shown if name in ("by", "on_behalf_of", "to", "reason")} == left
    assert "redacted" not in said(entries[0])
    for word in ["because"] * (Part.TEXT in parts) + ["ann", "bo", "dan"] * (Part.PEOPLE in parts):
        assert word not in entries[1].body


def test_redaction_twice_and_of_nothing_is_no_news() -> None:
    """Given an entry, when what is gone, or was never there, is redacted, then it is the very same entry."""
    [entry, bare] = chained("r", EMPTY, [FACT, Fact(AuditEvent.CONSUMED, "k", AT, 1, "v1:x")])
    once = without(entry, {Part.TEXT})
    assert without(once, {Part.TEXT}) is once
    assert without(once, ()) is once
    assert without(bare, set(Part)) is bare
    assert without(once, {Part.PEOPLE}) == without(entry, set(Part))


def test_what_was_redacted_cannot_be_made_up() -> None:
    """Given a redacted entry, when other words are put there, then the chain breaks at it."""
    [entry] = chained("r", EMPTY, [FACT])
    salt = parts_of(entry)["open"]["text"][0]
    bare = without(entry, {Part.TEXT})
    opened = {**parts_of(bare)["open"], "text": [salt, "other words"]}
    assert verify("r", [with_parts(bare, {**parts_of(bare), "open": opened})]).failure().seq == 1
    assert verify("r", [with_parts(bare, parts_of(entry))]) == Ok(Head(1, entry.hash))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "x",
        "[]",
        "5",
        "null",
        '"x"',
        '{"open":5}',
        '{"open":[1]}',
        '{"open":{"people":5}}',
        '{"open":{"people":["salt"]}}',
        '{"open":{"people":["salt","ann"]}}',
        '{"open":{"other":["salt","x"]}}',
        '{"sealed":5}',
        "[" * 100_000,
    ],
    ids=lambda body: body[:40],
)
def test_what_is_no_entry_is_read_as_none(body: str) -> None:
    """Given a text that is no entry, when it is verified, then broken; read or redacted, then `ValueError`."""
    entry = Entry("r", 1, "0" * 64, body)
    assert verify("r", [entry]).failure().seq == 1
    with pytest.raises(ValueError, match=r"."):
        said(entry)
    with pytest.raises(ValueError, match=r"."):
        without(entry, set(Part))


def test_an_entry_of_a_broken_chain_can_still_be_read_and_redacted() -> None:
    """Given an entry with another hash, when it is read or redacted, then it is; what is broken stays so."""
    one, two = chain(2)
    broken = evolve(one, hash="0" * 64)
    assert said(broken) == said(one)
    bare = without(broken, {Part.TEXT})
    assert (bare.hash, said(bare)["redacted"]) == ("0" * 64, ["text"])
    assert verify("r", [bare, two]) == Err(
        BrokenChain("r", 1, "its hash does not cover its content and the entries before it")
    )


def test_what_is_open_does_not_pass_for_what_is_covered() -> None:
    """Given forged people that call themselves an event, when the entry is read, then the event is the covered one."""
    [entry] = chained("r", EMPTY, [FACT])
    forged = with_parts(entry, {**parts_of(entry), "open": {"people": ["", {"by": "eve", "event": "approved"}]}})
    assert (said(forged)["event"], said(forged)["by"]) == ("voted", "eve")


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
