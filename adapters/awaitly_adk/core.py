"""All that this adapter takes from `awaitly`, imported in one place."""

from __future__ import annotations

from awaitly import (
    Actor,
    Allow,
    Allowed,
    Codec,
    Err,
    Gate,
    GateInterruption,
    InvalidCall,
    Ok,
    PendingApproval,
    Performed,
    Result,
    ToolCall,
    Tried,
    check_versions,
    clipped,
    edit_notice,
    visible,
)

__all__ = [
    "Actor",
    "Allow",
    "Allowed",
    "Codec",
    "Err",
    "Gate",
    "GateInterruption",
    "InvalidCall",
    "Ok",
    "PendingApproval",
    "Performed",
    "Result",
    "ToolCall",
    "Tried",
    "check_versions",
    "clipped",
    "edit_notice",
    "visible",
]
