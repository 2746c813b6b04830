"""The ledger: who was asked, saw, voted, edited, decided; one chain of hashes per run.

The chain makes tampering evident, it does not prevent it: whoever can rewrite the whole chain can rewrite history, and
a cut-off tail shows only against a head that was exported before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum, unique
from hashlib import sha256
from typing import Any

from awaitly.actors import Actor
from awaitly.approvals.approval import Approval
from awaitly.changing import quick
from awaitly.coding.texts import writer
from awaitly.durations import to_micros
from awaitly.result import Err, Ok, Result
from awaitly.values import frozen

__all__ = ["AuditEvent", "BrokenChain", "Entry", "Fact", "Head", "Part", "chained", "fact", "said", "verify", "without"]


@unique
class AuditEvent(Enum):
    """What can happen to an approval, and to a call that may run at most once."""

    ASKED = "asked"
    SEEN = "seen"
    CLAIMED = "claimed"
    RELEASED = "released"
    DELEGATED = "delegated"
    REASSIGNED = "reassigned"
    COMMENTED = "commented"
    INQUIRED = "inquired"
    ANSWERED = "answered"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    SPOOFED = "spoofed"
    """A request said that somebody else acts than who sent it, and was refused."""
    VOTED = "voted"
    """For it."""
    OPPOSED = "opposed"
    """A vote against it, which did not suffice to reject, or the one that did."""
    EDITED = "edited"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    CONSUMED = "consumed"
    SETTLED = "settled"
    """What came of a call that may run at most once, as a person says: `digest` is that of its arguments."""


@quick
@frozen
class Fact:
    """Something that happened to an approval and is not yet in the chain. The content itself is never in the ledger.

    `to` names those whom it concerns: a delegate, those to whom it escalated.
    """

    event: AuditEvent
    key: str
    at: datetime
    revision: int
    digest: str
    by: Actor | None = None
    reason: str | None = None
    to: tuple[str, ...] = ()


@frozen
class Head:
    """The end of a run's chain: how many entries it has, and the hash of the last."""

    seq: int = 0
    hash: str = ""


EMPTY = Head()

_dumps = writer(json.JSONEncoder(separators=(",", ":"), check_circular=False))


@unique
class Part(Enum):
    """What of an entry can be redacted: who was concerned, and what was said."""

    PEOPLE = "people"
    TEXT = "text"


@frozen
class Entry:
    """One link: `body` is the JSON text of a fact, `hash` covers it and everything before it.

    Of people and texts the hash covers a salted digest alone, so that they can be redacted and the chain still holds.
    """

    run_id: str
    seq: int
    hash: str
    body: str


@frozen
class BrokenChain:
    """The chain was changed: entry `seq` is the first that does not follow from those before it."""

    run_id: str
    seq: int
    reason: str

    def __str__(self) -> str:
        return f"the ledger of run {self.run_id} is broken at entry {self.seq}: {self.reason}"


def fact(
    event: AuditEvent,
    approval: Approval,
    at: datetime,
    by: Actor | None = None,
    reason: str | None = None,
    to: tuple[str, ...] = (),
) -> Fact:
    """Note that something happened to an approval, at its current revision."""
    return Fact(event, approval.key, at, approval.revision, approval.digest, by, reason, to)


# What an entry is made of: `sealed` has the digests of what `open` has in the clear


def _body(fact: Fact) -> tuple[str, str]:
    """Write a fact: what the hash covers, and all of it."""
    members: dict[str, object] = {
        "event": fact.event.value,
        "key": fact.key,
        "at": to_micros(fact.at),
        "revision": fact.revision,
        "digest": fact.digest,
    }
    if fact.by is not None and fact.by.via is not None:
        members["via"] = fact.by.via
    text = _dumps(members)
    sealed, clear = "", ""
    for part, said in _said(fact):
        if said:
            salt, shown, comma = os.urandom(8).hex(), _dumps(said), "," if sealed else ""
            sealed += f'{comma}"{part}":"{_seal(salt, shown)}"'
            clear += f'{comma}"{part}":["{salt}",{shown}]'
    if not sealed:
        return text, text
    covered = f'{text[:-1]},"sealed":{{{sealed}}}}}'
    return covered, f'{covered[:-1]},"open":{{{clear}}}}}'


_PEOPLE, _TEXT = Part.PEOPLE.value, Part.TEXT.value


