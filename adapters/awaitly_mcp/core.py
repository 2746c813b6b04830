"""All that this adapter takes from `awaitly`, imported in one place."""

from __future__ import annotations

from awaitly import (
    Actor,
    Allowed,
    AskPeople,
    DefinitionError,
    Duration,
    Err,
    Gate,
    Ok,
    Orchestrator,
    OutcomeUnknown,
    PendingApproval,
    Performed,
    Result,
    RunRecord,
    StoreError,
    ToolCall,
    UnknownTicket,
    as_timedelta,
    clipped,
)

__all__ = [
    "Actor",
    "Allowed",
    "AskPeople",
    "DefinitionError",
    "Duration",
    "Err",
    "Gate",
    "Ok",
    "Orchestrator",
    "OutcomeUnknown",
    "PendingApproval",
    "Performed",
    "Result",
    "RunRecord",
    "StoreError",
    "ToolCall",
    "UnknownTicket",
    "as_timedelta",
    "clipped",
]
