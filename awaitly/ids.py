"""Names: run ids made here, and the rule for those that callers bring."""

from __future__ import annotations

import os
import time

from awaitly.exceptions import DefinitionError

__all__ = [
    "ABSENCES",
    "GRANTS",
    "LONGEST_NAME",
    "SCHEDULES",
    "TICKETS",
    "checked_name",
    "checked_run_id",
    "is_no_id",
    "is_of_no_run",
    "new_run_id",
]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LONGEST_NAME = 200
ABSENCES = "absence:"
"""How the ids of rows begin that stand for somebody's absence, and of nothing else."""
GRANTS = "grant:"
"""How the ids of standing grants begin, and of nothing else."""
SCHEDULES = "schedule:"
"""How the ids of schedules begin, and of nothing else."""
TICKETS = "call:"
"""How the ids of tickets begin, under which tool calls wait."""


def new_run_id() -> str:
    """Make an id of 26 characters: 48 bits of milliseconds, so that ids sort by age, then 80 random bits."""
    number = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10), "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def checked_name(kind: str, name: str) -> str:
    """Give `name` back if it can be a run id, a key or a workflow's name in every store; raises `DefinitionError`."""
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or name != name.strip():
        msg = f"{kind} must be 1 to {LONGEST_NAME} printable characters without outer blanks, not {name[:40]!r}"
        raise DefinitionError(msg)
    return name


def is_no_id(run_id: str) -> bool:
    """Whether no run can have this id, in any store: some cannot even be asked for NUL or half a surrogate pair."""
    return not run_id.isprintable()


def is_of_no_run(run_id: str) -> bool:
    """Whether a row that stands among the runs is none, nor a schedule: it is an absence, or a standing grant."""
    return run_id.startswith((ABSENCES, GRANTS))


def checked_run_id(run_id: str) -> str:
    """Give an id back if a run can have it; raises `DefinitionError`."""
    for prefix, what in ((SCHEDULES, "schedules"), (ABSENCES, "absences"), (GRANTS, "standing grants")):
        if run_id.startswith(prefix):
            msg = f"a run id must not begin with {prefix!r}, as those of {what} do: {run_id[:40]!r}"
            raise DefinitionError(msg)
    return checked_name("a run id", run_id)
