"""The exit codes, and which refusal means which."""

from __future__ import annotations

from enum import IntEnum, unique

from awaitly.approvals.audit import BrokenChain
from awaitly.errors import (
    AlreadyDecided,
    AlreadySent,
    Expired,
    RunConflict,
    RunEnded,
    StaleRevision,
    UnknownApproval,
    UnknownNotice,
    UnknownPromise,
    UnknownRun,
    UnknownSchedule,
)
from awaitly.exceptions import UnknownStore

__all__ = ["EPILOG", "ExitCode", "code_of"]


@unique
class ExitCode(IntEnum):
    """What the shell gets."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    UNKNOWN = 3
    CONFLICT = 4
    STORE = 5
    LEDGER = 6
    BUG = 70
    OUTPUT = 74
    INTERRUPTED = 130


_MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.REFUSED: "refused: the policy, the schema or the run's state does not allow it; doctor, rules: a misfit",
    ExitCode.USAGE: "the command line, or the store's URL in it, is wrong",
    ExitCode.UNKNOWN: "no such run, approval, promise, schedule or notice",
    ExitCode.CONFLICT: "too late: decided, answered, changed, expired or ended before",
    ExitCode.STORE: "the store is missing, locked, read-only, full, damaged or too new",
    ExitCode.LEDGER: "a ledger is broken",
    ExitCode.BUG: "a defect in awaitly",
    ExitCode.OUTPUT: "the answer could not be written",
    ExitCode.INTERRUPTED: "interrupted",
}

EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in _MEANINGS.items())

_CODES: dict[type, ExitCode] = {
    UnknownRun: ExitCode.UNKNOWN,
    UnknownApproval: ExitCode.UNKNOWN,
    UnknownSchedule: ExitCode.UNKNOWN,
    UnknownNotice: ExitCode.UNKNOWN,
    UnknownPromise: ExitCode.UNKNOWN,
    AlreadyDecided: ExitCode.CONFLICT,
    AlreadySent: ExitCode.CONFLICT,
    Expired: ExitCode.CONFLICT,
    RunConflict: ExitCode.CONFLICT,
    RunEnded: ExitCode.CONFLICT,
    StaleRevision: ExitCode.CONFLICT,
    BrokenChain: ExitCode.LEDGER,
    UnknownStore: ExitCode.USAGE,
}


def code_of(kind: type, otherwise: ExitCode) -> ExitCode:
    """Give the exit code of a kind of error."""
    return _CODES.get(kind, otherwise)
