"""All that this adapter takes from `awaitly`, imported in one place."""

from __future__ import annotations

from awaitly import (
    Actor,
    Allow,
    ApprovalExpired,
    ApprovalRejected,
    CallDenied,
    Err,
    Gate,
    GateInterruption,
    Ok,
    PendingApproval,
    Performed,
    Result,
    RunCancelled,
    ToolCall,
    Tried,
    check_versions,
    edit_notice,
    keepable,
)

__all__ = [
    "Actor",
    "Allow",
    "ApprovalExpired",
    "ApprovalRejected",
    "CallDenied",
    "Err",
    "Gate",
    "GateInterruption",
    "Ok",
    "PendingApproval",
    "Performed",
    "Result",
    "RunCancelled",
    "ToolCall",
    "Tried",
    "check_versions",
    "edit_notice",
    "keepable",
]
