"""Where notices go: apprise's URLs, which have secrets in them, by grants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from attrs import field, frozen

from awaitly import Actor, Delivery

__all__ = ["Target", "Targets", "by_grant", "checked_url"]


def checked_url(url: str) -> str:
    """Give an URL back that may be one of apprise's. Raises `ValueError`, which has nothing of it but the scheme."""
    scheme, colon, rest = url.partition("://")
    if not (scheme and colon and rest) or not url.isprintable():
        msg = "not an URL of apprise's, such as 'tgram://bottoken/ChatID'"
        raise ValueError(msg)
    return url


@frozen
class Target:
    """An URL of apprise's, and the `person` who alone reads what comes there: links are made for a person."""

    url: str = field(converter=checked_url, repr=False)
    person: Actor | None = None


Targets: TypeAlias = Callable[[Delivery], Iterable[Target | str]]
"""Gives where a notice goes; a text is an URL of several people's."""


def by_grant(targets: Mapping[str, Target | str | Iterable[Target | str]]) -> Targets:
    """Give targets by the grants of those who may decide, or could until it ended, or are newly concerned.

    `*` is for what anyone may decide on, and for runs that need review.
    """

    def found(delivery: Delivery) -> Iterable[Target | str]:
        audience = delivery.audience or ("*",)
        for grant in dict.fromkeys((*audience, *delivery.to)):
            given = targets.get(grant, ())
            yield from (given,) if isinstance(given, str | Target) else given

    return found
