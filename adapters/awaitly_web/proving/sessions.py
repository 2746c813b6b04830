"""Sessions: a signed cookie that says who signed in, and when. Nothing of it is kept on the server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from attrs import field, frozen
from itsdangerous import BadData, URLSafeSerializer

from awaitly_web.core import Actor, TokenTooLong, as_timedelta, from_micros, to_micros, utc_now
from awaitly_web.keyrings import checked_keys
from awaitly_web.values import Request

__all__ = ["Sessions"]

_SALT = "awaitly.session.v1"
_LONGEST = 4_096
"""Characters of a cookie that browsers keep, its name included; they drop a longer one without a word."""


def _length(value: str | timedelta) -> timedelta:
    return as_timedelta(value)


@frozen(kw_only=True)
class Sessions:
    """Knows people by the cookie that `cookie_of` made when they signed in.

    `keys`: the first signs, the others are still accepted. A session is good for `lasts`, from the sign-in; it cannot
    be taken back before, save by new keys. `secure` is False for development alone: such a cookie goes over plain HTTP
    too. Raises `DefinitionError` for keys that are too short.
    Raises `ValueError` where `lasts` is no length of time.
    """

    keys: tuple[str, ...] = field(converter=checked_keys, repr=False)
    lasts: timedelta = field(default=timedelta(hours=12), converter=_length)
    secure: bool = True
    clock: Callable[[], datetime] = field(default=utc_now, repr=False)

    @property
    def cookie(self) -> str:
        """The cookie's name; with the prefix, no other host of a domain can set it."""
        return "__Host-awaitly-session" if self.secure else "awaitly-session"

    def cookie_of(self, actor: Actor) -> str:
        """Give the value of the `Set-Cookie` header for somebody who has signed in just now.

        Raises `TokenTooLong` where the actor has so many that no browser would keep the cookie.
        """
        now = to_micros(self.clock())
        told = [actor.name, sorted(actor.roles), actor.on_behalf_of, now]
        signed: Any = self._serializer().dumps(told)
        value = str(signed)
        length = len(self.cookie) + len(value)
        if length > _LONGEST:
            size = f"{length:,} characters with {len(actor.roles):,} roles, and browsers keep {_LONGEST:,}"
            msg = f"the session of {actor.name!r} takes {size}: give it the roles alone that policies and pages ask for"
            raise TokenTooLong(msg)
        return self._cookie(value, int(self.lasts.total_seconds()))

    def ended(self) -> str:
        """Give the value of the `Set-Cookie` header for somebody who signs out."""
        return self._cookie("", 0)

    async def __call__(self, request: Request) -> Actor | None:
        """Give who signed in, with when they did."""
        cookie = request.cookie(self.cookie)
        if not cookie or len(cookie) > _LONGEST:
            return None
        try:
            name, roles, on_behalf_of, at = self._serializer().loads(cookie)
            began = from_micros(at)
            actor = Actor(name, roles, on_behalf_of=on_behalf_of, via="session", authenticated_at=began)
        except (BadData, ValueError, TypeError, OverflowError):
            return None
        return actor if began <= self.clock() < began + self.lasts else None

    def _cookie(self, value: str, seconds: int) -> str:
        secure = "; Secure" if self.secure else ""
        return f"{self.cookie}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"

    def _serializer(self) -> Any:
        options = {"digest_method": sha256, "key_derivation": "hmac"}
        return URLSafeSerializer(list(reversed(self.keys)), salt=_SALT, signer_kwargs=options)
