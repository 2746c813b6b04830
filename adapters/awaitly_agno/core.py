"""All that this adapter takes from `awaitly`, imported in one place."""

from __future__ import annotations

from awaitly import (
    Actor,
    Allowed,
    Codec,
    Err,
    Gate,
    InvalidCall,
    Ok,
    PendingApproval,
    Ticket,
    ToolCall,
    Tried,
    check_versions,
    clipped,
    edit_notice,
)

__all__ = [
    "Actor",
    "Allowed",
    "Codec",
    "Err",
    "Gate",
    "InvalidCall",
    "Ok",
    "PendingApproval",
    "Ticket",
    "ToolCall",
    "Tried",
    "check_versions",
    "clipped",
    "edit_notice",
]
