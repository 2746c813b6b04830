"""One commit as the arguments of its script, and what the script answers."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from awaitly_redis.core import (
    ApprovalRow,
    Changes,
    CommitUnknown,
    Conflict,
    Entry,
    Err,
    Hold,
    NoticeRow,
    Ok,
    Result,
    RunRow,
)
from awaitly_redis.driver import Reply
from awaitly_redis.packing import (
    approval_value,
    entry_value,
    notice_value,
    packed_time,
    packed_version,
    run_header,
)
from awaitly_redis.scripts import script

__all__ = ["COMMIT", "arguments", "is_empty", "outcome"]

COMMIT = script("commit")

_COUNTS = struct.Struct(">9I").pack
_DONE: Result[None, Conflict] = Ok(None)
_APPLIED = (1, 2)


def is_empty(changes: Changes) -> bool:
    """Whether there is nothing to commit."""
    c = changes
    rows = c.runs or c.holds or c.dropped or c.steps or c.approvals or c.notices
    return not (rows or c.entries or c.redacted or c.forgotten)


def arguments(changes: Changes) -> list[bytes]:
    """Give the parts of a commit as the script takes them. Raises `ValueError` where they are of more than one run."""
    run_id = changes.run_id
    parts = [_counts(changes)]
    for run in changes.runs:
        _check(run_id, run.run_id)
        parts += _run(run)
    for hold in changes.holds:
        _check(run_id, hold.run_id)
        parts += _hold(hold)
    for owner, key in changes.dropped:
        _check(run_id, owner)
        parts.append(b"s" + key.encode())
    for step in changes.steps:
        _check(run_id, step.run_id)
        parts += (b"s" + step.key.encode(), step.body.encode())
    for approval in changes.approvals:
        _check(run_id, approval.run_id)
        parts += _approval(approval)
    for notice in changes.notices:
        _check(run_id, notice.run_id)
        parts += _notice(notice)
    for entry in (*changes.entries, *changes.redacted):
        _check(run_id, entry.run_id)
        parts += _entry(entry)
    for hold in changes.forgotten:
        _check(run_id, hold.run_id)
        parts.append(packed_version(hold.version))
    return parts


def _counts(changes: Changes) -> bytes:
    return _COUNTS(
        len(changes.runs),
        len(changes.holds),
        len(changes.dropped),
        len(changes.steps),
        len(changes.approvals),
        len(changes.notices),
        len(changes.entries),
        len(changes.redacted),
        len(changes.forgotten),
    )


def _check(run_id: str, other: str) -> None:
    if run_id != other:
        raise ValueError(f"a commit about two runs, {run_id!r} and {other!r}: make one for each")


def _decimal(micros: int | None) -> bytes:
    return b"" if micros is None else b"%d" % micros


def _run(row: RunRow) -> Sequence[bytes]:
    expected = packed_version(row.version - 1)
    return expected, run_header(row), row.body.encode(), b"%d" % row.updated_at


def _hold(hold: Hold) -> Sequence[bytes]:
    return packed_version(hold.version), b"" if hold.due_at is None else packed_time(hold.due_at)


def _approval(row: ApprovalRow) -> Sequence[bytes]:
    return b"a" + row.key.encode(), packed_version(row.version - 1), approval_value(row), _decimal(row.deadline)


def _notice(row: NoticeRow) -> Sequence[bytes]:
    return b"t" + row.key.encode(), packed_version(row.version - 1), notice_value(row)


def _entry(entry: Entry) -> Sequence[bytes]:
    return b"e" + packed_version(entry.seq), entry_value(entry)


def outcome(changes: Changes, reply: Reply, where: str) -> Result[None, Conflict]:
    """Read the script's answer. Raises `CommitUnknown` where it cannot tell any more."""
    if reply in _APPLIED:
        return _DONE
    match reply:
        case [bytes(kind), int(number), bytes(version)]:
            return Err(_conflict(changes, kind, number, int.from_bytes(version, "big")))
        case _:
            raise CommitUnknown(
                f"the store {where}: the connection was lost before the answer came, and so many commits came after it "
                "that its outcome is no longer known; look whether it stands before you repeat it"
            )


def _conflict(changes: Changes, kind: bytes, number: int, found: int) -> Conflict:
    run_id = changes.run_id
    match kind:
        case b"run":
            what = _mismatch("the run", found, changes.runs[number].version - 1)
        case b"hold":
            what = _mismatch("the run", found, changes.holds[number].version)
        case b"step":
            what = f"step {changes.steps[number].key!r} is already recorded"
        case b"approval":
            approval = changes.approvals[number]
            what = _mismatch(f"approval {approval.key!r}", found, approval.version - 1)
        case b"notice":
            notice = changes.notices[number]
            what = _mismatch(f"notice {notice.key!r}", found, notice.version - 1)
        case b"entry":
            what = f"the ledger already has an entry {changes.entries[number].seq}"
        case b"redacted":
            what = f"the ledger has no entry {changes.redacted[number].seq} of this hash"
        case _:
            what = _mismatch("the run", found, changes.forgotten[number].version)
    return Conflict(run_id, what)


def _mismatch(what: str, found: int, expected: int) -> str:
    if found == 0:
        return f"{what} does not exist"
    if expected == 0:
        return f"{what} already exists, at version {found}"
    return f"{what} is at version {found}, not {expected}"
