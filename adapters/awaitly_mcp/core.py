"""All that this adapter takes from `awaitly`, imported in one place."""

from __future__ import annotations

from awaitly import (
    Actor,
    Allowed,
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
    Tried,
    UnknownTicket,
    as_timedelta,
    check_versions,
    edit_notice,
)

__all__ = [
    "Actor",
    "Allowed",
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
    "Tried",
    "UnknownTicket",
    "as_timedelta",
    "check_versions",
    "edit_notice",
]
