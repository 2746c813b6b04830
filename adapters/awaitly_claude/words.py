"""What the model is told of calls that wait."""

from __future__ import annotations

import json
from collections.abc import Iterable

from awaitly_claude.core import PendingApproval

__all__ = ["TICKET", "go_on", "waiting_for_hand_over", "waiting_for_result"]

TICKET = "awaitly_ticket"
"""The tool by which the model learns what came of a call that waited."""


def waiting_for_result(tool: str, pending: PendingApproval) -> str:
    """Say that a call of the application's own tools waits, and how to learn what comes of it."""
    return (
        f"{_waits(tool, pending)} Do not issue it again. Go on with something else, or end your turn. Once you are "
        f"told that people may have answered, call {TICKET} with {json.dumps({'id': pending.id})}: it gives the "
        "result, or says why the call was refused."
    )


def waiting_for_hand_over(tool: str, pending: PendingApproval) -> str:
    """Say that a call of the CLI's tools waits, and how to come back with it."""
    return (
        f"{_waits(tool, pending)} Go on with something else, or end your turn. Once you are told that people may have "
        "answered, make this very call again, with exactly the same input."
    )


def go_on(tickets: Iterable[str]) -> str:
    """Give the prompt with which a session goes on once people may have answered: in any process, on any day.

    It holds no decision and no arguments: those are in the gate's store.
    """
    return f"People may have answered by now. Go on, as you were told, with: {', '.join(tickets)}"


def _waits(tool: str, pending: PendingApproval) -> str:
    return f"{tool} has not been called yet: the call waits for a person's approval, under ticket {pending.id}."
