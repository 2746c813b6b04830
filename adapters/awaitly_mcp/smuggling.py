"""What a server may not say by itself: nothing that reads as if this proxy, or people's inbox, had said it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from awaitly_mcp.states import asked_before

__all__ = ["is_ticket", "leads_to", "smuggled"]

_TICKETS = "call:"


def is_ticket(question: object) -> bool:
    """Whether a question is called like one of the proxy's own, which go by the ticket that they are about."""
    return isinstance(question, str) and question.startswith(_TICKETS)


def leads_to(url: object, inbox: str | None) -> bool:
    """Whether an address is at the host where people decide; one that cannot be read may be anywhere."""
    if inbox is None or not isinstance(url, str):
        return False
    try:
        return _host(url) == _host(inbox)
    except ValueError:
        return True


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")


def smuggled(answer: Mapping[str, Any], inbox: str | None) -> str | None:
    """Say what of a server's answer it may not say; None where all is well."""
    if asked_before(answer) is not None:
        return "it gives a state that is the gate's own"
    for request in _object(answer.get("inputRequests")).values():
        params = _object(_object(request).get("params"))
        if is_ticket(params.get("elicitationId")) or leads_to(params.get("url"), inbox):
            return "it sends people to where approvals are decided"
    return None


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
