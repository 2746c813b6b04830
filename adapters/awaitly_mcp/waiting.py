"""How a client is told that a call waits: by what it supports, and at the end always in words."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import mcp_types as types
from attrs import field, frozen
from mcp import ClientCapabilities, MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from awaitly_mcp.answers import waiting
from awaitly_mcp.contexts import Context
from awaitly_mcp.core import DefinitionError, Duration, PendingApproval, as_timedelta
from awaitly_mcp.states import REQUEST, Asked, state_of

__all__ = ["Answering", "paused", "puts_off", "show"]


def _address(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.netloc or parts.query or parts.fragment:
        msg = f"the inbox is where people reach it, as 'https://approvals.example.com', not {url!r}"
        raise DefinitionError(msg)
    return url.rstrip("/")


def _length(value: Duration | None) -> timedelta:
    return timedelta(0) if value is None else as_timedelta(value)


@frozen(kw_only=True)
class Answering:
    """How a call that waits is answered.

    `inbox_url`: where people decide, for clients that can show an address. `wait`: how long an answer is put off in
    case somebody decides right now, None for not at all; clients that can come back of themselves then do so up to
    `rounds` times.
    Raises `ValueError` where `wait` is no length of time.
    """

    inbox_url: str | None = field(default=None, converter=_address)
    wait: timedelta = field(default=timedelta(seconds=5), converter=_length)
    rounds: int = 8

    def url(self, pending: PendingApproval) -> str | None:
        """Give where people decide a call. To look is all that the address allows."""
        if self.inbox_url is None:
            return None
        return f"{self.inbox_url}/runs/{quote(pending.run_id, safe='')}/approvals/{quote(pending.key, safe='')}"


def come_again(ticket: str, number: int, shown: types.ElicitRequest | None = None) -> types.InputRequiredResult:
    """Tell a client to try the call again, once it has shown its user something, if anything."""
    requests: dict[str, types.InputRequest] | None = None if shown is None else {REQUEST: shown}
    return types.InputRequiredResult(input_requests=requests, request_state=state_of(ticket, number))


def paused(
    answering: Answering, context: Context, tool: str, pending: PendingApproval, before: Asked | None
) -> types.InputRequiredResult | dict[str, Any]:
    """Give what a client is answered that knows how to come back (protocol 2026-07-28), or words."""
    url = answering.url(pending)
    number = 0 if before is None else before.round
    if context.protocol_version in MODERN_PROTOCOL_VERSIONS and not (before and before.declined):
        if url is not None and _is_to_show(answering, context, before):
            return come_again(pending.id, 1, _shown(tool, pending, url))
        if answering.wait and number < answering.rounds:
            return come_again(pending.id, number + 1)
    return waiting(tool, pending, url)


def puts_off(answering: Answering, context: Context, before: Asked | None) -> bool:
    """Whether an answer may wait for a decision: not where the user has yet to be sent there, or would not go."""
    return not (before.declined if before else _is_to_show(answering, context, before))


def _is_to_show(answering: Answering, context: Context, before: Asked | None) -> bool:
    """Whether a client of the newest protocol is now to show its user where to decide."""
    modern = context.protocol_version in MODERN_PROTOCOL_VERSIONS
    first = before is None and answering.inbox_url is not None
    return modern and first and _shows_addresses(context.session.client_capabilities)


async def show(answering: Answering, context: Context, tool: str, pending: PendingApproval) -> None:
    """Have a client of the older protocols show its user where to decide; the user closes that when done."""
    url = answering.url(pending)
    session = context.session
    older = context.protocol_version not in MODERN_PROTOCOL_VERSIONS
    if url is None or not (older and session.can_send_request and _shows_addresses(session.client_capabilities)):
        return
    with suppress(MCPError):  # it is told in words instead
        await session.elicit_url(_message(tool), url, pending.id, related_request_id=context.request_id)


def _shows_addresses(declared: ClientCapabilities | None) -> bool:
    return declared is not None and declared.elicitation is not None and declared.elicitation.url is not None


def _shown(tool: str, pending: PendingApproval, url: str) -> types.ElicitRequest:
    return types.ElicitRequest(
        params=types.ElicitRequestURLParams(message=_message(tool), url=url, elicitation_id=pending.id)
    )


def _message(tool: str) -> str:
    return f"A call of {tool} waits for a person's approval."
