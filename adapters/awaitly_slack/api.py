"""Slack's Web API, as much of it as a channel needs: one POST a call, and what its answer means."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeGuard

import httpx2

from awaitly import DefinitionError, RetryLater
from awaitly_slack.errors import SlackFailed, SlackRefused

__all__ = ["HOST", "SlackApi"]

HOST = "https://slack.com/api/"
_TOO_MANY = 429
_UNTOLD = timedelta(seconds=30)
"""How long to wait where Slack asks for it, and does not say how long."""
_LONGEST_NUMBER = 9
_BUSY = {"ratelimited", "rate_limited"}
_UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody: for plain HTTP, so that the authorities are not read for nothing."""


class SlackApi:
    """Calls Slack with a bot's token; each call has to be over within `timeout` seconds."""

    def __init__(self, token: str, base_url: str, timeout: float) -> None:
        if not token.strip() or not (token.isascii() and token.isprintable()):
            raise DefinitionError("a Slack channel needs a bot's token, which begins with 'xoxb-'")
        if not base_url.startswith(("https://", "http://")):
            raise DefinitionError(f"Slack's address begins with 'https://', not {base_url!r}")
        self._token = token.strip()
        self._base = base_url if base_url.endswith("/") else f"{base_url}/"
        self._timeout = timeout

    async def call(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call a method, and give what it answered.

        Raises `RetryLater` where Slack asks to wait, `SlackRefused` where it says no, `SlackFailed` for all else.
        """
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._posted(method, arguments)
        except TimeoutError as exc:
            raise SlackFailed(f"Slack did not answer {method} within {self._timeout:g} s") from exc
        return _judged(method, answer)

    async def _posted(self, method: str, arguments: Mapping[str, Any]) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self._token}", "user-agent": "awaitly"}
        async with httpx2.AsyncClient(trust_env=False, verify=self._tls, timeout=self._timeout) as client:
            try:
                return await client.post(f"{self._base}{method}", json=dict(arguments), headers=headers)
            except httpx2.HTTPError as exc:
                raise SlackFailed(f"Slack was lost at {method}: {type(exc).__name__}") from exc

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context() if self._base.startswith("https:") else _UNUSED


def _judged(method: str, answer: httpx2.Response) -> Mapping[str, Any]:
    """Take an answer for what it is; Slack says no with the status of a success."""
    if answer.status_code == _TOO_MANY:
        raise RetryLater(_after(answer), f"Slack asks to wait with {method}")
    try:
        said: object = answer.json()
    except (ValueError, RecursionError) as exc:
        raise SlackFailed(f"Slack answered {method} with {answer.status_code} and no JSON") from exc
    if not _is_object(said):
        raise SlackFailed(f"Slack answered {method} with {answer.status_code} and no object")
    if said.get("ok") is True:
        return said
    code = str(said.get("error", answer.status_code))[:80]
    if code in _BUSY:
        raise RetryLater(_after(answer), f"Slack asks to wait with {method}")
    raise SlackRefused(method, code)


def _after(answer: httpx2.Response) -> timedelta:
    text = answer.headers.get("retry-after", "").strip()
    if not (text.isascii() and text.isdecimal()):
        return _UNTOLD
    return timedelta(seconds=int(text[:_LONGEST_NUMBER]))


def _is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, dict)
