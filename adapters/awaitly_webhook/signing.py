"""Signatures in the format of Standard Webhooks, version 1: HMAC-SHA256 over id, time and body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from awaitly import DefinitionError

__all__ = ["checked_keys", "signed"]

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
"""Bytes of a key: what the format asks for."""


def checked_keys(keys: Iterable[str] | str) -> tuple[bytes, ...]:
    """Read keys, the newest first. Raises `DefinitionError`, without the key, for what is none."""
    given = (keys,) if isinstance(keys, str) else tuple(keys)
    if not given:
        msg = "a webhook needs a key to be signed with: 'whsec_' and 24 to 64 random bytes in base64"
        raise DefinitionError(msg)
    return tuple(_key(number, key) for number, key in enumerate(given, start=1))


def _key(number: int, key: str) -> bytes:
    try:
        raw = base64.b64decode(key.removeprefix(_PREFIX), validate=True) if key.startswith(_PREFIX) else b""
    except (binascii.Error, ValueError):
        raw = b""
    if not _SHORTEST <= len(raw) <= _LONGEST:
        msg = f"key {number} of a webhook is not 'whsec_' and {_SHORTEST} to {_LONGEST} bytes in base64"
        raise DefinitionError(msg)
    return raw


def signed(keys: Sequence[bytes], message_id: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """Give the three headers; there is a signature by each key, the newest first, so that keys can be rotated."""
    seconds = str(int(at.timestamp()))
    content = b".".join((message_id.encode(), seconds.encode(), body))
    signatures = (base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
