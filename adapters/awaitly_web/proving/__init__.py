"""Ways to prove who calls, for `authenticate=`: keys, sessions, a proxy's headers, an identity provider's tokens."""

from __future__ import annotations

from awaitly_web.proving.chained import first_of
from awaitly_web.proving.keys import BearerKeys, hashed_key
from awaitly_web.proving.proxies import ProxyHeaders
from awaitly_web.proving.sessions import Sessions
from awaitly_web.proving.tokens import KeySet, OidcTokens

__all__ = ["BearerKeys", "KeySet", "OidcTokens", "ProxyHeaders", "Sessions", "first_of", "hashed_key"]
