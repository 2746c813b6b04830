"""Bearer keys of programs: only their hashes are kept, and each is compared in constant time."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256

from attrs import field, frozen

from awaitly_web.core import Actor, DefinitionError
from awaitly_web.proving.bearing import borne
from awaitly_web.values import Request

__all__ = ["BearerKeys", "hashed_key"]

_SHORTEST = 32
_HASH = re.compile(r"[0-9a-f]{64}")


def hashed_key(key: str) -> str:
    """Give the hash of a key, as `BearerKeys` takes it. Raises `DefinitionError` for a key that could be guessed."""
    if len(key) < _SHORTEST:
        msg = f"a key has at least {_SHORTEST} characters; make one with secrets.token_urlsafe(32)"
        raise DefinitionError(msg)
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _hashes(values: Mapping[str, Actor]) -> Mapping[str, Actor]:
    if not all(map(_HASH.fullmatch, values)):
        msg = "BearerKeys takes the hashes of keys, as hashed_key(key) gives them, and never the keys"
        raise DefinitionError(msg)
    return dict(values)


@frozen
class BearerKeys:
    """Knows programs by a key in `Authorization: Bearer KEY`. `actors` has them by the hashes of their keys."""

    actors: Mapping[str, Actor] = field(converter=_hashes, repr=False)

    async def __call__(self, request: Request) -> Actor | None:
        """Give who bears one of the keys; all are compared, whichever fits."""
        token = borne(request)
        if token is None:
            return None
        given = sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        found = [actor for known, actor in self.actors.items() if hmac.compare_digest(known, given)]
        return found[0] if found else None
