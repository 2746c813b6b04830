"""All that this adapter takes from `awaitly`, imported in one place."""

from __future__ import annotations

from awaitly import (
    Actor,
    Allowed,
    Codec,
    DefinitionError,
    Err,
    Gate,
    GateInterruption,
    Ok,
    PendingApproval,
    Performed,
    Result,
    TamperedCall,
    ToolCall,
    Tried,
    UnknownTicket,
    check_versions,
    clipped,
    edit_notice,
)

__all__ = [
    "Actor",
    "Allowed",
    "Codec",
    "DefinitionError",
    "Err",
    "Gate",
    "GateInterruption",
    "Ok",
    "PendingApproval",
    "Performed",
    "Result",
    "TamperedCall",
    "ToolCall",
    "Tried",
    "UnknownTicket",
    "check_versions",
    "clipped",
    "edit_notice",
]
