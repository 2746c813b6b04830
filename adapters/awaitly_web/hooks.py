"""Webhooks that come in: messages of other programs, signed as Standard Webhooks are, each program under its own keys.

Services that sign in a way of their own are taken by what knows that way: `Callbacks`.

Who decides is who signed: the actor stands beside the keys, and never in the message. A message is good for five
minutes; its id is kept in the ledger beside what it decided, in the same commit, so that it does nothing a second time.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from attrs import evolve, field, frozen

from awaitly_web.core import Actor, DefinitionError, Err, Ok, Result, utc_now
from awaitly_web.problems import problem
from awaitly_web.values import Request, Response

__all__ = ["Callbacks", "Sender", "Webhooks", "verified"]

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_TIME = re.compile(r"[0-9]{1,12}", re.ASCII)
_MOST_SIGNATURES = 16


def _secrets(values: Sequence[str] | str) -> tuple[bytes, ...]:
    texts = (values,) if isinstance(values, str) else tuple(values)
    try:
        secrets = tuple(base64.b64decode(text.removeprefix(_PREFIX), validate=True) for text in texts)
    except (binascii.Error, ValueError):
        secrets = ()
    if not secrets or any(not _SHORTEST <= len(secret) <= _LONGEST for secret in secrets):
        msg = f"a webhook's secret is {_PREFIX!r} and the base64 of {_SHORTEST} to {_LONGEST} random bytes"
        raise DefinitionError(msg)
    return secrets


@frozen
class Sender:
    """A program that may decide by messages: `actor` is who it is here, by any of the `secrets` it signs.

    Several secrets let keys be rotated. Raises `DefinitionError` for secrets that are none.
    """

    actor: Actor
    secrets: tuple[bytes, ...] = field(converter=_secrets, repr=False)


@frozen
class Webhooks:
    """The programs that may decide by messages. A message is good for `window`, both ways, by the server's clock."""

    senders: Sequence[Sender] = field(converter=tuple[Sender, ...])
    window: timedelta = timedelta(minutes=5)
    clock: Callable[[], datetime] = utc_now


class Callbacks(Protocol):
    """Takes what a service calls back, as `awaitly_slack.SlackActions` does."""

    async def __call__(self, headers: Mapping[str, str], body: bytes, /) -> tuple[int, Mapping[str, str], bytes]:
        """Take a request, whose body is as it came, and give a status, headers and a body.

        It says itself who calls: nothing else has looked at the request.
        """
        ...


def verified(webhooks: Webhooks, request: Request) -> Result[Actor, Response]:
    """Give who signed a message, with its id as the way by which they act; whatever is wrong is the same 401."""
    known = request.headers
    number, at = known.get("webhook-id", ""), known.get("webhook-timestamp", "")
    if not _ID.fullmatch(number) or not _TIME.fullmatch(at):
        return _unsigned()
    if abs(webhooks.clock().timestamp() - int(at)) > webhooks.window.total_seconds():
        return _unsigned()
    signed = f"{number}.{at}.".encode() + request.body
    given = _signatures(known.get("webhook-signature", ""))
    found = [sender for sender in webhooks.senders if _signs(sender, signed, given)]
    return Ok(evolve(found[0].actor, via=f"webhook:{number}")) if found else _unsigned()


def _signatures(text: str) -> list[bytes]:
    """Read the signatures of version 1 that a header has; there may be several while keys are rotated."""
    pairs = [part.partition(",") for part in text.split(" ")[:_MOST_SIGNATURES]]
    return [signature.encode("utf-8", "replace") for version, _, signature in pairs if version == "v1"]


def _signs(sender: Sender, signed: bytes, given: Sequence[bytes]) -> bool:
    """Whether any signature is by any of a sender's secrets; all are compared, each in constant time."""
    wanted = [base64.b64encode(hmac.new(secret, signed, sha256).digest()) for secret in sender.secrets]
    compared = [hmac.compare_digest(each, signature) for each in wanted for signature in given]
    return any(compared)


def _unsigned() -> Err[Response]:
    return Err(problem(401, "Not signed", "the message is not signed by anybody known here, or is too old"))
