"""All that this adapter takes from `awaitly`, imported in one place."""

from __future__ import annotations

from awaitly import (
    Actor,
    Allow,
    Allowed,
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
    edit_notice,
    keepable,
    visible,
)

__all__ = [
    "Actor",
    "Allow",
    "Allowed",
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
    "edit_notice",
    "keepable",
    "visible",
]