def _said(fact: Fact) -> tuple[tuple[str, object], ...]:
    people: dict[str, object] = {}
    if fact.by is not None:
        people["by"] = fact.by.name
        if fact.by.on_behalf_of is not None:
            people["on_behalf_of"] = fact.by.on_behalf_of
    if fact.to:
        people["to"] = fact.to
    return (_PEOPLE, people), (_TEXT, fact.reason)


def _seal(salt: str, said: str) -> str:
    """Give what stands for something that was said, which is given as JSON text."""
    return sha256(f"{salt}:{said}".encode()).hexdigest()


def _covered(body: str) -> str | None:
    """Give what the hash of an entry covers; None where what stands open is not what was sealed.

    An entry has one text: what says the same in another, by a space or by a member twice, is not what was written.
    """
    try:
        members, opened = _read(body)
        sealed = members.get("sealed", {})
        true = all(_seal(salt, _dumps(said)) == sealed.get(part) for part, (salt, said) in opened.items())
        return _dumps(members) if true and _written(members, opened) == body else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _read(body: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read an entry: what is covered, and what stands open. Raises `ValueError` where it is none."""
    try:
        members: dict[str, Any] = {**json.loads(body)}
        opened: dict[str, Any] = {**members.pop("open", {})}
        for part, (_, said) in opened.items():
            if Part(part) is Part.PEOPLE:
                dict(said)
        set(members.get("sealed", {}))
    except (TypeError, RecursionError) as exc:
        msg = f"no entry of a ledger: {exc}"
        raise ValueError(msg) from exc
    return members, opened


def _written(members: Mapping[str, Any], opened: Mapping[str, Any]) -> str:
    return _dumps({**members, "open": opened} if opened else members)


def said(entry: Entry) -> dict[str, Any]:
    """Read an entry: `event`, `key`, `at` (microseconds), `revision`, `digest`, `via`, and what of it is not redacted.

    That is `by`, `on_behalf_of`, `to` and `reason`; `redacted` names the parts that were there and are no more. Raises
    `ValueError` where the entry is none.
    """
    members, opened = _read(entry.body)
    gone = sorted(set(members.pop("sealed", {})) - set(opened))
    if Part.PEOPLE.value in opened:
        people = opened[Part.PEOPLE.value][1]
        members.update((name, people[name]) for name in ("by", "on_behalf_of", "to") if name in people)
    if Part.TEXT.value in opened:
        members["reason"] = opened[Part.TEXT.value][1]
    return {**members, **({"redacted": gone} if gone else {})}


def without(entry: Entry, parts: Collection[Part]) -> Entry:
    """Give an entry with some of its parts redacted, under the same hash. Raises `ValueError` where it is none."""
    members, opened = _read(entry.body)
    left = {name: part for name, part in opened.items() if Part(name) not in parts}
    if len(left) == len(opened):
        return entry
    return Entry(entry.run_id, entry.seq, entry.hash, _written(members, left))


def _link(run_id: str, seq: int, previous: str, covered: str) -> str:
    return sha256(f"{len(run_id)}:{run_id}{seq}:{previous}:{covered}".encode("utf-8", "surrogatepass")).hexdigest()


def chained(run_id: str, head: Head, facts: Iterable[Fact]) -> tuple[Entry, ...]:
    """Link facts to the end of a run's chain."""
    entries: list[Entry] = []
    for seq, (covered, body) in enumerate(map(_body, facts), start=head.seq + 1):
        head = Head(seq, _link(run_id, seq, head.hash, covered))
        entries.append(Entry(run_id, seq, head.hash, body))
    return tuple(entries)


def verify(run_id: str, entries: Sequence[Entry], exported: Head | None = None) -> Result[Head, BrokenChain]:
    """Check that every entry follows from those before it, and that the chain still contains an exported head."""
    head = EMPTY
    for entry in entries:
        if entry.seq != head.seq + 1:
            return Err(BrokenChain(run_id, head.seq + 1, f"missing; entry {entry.seq} stands in its place"))
        covered = _covered(entry.body)
        if entry.run_id != run_id or covered is None or entry.hash != _link(run_id, entry.seq, head.hash, covered):
            return Err(BrokenChain(run_id, entry.seq, "its hash does not cover its content and the entries before it"))
        head = Head(entry.seq, entry.hash)
        if exported is not None and exported.seq == head.seq and exported.hash != head.hash:
            return Err(BrokenChain(run_id, entry.seq, "it is not the entry whose hash was exported"))
    if exported is not None and exported.seq > head.seq:
        return Err(BrokenChain(run_id, head.seq + 1, f"missing; the exported head has {exported.seq} entries"))
    return Ok(head)
