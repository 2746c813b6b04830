"""Reading what belongs to one run."""

from __future__ import annotations

from collections.abc import Callable

from awaitly_redis.core import ApprovalRow, Entry, Found, RunRow, StepRow
from awaitly_redis.packing import pairs, parts_of, read_approval, read_entry, read_run, read_step
from awaitly_redis.scripts import script

__all__ = ["LOAD", "approval_order", "entries_in", "found_in", "micros_of"]

LOAD = script("load")

_RUN, _BODY, _STEP, _APPROVAL, _ENTRY = b"rbsae"


def micros_of(seconds: bytes, micros: bytes) -> int:
    """Give the time that a server tells in two parts."""
    return int(seconds) * 1_000_000 + int(micros)


def found_in(run_id: str, reply: bytes, clock: Callable[[], int] | None) -> Found:
    """Give all that a script has read of a run; `clock` is asked instead of the server's where it is given."""
    parts = parts_of(reply)
    now = micros_of(parts[0], parts[1]) if clock is None else clock()
    header, body, head = b"", b"", None
    steps: list[tuple[int, StepRow]] = []
    approvals: list[ApprovalRow] = []
    for field, value in pairs(parts[2:]):
        kind = field[0]
        if kind == _STEP:
            steps.append(read_step(run_id, field, value))
        elif kind == _APPROVAL:
            approvals.append(read_approval(run_id, field[1:].decode(), value))
        elif kind == _ENTRY:
            head = read_entry(run_id, field, value)
        elif kind == _RUN:
            header = value
        elif kind == _BODY:
            body = value
    run = _run(run_id, header, body)
    return Found(now, run, _in_order(steps), tuple(sorted(approvals, key=approval_order)), head)


def _run(run_id: str, header: bytes, body: bytes) -> RunRow | None:
    return read_run(run_id, header, body) if header else None


def _in_order(steps: list[tuple[int, StepRow]]) -> tuple[StepRow, ...]:
    steps.sort(key=_number)
    return tuple([step for _, step in steps])


def _number(step: tuple[int, StepRow]) -> int:
    return step[0]


def approval_order(row: ApprovalRow) -> tuple[int, str, str]:
    """Give where an approval stands in a listing."""
    return row.asked_at, row.run_id, row.key


def entries_in(run_id: str, reply: bytes) -> tuple[Entry, ...]:
    """Give the ledger that a script has read."""
    fields = sorted(pairs(parts_of(reply)[2:]))
    return tuple([read_entry(run_id, field, value) for field, value in fields])
