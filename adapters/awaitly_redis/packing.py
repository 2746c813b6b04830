"""Rows as Redis keeps them: what is found or compared by stands in front in fixed places, the body behind.

Times and versions are 8 bytes, big end first, so that sorted sets order them; `lua/shared.lua` knows the same places.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from awaitly_redis.core import ApprovalRow, Entry, NoticeRow, RunRow, StepRow

__all__ = [
    "approval_place",
    "approval_value",
    "entry_value",
    "notice_place",
    "notice_value",
    "packed_time",
    "packed_version",
    "pairs",
    "parts_of",
    "read_approval",
    "read_approval_place",
    "read_entry",
    "read_notice",
    "read_notice_place",
    "read_run",
    "read_run_place",
    "read_step",
    "read_time",
    "run_header",
    "run_place",
    "sized",
]

_BIAS = 1 << 63
_LATEST = b"\xff" * 8
_EIGHT = struct.Struct(">Q")
_LENGTH = struct.Struct(">I")
_RUN = struct.Struct(">Q8sQ")
_APPROVAL = struct.Struct(">QB8sIH")
_NOTICE = struct.Struct(">Q?8s")
_HASH_LENGTH = 32
_ARRAYS = {0xDC: 3, 0xDD: 5}
"""Where the first part begins, behind the number of parts; where that is small it takes one byte."""
_SIZES = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_SHORT = 0xA0
"""How many bytes the length of a text takes; where it is small it stands in the kind itself, counted from here."""
_OPEN, _READY = 1, 2

packed_version = _EIGHT.pack


def packed_time(micros: int | None) -> bytes:
    """Give a time as 8 bytes that sort as it does; that of no time sorts last."""
    return _LATEST if micros is None else _EIGHT.pack(micros + _BIAS)


def read_time(packed: bytes) -> int | None:
    """Read what `packed_time` wrote."""
    return None if packed == _LATEST else _EIGHT.unpack(packed)[0] - _BIAS


def parts_of(joined: bytes) -> list[bytes]:
    """Take apart what a script's `joined` put together: MessagePack's array of texts."""
    at = _ARRAYS.get(joined[0], 1)
    end, sizes = len(joined), _SIZES
    parts: list[bytes] = []
    while at < end:
        kind = joined[at]
        at += 1
        size = sizes.get(kind)
        if size is None:
            start, at = at, at + kind - _SHORT
        else:
            start = at + size
            at = start + int.from_bytes(joined[at:start], "big")
        parts.append(joined[start:at])
    return parts


def sized(text: str) -> bytes:
    """Give a text behind its length, so that none begins another."""
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def run_header(row: RunRow) -> bytes:
    """Give what a run is found by: version, due, updated, lane, status, workflow, created."""
    return (
        _RUN.pack(row.version, packed_time(row.due_at), row.updated_at + _BIAS)
        + sized(row.lane)
        + sized(row.status)
        + sized(row.workflow)
        + _EIGHT.pack(row.created_at + _BIAS)
    )


def read_run(run_id: str, header: bytes, body: bytes) -> RunRow:
    """Make a run's row of its header and body."""
    version, due, updated = _RUN.unpack_from(header)
    lane, at = _text(header, _RUN.size)
    status, at = _text(header, at)
    workflow, at = _text(header, at)
    created: int = _EIGHT.unpack_from(header, at)[0] - _BIAS
    return RunRow(run_id, version, workflow, status, created, updated - _BIAS, read_time(due), body.decode(), lane)


def _text(packed: bytes, at: int) -> tuple[str, int]:
    start = at + 2
    end = start + int.from_bytes(packed[at:start], "big")
    return packed[start:end].decode(), end


def approval_value(row: ApprovalRow) -> bytes:
    """Give an approval: version, open and ready, deadline, workflow, asked, audience, body."""
    workflow = row.workflow.encode()
    flags = _OPEN * row.open | _READY * row.ready
    audience = b"".join(map(sized, row.audience))
    return b"%b%b%b%b%b" % (
        _APPROVAL.pack(row.version, flags, packed_time(row.deadline), len(audience), len(workflow)),
        workflow,
        _EIGHT.pack(row.asked_at + _BIAS),
        audience,
        row.body.encode(),
    )


