"""A commit as the JSON text that the functions in the database read; the keys are explained beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeAlias

from awaitly_postgres.core import ApprovalRow, Changes, Conflict, Entry, NoticeRow

__all__ = ["conflict", "encoded", "packed", "unpacked"]

_Members: TypeAlias = dict[str, object]

_HASH = 32
_text = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def encoded(changes: Changes) -> str:
    """Write a commit. Raises `ValueError` where it is about several runs or none, or writes the run's row twice."""
    run_id = changes.run_id
    if not all(run_id == other for other in _run_ids(changes)):
        raise ValueError(f"a commit is about one run, and this one about others than {run_id!r} too")
    members: _Members = {"i": run_id}
    if changes.runs:
        (row,) = changes.runs
        members |= {"v": row.version, "w": row.workflow, "s": row.status, "c": row.created_at, "u": row.updated_at}
        members |= {"d": row.due_at, "b": row.body, "l": row.lane}
    if changes.holds:
        members["h"] = [{"v": hold.version, "d": hold.due_at} for hold in changes.holds]
    if changes.dropped:
        members["x"] = [key for _, key in changes.dropped]
    if changes.steps:
        members["t"] = [{"k": step.key, "b": step.body} for step in changes.steps]
    if changes.approvals:
        members |= _approvals(changes.approvals)
    if changes.notices:
        members |= _notices(changes.notices)
    members |= _ledger(changes)
    if changes.forgotten:
        (hold,) = changes.forgotten
        members["f"] = hold.version
    if changes.wakes:
        members["k"] = True
    return _text(members)


def _run_ids(changes: Changes) -> Iterator[str]:
    ledger = changes.entries + changes.redacted
    beside = (changes.steps, changes.approvals, changes.notices, ledger)
    for parts in (changes.runs, changes.holds, *beside, changes.forgotten):
        for part in parts:
            yield part.run_id
    for run_id, _ in changes.dropped:
        yield run_id


def _approvals(rows: tuple[ApprovalRow, ...]) -> _Members:
    members: dict[str, list[_Members]] = {}
    for row in rows:
        fields: _Members = {"k": row.key, "v": row.version, "w": row.workflow, "o": row.open, "r": row.ready}
        fields |= {"q": row.asked_at, "d": row.deadline, "b": row.body}
        if row.open:
            fields |= {"m": row.audience[0]} if len(row.audience) == 1 else {"g": row.audience}
        members.setdefault("n" if row.version == 1 else "a", []).append(fields)
    crowds = any(row.version == 1 and row.open and len(row.audience) > 1 for row in rows)
    return {**members, "g": True} if crowds else {**members}


def _notices(rows: tuple[NoticeRow, ...]) -> _Members:
    members: dict[str, list[_Members]] = {}
    for row in rows:
        fields: _Members = {"k": row.key, "v": row.version, "c": row.channel, "d": row.due_at, "x": row.dead}
        members.setdefault("o" if row.version == 1 else "p", []).append({**fields, "b": row.body})
    return {**members}


def _ledger(changes: Changes) -> _Members:
    parts = {"e": changes.entries, "z": changes.redacted}
    return {
        name: [{"s": entry.seq, "h": packed(entry.hash).hex(), "b": entry.body} for entry in entries]
        for name, entries in parts.items()
        if entries
    }


def conflict(run_id: str, refusal: list[str | int]) -> Conflict:
    """Say what a refusal of the database means."""
    part, key, found, expected = refusal
    match part:
        case "step":
            return Conflict(run_id, f"step {key!r} is already recorded")
        case "entry":
            return Conflict(run_id, f"the ledger already has an entry {key}")
        case "redacted":
            return Conflict(run_id, f"the ledger has no entry {key} of this hash")
        case "snapshot":
            return Conflict(run_id, "it was changed after the transaction that this commit joins had begun")
        case _:
            return Conflict(run_id, _mismatch("the run" if part == "run" else f"{part} {key!r}", found, expected))


def _mismatch(what: str, found: str | int, expected: str | int) -> str:
    if found == 0:
        return f"{what} does not exist"
    if expected == 0:
        return f"{what} already exists, at version {found}"
    return f"{what} is at version {found}, not {expected}"


def packed(digest: str) -> bytes:
    """Give the 32 bytes of a hash. A text of any other form is kept as it is, behind a zero byte or two."""
    try:
        bare = bytes.fromhex(digest)
    except ValueError:
        bare = b""
    if len(bare) == _HASH and bare.hex() == digest:
        return bare
    marked = b"\0" + digest.encode()
    return marked if len(marked) != _HASH else b"\0" + marked


def unpacked(run_id: str, seq: int, digest: bytes, body: str) -> Entry:
    """Make a ledger entry of its row."""
    text = digest.hex() if len(digest) == _HASH else digest.lstrip(b"\0").decode()
    return Entry(run_id, seq, text, body)
