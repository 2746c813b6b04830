"""What a client is handed when a call waits, and brings back with the call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

__all__ = ["REQUEST", "Asked", "asked_before", "state_of"]

_STATE = "awaitly"
REQUEST = "approval"


def state_of(ticket: str, number: int) -> str:
    """Give what a client is to bring back: it is no secret, and opens nothing."""
    return f"{_STATE} {number} {ticket}"


@frozen
class Asked:
    """What a client brings back with a call that it was told to try again: the ticket, and how often it has come."""

    ticket: str
    round: int
    declined: bool = False


def asked_before(params: Mapping[str, Any]) -> Asked | None:
    """Read what a client brings back; None for a call that comes for the first time, or with somebody else's state."""
    mark, _, rest = str(params.get("requestState") or "").partition(" ")
    number, _, ticket = rest.partition(" ")
    if mark != _STATE or not number.isascii() or not number.isdigit() or not ticket:
        return None
    responses: Mapping[str, Any] = params.get("inputResponses") or {}
    answer: Mapping[str, Any] | None = responses.get(REQUEST)
    return Asked(ticket, int(number), declined=answer is not None and answer.get("action") != "accept")