def read_approval(run_id: str, key: str, value: bytes) -> ApprovalRow:
    """Make an approval's row of its value."""
    version, flags, deadline, audience_length, length = _APPROVAL.unpack_from(value)
    asked_at = _APPROVAL.size + length
    workflow = value[_APPROVAL.size : asked_at].decode()
    asked: int = _EIGHT.unpack_from(value, asked_at)[0] - _BIAS
    is_open, ready = bool(flags & _OPEN), bool(flags & _READY)
    end = asked_at + 8 + audience_length
    body, audience = value[end:].decode(), _names(value, asked_at + 8, end)
    return ApprovalRow(run_id, key, version, workflow, is_open, ready, asked, read_time(deadline), body, audience)


def _names(packed: bytes, at: int, end: int) -> tuple[str, ...]:
    names: list[str] = []
    while at < end:
        name, at = _text(packed, at)
        names.append(name)
    return tuple(names)


def notice_value(row: NoticeRow) -> bytes:
    """Give a notice: version, dead, due, channel, body."""
    return _NOTICE.pack(row.version, row.dead, packed_time(row.due_at)) + sized(row.channel) + row.body.encode()


def read_notice(run_id: str, field: bytes, value: bytes) -> NoticeRow:
    """Make a notice's row of its field, which holds its key, and its value."""
    version, dead, due = _NOTICE.unpack_from(value)
    channel, end = _text(value, _NOTICE.size)
    return NoticeRow(run_id, field[1:].decode(), version, channel, read_time(due), dead, value[end:].decode())


def entry_value(entry: Entry) -> bytes:
    """Give an entry: its hash, then its body. A hash of 64 digits is kept as the 32 bytes they mean, behind a zero."""
    digest = _digest(entry.hash)
    if digest is not None:
        return b"\0\0" + digest + entry.body.encode()
    text = entry.hash.encode()
    return (len(text) + 1).to_bytes(2, "big") + text + entry.body.encode()


def _digest(text: str) -> bytes | None:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        return None
    return digest if len(digest) == _HASH_LENGTH and digest.hex() == text else None


def read_entry(run_id: str, field: bytes, value: bytes) -> Entry:
    """Make an entry of its field, which holds its number, and its value."""
    length = int.from_bytes(value[:2], "big")
    end = 2 + (length - 1 if length else _HASH_LENGTH)
    text = value[2:end].decode() if length else value[2:end].hex()
    return Entry(run_id, _EIGHT.unpack_from(field, 1)[0], text, value[end:].decode())


def read_step(run_id: str, field: bytes, value: bytes) -> tuple[int, StepRow]:
    """Make a step's row, and give its place among the recorded ones."""
    return _LENGTH.unpack_from(value)[0], StepRow(run_id, field[1:].decode(), value[4:].decode())


def run_place(created_at: int, run_id: str) -> bytes:
    """Give where a run stands in a listing."""
    return packed_time(created_at) + run_id.encode()


def read_run_place(place: bytes) -> tuple[int, str]:
    """Read when a run was created, and its id."""
    return _EIGHT.unpack_from(place)[0] - _BIAS, place[8:].decode()


def approval_place(at: int, run_id: str, key: str) -> bytes:
    """Give where an approval stands in a listing by this time of it."""
    return packed_time(at) + run_id.encode() + b"\0" + key.encode()


def read_approval_place(place: bytes) -> tuple[int, str, str]:
    """Read the time by which an approval is listed, its run's id and its key."""
    run_id, _, key = place[8:].partition(b"\0")
    return _EIGHT.unpack_from(place)[0] - _BIAS, run_id.decode(), key.decode()


def notice_place(run_id: str, key: str) -> bytes:
    """Give where a notice stands in a listing, behind its time where that counts."""
    return run_id.encode() + b"\0" + key.encode()


def read_notice_place(place: bytes) -> tuple[str, str]:
    """Read a notice's run and key."""
    run_id, _, key = place.partition(b"\0")
    return run_id.decode(), key.decode()


def pairs(parts: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Go through parts two by two."""
    return zip(parts[::2], parts[1::2], strict=True)
