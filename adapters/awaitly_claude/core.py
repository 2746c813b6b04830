"""All that this adapter takes from `awaitly`, imported in one place."""

from __future__ import annotations

from awaitly import (
    Actor,
    Allowed,
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
    keepable,
)

__all__ = [
    "Actor",
    "Allowed",
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
    "keepable",
]
