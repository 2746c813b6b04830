"""Why a tool call is not made, or not known to have been made: frozen values, with words for people and models."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

from awaitly.durations import spoken
from awaitly.errors import (
    ApprovalExpired,
    ApprovalRejected,
    DurabilityUnknown,
    NeedsReview,
    PendingApproval,
    RunCancelled,
    RunConflict,
    UnexpectedError,
    WorkflowChanged,
)
from awaitly.values import frozen

__all__ = [
    "CallDenied",
    "CallRefusal",
    "GateInterruption",
    "InvalidCall",
    "OutcomeUnknown",
    "TamperedCall",
    "TooManyQuestions",
    "UnknownTicket",
]


@frozen
class InvalidCall:
    """The arguments are not what the tool takes; `path` names the offender. Nothing was asked and nothing ran."""

    tool: str
    path: str
    reason: str

    def __str__(self) -> str:
        place = "" if self.path == "$" else f", at {self.path}"
        return f"the call of {self.tool} was refused{place}: {self.reason}"


@frozen
class CallDenied:
    """A rule forbids the call: nobody is asked, and it is not made."""

    tool: str
    reason: str

    def __str__(self) -> str:
        return f"the call of {self.tool} is not allowed: {self.reason}"


@frozen
class TamperedCall:
    """The call is not the one that the ticket is for: another tool, other arguments, or somebody else's."""

    ticket: str
    tool: str

    def __str__(self) -> str:
        return f"this call of {self.tool} is not the one that ticket {self.ticket} is for, so it was not made"


@frozen
class TooManyQuestions:
    """The agent has asked people `limit` times within `window`; it may ask again later."""

    agent: str
    limit: int
    window: timedelta

    def __str__(self) -> str:
        return f"{self.agent} has put {self.limit} calls before people within {spoken(self.window)}: ask again later"


@frozen
class UnknownTicket:
    """There is no such ticket in this store."""

    ticket: str

    def __str__(self) -> str:
        return f"no ticket {self.ticket!r} in this store"


@frozen
class OutcomeUnknown:
    """A process died while it made the call: it may have happened or not, and is not made again by itself."""

    ticket: str
    tool: str

    def __str__(self) -> str:
        return (
            f"nobody knows whether {self.tool} (ticket {self.ticket}) was executed: the process that called it died. "
            "It is not called again; a person has to find out, and to say so"
        )


CallRefusal: TypeAlias = InvalidCall | CallDenied | TooManyQuestions | DurabilityUnknown
"""Why nobody was asked about a call, which was not made either."""

GateInterruption: TypeAlias = (
    CallRefusal
    | PendingApproval
    | ApprovalRejected
    | ApprovalExpired
    | TamperedCall
    | UnknownTicket
    | OutcomeUnknown
    | RunCancelled
    | RunConflict
    | NeedsReview
    | WorkflowChanged
    | UnexpectedError
)
"""Every reason for which a call has no result of its own: the gate's, people's, or an exception of the tool's."""
