"""The ledger: who was asked, voted, edited, decided; one chain of hashes per run.

The chain makes tampering evident, it does not prevent it: whoever can rewrite the whole chain can rewrite history, and
a cut-off tail shows only against a head that was exported before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum, unique
from hashlib import sha256

from attrs import frozen

from awaitly.actors import Actor
from awaitly.approval import Approval
from awaitly.coding.texts import writer
from awaitly.durations import to_micros
from awaitly.result import Err, Ok, Result

__all__ = ["AuditEvent", "BrokenChain", "Entry", "Fact", "Head", "chained", "fact", "verify"]


@unique
class AuditEvent(Enum):
    """What can happen to an approval."""

    ASKED = "asked"
    VOTED = "voted"
    EDITED = "edited"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    CONSUMED = "consumed"


@frozen
class Fact:
    """Something that happened to an approval and is not yet in the chain. The content itself is never in the ledger."""

    event: AuditEvent
    key: str
    at: datetime
    revision: int
    digest: str
    by: Actor | None = None
    reason: str | None = None


@frozen
class Head:
    """The end of a run's chain: how many entries it has, and the hash of the last."""

    seq: int = 0
    hash: str = ""


EMPTY = Head()

_dumps = writer(json.JSONEncoder(separators=(",", ":"), check_circular=False))


@frozen
class Entry:
    """One link: `body` is the JSON text of a fact, `hash` covers it and everything before it."""

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
    event: AuditEvent, approval: Approval, at: datetime, by: Actor | None = None, reason: str | None = None
) -> Fact:
    """Note that something happened to an approval, at its current revision."""
    return Fact(event, approval.key, at, approval.revision, approval.digest, by, reason)


def _body(fact: Fact) -> str:
    members: dict[str, object] = {
        "event": fact.event.value,
        "key": fact.key,
        "at": to_micros(fact.at),
        "revision": fact.revision,
        "digest": fact.digest,
    }
    if fact.by is not None:
        members["by"] = fact.by.name
        if fact.by.on_behalf_of is not None:
            members["on_behalf_of"] = fact.by.on_behalf_of
    if fact.reason is not None:
        members["reason"] = fact.reason
    return _dumps(members)


def _link(run_id: str, seq: int, previous: str, body: str) -> str:
    return sha256(f"{len(run_id)}:{run_id}{seq}:{previous}:{body}".encode("utf-8", "surrogatepass")).hexdigest()


def chained(run_id: str, head: Head, facts: Iterable[Fact]) -> tuple[Entry, ...]:
    """Link facts to the end of a run's chain."""
    entries: list[Entry] = []
    for seq, body in enumerate(map(_body, facts), start=head.seq + 1):
        head = Head(seq, _link(run_id, seq, head.hash, body))
        entries.append(Entry(run_id, seq, head.hash, body))
    return tuple(entries)


def verify(run_id: str, entries: Sequence[Entry], exported: Head | None = None) -> Result[Head, BrokenChain]:
    """Check that every entry follows from those before it, and that the chain still contains an exported head."""
    head = EMPTY
    for entry in entries:
        if entry.seq != head.seq + 1:
            return Err(BrokenChain(run_id, head.seq + 1, f"missing; entry {entry.seq} stands in its place"))
        if entry.run_id != run_id or entry.hash != _link(run_id, entry.seq, head.hash, entry.body):
            return Err(BrokenChain(run_id, entry.seq, "its hash does not cover its content and the entries before it"))
        head = Head(entry.seq, entry.hash)
        if exported is not None and exported.seq == head.seq and exported.hash != head.hash:
            return Err(BrokenChain(run_id, entry.seq, "it is not the entry whose hash was exported"))
    if exported is not None and exported.seq > head.seq:
        return Err(BrokenChain(run_id, head.seq + 1, f"missing; the exported head has {exported.seq} entries"))
    return Ok(head)
