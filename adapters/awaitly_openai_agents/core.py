"""All that this adapter takes from `awaitly`, imported in one place."""

from __future__ import annotations

from awaitly import (
    Actor,
    Codec,
    Err,
    Gate,
    InvalidCall,
    Ok,
    PendingApproval,
    Performed,
    Result,
    Ticket,
    ToolCall,
    Tried,
    check_versions,
    clipped,
    edit_notice,
)

__all__ = [
    "Actor",
    "Codec",
    "Err",
    "Gate",
    "InvalidCall",
    "Ok",
    "PendingApproval",
    "Performed",
    "Result",
    "Ticket",
    "ToolCall",
    "Tried",
    "check_versions",
    "clipped",
    "edit_notice",
]
