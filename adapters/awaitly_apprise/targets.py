"""Where notices go: apprise's URLs, which have secrets in them, by grants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from hashlib import pbkdf2_hmac
from typing import TypeAlias

from attrs import field, frozen

from awaitly import Actor, Delivery

__all__ = ["ByGrant", "Target", "Targets", "by_grant", "checked_url", "known"]


def checked_url(url: str) -> str:
    """Give an URL back that may be one of apprise's. Raises `ValueError`, which has nothing of it but the scheme."""
    scheme, colon, rest = url.partition("://")
    if not (scheme and colon and rest) or not url.isprintable():
        msg = "not an URL of apprise's, such as 'tgram://bottoken/ChatID'"
        raise ValueError(msg)
    return url


_ROUNDS = 10_000
"""How often a fingerprint is hashed anew: URLs have passwords in them that are short enough to be guessed."""


@lru_cache(maxsize=1_000)
def _fingerprint(url: str) -> str:
    return pbkdf2_hmac("sha256", url.encode(errors="surrogatepass"), b"awaitly_apprise", _ROUNDS)[:6].hex()


@frozen
class Target:
    """An URL of apprise's, and the `person` who alone reads what comes there: links are made for a person.

    `name` is what the store and the logs call it, which must have nothing of the URL that is secret.
    Raises `ValueError`, without the URL, where it is none of apprise's.
    """

    url: str = field(converter=checked_url, repr=False)
    person: Actor | None = None
    name: str | None = None

    @property
    def place(self) -> str:
        """Its name, or else the URL's scheme with a fingerprint of the URL, which is the same in every process."""
        return f"{self.url.partition(':')[0]} {_fingerprint(self.url)}" if self.name is None else self.name


Targets: TypeAlias = Callable[[Delivery], Iterable[Target | str]]
"""Gives where a notice goes; a text is an URL of several people's."""


ByGrant: TypeAlias = Mapping[str, Target | str | Iterable[Target | str]]
"""Where notices go, by grants."""


def known(targets: ByGrant) -> dict[str, Target]:
    """Give the targets by their places; an URL that is none is left to whoever is to send something there."""
    every = [each for given in targets.values() for each in _each(given)]
    found: dict[str, Target] = {}
    for each in every:
        with suppress(ValueError):
            target = each if isinstance(each, Target) else Target(each)
            found[target.place] = target
    return found


def _each(given: Target | str | Iterable[Target | str]) -> Iterable[Target | str]:
    return (given,) if isinstance(given, str | Target) else given


def by_grant(targets: ByGrant) -> Targets:
    """Give targets by the grants of those who may decide, or could until it ended, or are newly concerned.

    `*` is for what anyone may decide on, and for runs that need review.
    """

    def found(delivery: Delivery) -> Iterable[Target | str]:
        audience = delivery.audience or ("*",)
        for grant in dict.fromkeys((*audience, *delivery.to)):
            yield from _each(targets.get(grant, ()))

    return found
