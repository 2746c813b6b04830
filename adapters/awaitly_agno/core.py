"""All that this adapter takes from `awaitly`, imported in one place."""

from __future__ import annotations

from awaitly import (
    Actor,
    Allowed,
    Err,
    Gate,
    InvalidCall,
    Ok,
    PendingApproval,
    Ticket,
    ToolCall,
    Tried,
    check_versions,
    edit_notice,
    keepable,
)

__all__ = [
    "Actor",
    "Allowed",
    "Err",
    "Gate",
    "InvalidCall",
    "Ok",
    "PendingApproval",
    "Ticket",
    "ToolCall",
    "Tried",
    "check_versions",
    "edit_notice",
    "keepable",
]
