"""Signed links, one factory for all channels. A link shows one revision of one approval to one person: no more.

The token is signed with HMAC-SHA256 under a salt of its own, so no other token of the application's can pass for one.
It binds the approval, its revision and digest, the person and a time, and is good for as long as the approval waits as
it was shown. Tokens are made when a notice is sent; neither they nor the keys are ever stored or logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from attrs import field

from awaitly.actors import Actor
from awaitly.durations import Duration, as_span, from_micros, to_micros
from awaitly.errors import LinkRefused
from awaitly.exceptions import DefinitionError, TokenTooLong
from awaitly.notifying.channels import Delivery, Undeliverable
from awaitly.result import Err, Ok, Result
from awaitly.values import frozen

__all__ = ["LinkClaim", "Links", "SignedLinks"]

_SALT = "awaitly.link.v1"
_SHORTEST_KEY = 32
_LONGEST_TOKEN = 4_096


class Links(Protocol):
    """Makes the links that channels send."""

    def url(self, delivery: Delivery, person: Actor) -> str | None:
        """Give the link by which a person comes to what a notice is about; None where there is nothing to show.

        Raises `Undeliverable` where there can be none for that person.
        """
        ...


@frozen
class LinkClaim:
    """What a link says: who may look at which revision of which approval, until when."""

    run_id: str
    key: str
    revision: int
    digest: str
    person: Actor
    until: datetime


def _keys(values: Sequence[str] | str) -> tuple[str, ...]:
    keys = (values,) if isinstance(values, str) else tuple(values)
    if not keys or any(len(key) < _SHORTEST_KEY or _has_halves(key) for key in keys):
        msg = f"links take keys of at least {_SHORTEST_KEY} characters; make one with secrets.token_urlsafe(32)"
        raise DefinitionError(msg)
    return keys


def _has_halves(text: str) -> bool:
    """Whether half a surrogate pair stands in a text, which has no bytes."""
    return any("\ud800" <= each <= "\udfff" for each in text)


def _length(value: Duration) -> timedelta:
    return as_span(value)


def _base(value: str) -> str:
    if not _is_base(value):
        msg = f"links begin with where people reach the inbox, as 'https://approvals.example.com', not {value!r}"
        raise DefinitionError(msg)
    return value.rstrip("/")


def _is_base(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"https", "http"} and bool(parts.netloc) and not parts.query and not parts.fragment


@frozen(kw_only=True)
class SignedLinks:
    """Makes and reads links.

    `base_url`: where people reach the inbox. `keys`: the first signs, the others are still accepted, so that keys can
    be rotated. `expires_in`: how long a link is good, at most 100 years. Raises `DefinitionError` for keys that are too
    short to keep anybody out and for a `base_url` that is none, `ValueError` where `expires_in` is no length of time.
    """

    base_url: str = field(converter=_base)
    keys: tuple[str, ...] = field(converter=_keys, repr=False)
    expires_in: timedelta = field(default=timedelta(days=7), converter=_length)

    def url(self, delivery: Delivery, person: Actor) -> str | None:
        """Give the link by which a person comes to what a notice is about; None where there is nothing to show.

        Raises `Undeliverable` where the person has so many roles that the link could not be read back.
        """
        approval = delivery.approval
        if approval is None:
            return None
        until = delivery.made_at + self.expires_in
        claim = LinkClaim(approval.run_id, approval.key, approval.revision, approval.digest, person, until)
        try:
            return f"{self.base_url}/a/{self.token(claim)}"
        except TokenTooLong as problem:
            raise Undeliverable(str(problem)) from problem

    def token(self, claim: LinkClaim) -> str:
        """Sign a claim. Raises `TokenTooLong` where the token would be too long to be read back."""
        person = claim.person
        told = [claim.run_id, claim.key, claim.revision, claim.digest, person.name, sorted(person.roles)]
        signed: Any = self._serializer().dumps([*told, to_micros(claim.until)])
        token = str(signed)
        if len(token) > _LONGEST_TOKEN:
            size = f"{len(token):,} characters with {len(person.roles):,} roles, and {_LONGEST_TOKEN:,} are read"
            msg = f"a link for {person.name!r} takes {size}: give it the roles alone that policies and pages ask for"
            raise TokenTooLong(msg)
        return token

    def read(self, token: str, now: datetime) -> Result[LinkClaim, LinkRefused]:
        """Read a token at a time of the store's clock. Whether the approval is still as shown, only it can say."""
        from itsdangerous import BadData  # noqa: PLC0415  (an extra of those who send links)

        if len(token) > _LONGEST_TOKEN:
            return Err(LinkRefused.NOT_OURS)
        try:
            run_id, key, revision, digest, name, roles, until = self._serializer().loads(token)
            claim = LinkClaim(run_id, key, revision, digest, Actor(name, roles, via="link"), from_micros(until))
        except (BadData, ValueError, TypeError):
            return Err(LinkRefused.NOT_OURS)
        return Err(LinkRefused.EXPIRED) if now >= claim.until else Ok(claim)

    def _serializer(self) -> Any:
        import hashlib  # noqa: PLC0415  (as below)

        from itsdangerous import URLSafeSerializer  # noqa: PLC0415  (an extra of those who send links)

        options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        written = {"ensure_ascii": True}  # half a surrogate pair has no bytes
        return URLSafeSerializer(
            list(reversed(self.keys)), salt=_SALT, signer_kwargs=options, serializer_kwargs=written
        )
