"""Tokens of an identity provider (OpenID Connect): signed by its keys, for this application, and not over yet."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, cast
from urllib.parse import urlsplit

from attrs import define, field, frozen

from awaitly_web.core import Actor, DefinitionError, as_timedelta, utc_now
from awaitly_web.parameters import is_plain
from awaitly_web.proving.bearing import borne
from awaitly_web.values import Request

__all__ = ["Fetch", "KeySet", "OidcTokens"]

_log = logging.getLogger("awaitly.web")
_ALLOWED = frozenset({"EdDSA", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"})
_KEPT = timedelta(hours=1)
_AGAIN = timedelta(minutes=1)

Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]
"""Gets the document at an address."""


def _secure(_: object, __: object, value: str) -> None:
    if urlsplit(value).scheme != "https":
        msg = f"keys are fetched by https alone, not from {value!r}"
        raise DefinitionError(msg)


async def _fetched(url: str) -> bytes:
    from awaitly_web.proving.fetching import fetched  # noqa: PLC0415  (heavy, for those alone who fetch)

    return await fetched(url)


@define
class KeySet:
    """The keys of a provider (a JWKS), fetched from `url` and kept for an hour.

    A key that is not known is looked for anew, at most once a minute: nobody can have them fetched by made-up tokens.
    While they cannot be fetched the ones before are used.
    """

    url: str = field(validator=_secure)
    fetch: Fetch = field(default=_fetched, repr=False)
    clock: Callable[[], datetime] = field(default=utc_now, repr=False)
    _keys: Mapping[str, Any] = field(init=False, factory=dict[str, Any], repr=False)
    _tried: datetime | None = field(init=False, default=None, repr=False)
    _lock: asyncio.Lock = field(init=False, factory=asyncio.Lock, repr=False)

    async def key(self, kid: str) -> Any | None:
        """Give a key by its id, None where the provider has none such."""
        async with self._lock:
            now = self.clock()
            age = None if self._tried is None else now - self._tried
            if age is None or age >= _KEPT or (kid not in self._keys and age >= _AGAIN):
                self._tried = now
                await self._renew()
        return self._keys.get(kid)

    async def _renew(self) -> None:
        try:
            self._keys = keys_in(json.loads(await self.fetch(self.url)))
        except Exception:  # noqa: BLE001  (whatever it is: the provider is away)
            _log.exception("the keys at %s could not be fetched", self.url)


@frozen
class _Given:
    """Keys that were given."""

    keys: Mapping[str, Any]

    async def key(self, kid: str) -> Any | None:
        return self.keys.get(kid)


def _jwt() -> Any:
    """Import what reads tokens. Raises `ModuleNotFoundError` that says how to install it."""
    try:
        import jwt  # noqa: PLC0415  (an extra of those who take such tokens)
    except ModuleNotFoundError as exc:
        missing = f"OidcTokens needs a package that is missing ({exc.name}): pip install 'awaitly[oidc]'"
        raise ModuleNotFoundError(missing, name=exc.name) from exc
    return jwt


def keys_in(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read a set of keys (JWKS); those that cannot be used are left out."""
    return {key.key_id: key for key in _jwt().PyJWKSet.from_dict(dict(document)).keys if key.key_id is not None}


def _source(value: KeySet | Mapping[str, Any]) -> KeySet | _Given:
    if isinstance(value, KeySet):
        return value
    try:
        return _Given(keys_in(value))
    except _jwt().PyJWTError as exc:
        msg = f"keys is a KeySet, or the document with the provider's keys: {exc}"
        raise DefinitionError(msg) from exc


def _algorithms(values: Iterable[str]) -> tuple[str, ...]:
    chosen = tuple(values)
    if not chosen or not _ALLOWED.issuperset(chosen):
        msg = f"tokens are signed by one of {', '.join(sorted(_ALLOWED))}, not {', '.join(map(repr, chosen)) or 'none'}"
        raise DefinitionError(msg)
    return chosen


def _length(value: str | timedelta) -> timedelta:
    return as_timedelta(value)


@frozen(kw_only=True)
class OidcTokens:
    """Knows people by `Authorization: Bearer TOKEN`, a token that the provider `issuer` has signed for `audience`.

    `keys` are the provider's: a `KeySet`, or the document itself. `name` and `roles` name the claims that say who it
    is, and what they are; a claim inside another is named with a dot, as `realm_access.roles`. When they last signed in
    is known where the token says so (`auth_time`). Clocks may differ by `leeway`. Needs `awaitly[oidc]`. Raises
    `DefinitionError` for algorithms and keys that are none, `ValueError` where `leeway` is no length of time.
    """

    issuer: str
    audience: str
    keys: KeySet | _Given = field(converter=_source, repr=False)
    algorithms: tuple[str, ...] = field(default=("RS256",), converter=_algorithms)
    name: str = "sub"
    roles: str = "roles"
    leeway: timedelta = field(default=timedelta(seconds=30), converter=_length)

    def __attrs_post_init__(self) -> None:
        """Say at once where the package is missing."""
        _jwt()

    async def __call__(self, request: Request) -> Actor | None:
        """Give whom a token is about; one that is no such token, or not good, is nobody's."""
        jwt = _jwt()
        token = borne(request)
        if token is None:
            return None
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            key = await self.keys.key(kid) if isinstance(kid, str) else None
            if key is None or header.get("alg") not in self.algorithms:
                return None
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(self.algorithms),
                audience=self.audience,
                issuer=self.issuer,
                leeway=self.leeway,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            return None
        return self._actor(claims)

    def _actor(self, claims: Mapping[str, Any]) -> Actor | None:
        name, roles = _claim(claims, self.name), _claim(claims, self.roles)
        if not isinstance(name, str) or not name.strip() or not is_plain(name):
            return None
        at = _moment(claims.get("auth_time"))
        held = cast("list[object]", roles) if isinstance(roles, list) else []
        return Actor(
            name,
            [role for role in held if isinstance(role, str)],
            via="oidc",
            authenticated_at=at,
        )


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    if name in claims:
        return claims[name]
    outer, dot, inner = name.partition(".")
    within = claims.get(outer)
    return _claim(cast("Mapping[str, Any]", within), inner) if dot and isinstance(within, Mapping) else None


def _moment(value: Any) -> datetime | None:
    if type(value) not in (int, float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
