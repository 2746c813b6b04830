"""Slack's signatures, version 0: HMAC-SHA256 over version, time and the body as it came."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from awaitly import DefinitionError

__all__ = ["checked_secrets", "is_signed", "signature_of"]

WINDOW = timedelta(minutes=5)
"""How old, or how far ahead, a request may be: a copied one is of no use later."""
_SHORTEST = 16
_DIGITS = 12


def checked_secrets(secrets: Iterable[str] | str) -> tuple[bytes, ...]:
    """Read signing secrets. Raises `DefinitionError`, without the secret, for what keeps nobody out."""
    given = (secrets,) if isinstance(secrets, str) else tuple(secrets)
    if not given or any(len(secret.strip()) < _SHORTEST for secret in given):
        raise DefinitionError(f"Slack's callbacks need the app's signing secrets, of {_SHORTEST} characters or more")
    return tuple(secret.strip().encode("utf-8", "surrogatepass") for secret in given)


def signature_of(secret: bytes, timestamp: str, body: bytes) -> str:
    """Give the signature of a body."""
    signed = b":".join((b"v0", timestamp.encode(), body))
    return f"v0={hmac.new(secret, signed, hashlib.sha256).hexdigest()}"


def is_signed(headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes], now: datetime) -> bool:
    """Whether a request is from Slack, and of now. Every secret is tried, so that the time taken tells nothing."""
    timestamp, signature = _one(headers, "x-slack-request-timestamp"), _one(headers, "x-slack-signature")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _DIGITS):
        return False
    given = signature.encode("utf-8", "replace")
    matches = [hmac.compare_digest(signature_of(secret, timestamp, body).encode(), given) for secret in secrets]
    return any(matches) and abs(now.timestamp() - int(timestamp)) <= WINDOW.total_seconds()


def _one(headers: Mapping[str, str], name: str) -> str:
    """Give a header's value, however its name is written; nothing where it is there twice, or is no text."""
    found = [value for key, value in headers.items() if _is_text(key) and key.lower() == name]
    return found[0] if len(found) == 1 and _is_text(found[0]) else ""


def _is_text(value: object) -> bool:
    return isinstance(value, str)
