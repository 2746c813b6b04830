"""Where messages go, and where they went: the receipt, by which the same message is updated later."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from attrs import field, frozen

from awaitly import Actor, Delivery

__all__ = ["Place", "Route", "Routes", "by_grant", "places_of", "receipt_of"]

_NAME = re.compile(r"#?[\w.-]{1,80}")
_RECEIPT = re.compile(r"([A-Z0-9]{1,40}):(\d{1,20}\.\d{1,20})(?:=(#?[\w.-]{1,80}))?")
_SEVERAL = (":", "*")
"""What a grant has in it that stands for more than one person."""


def _is_name(_: object, __: object, value: str) -> None:
    if _NAME.fullmatch(value) is None:
        msg = f"not a channel or a person of Slack's, such as 'C0123456789' or 'U0123456789': {value[:80]!r}"
        raise ValueError(msg)


@frozen
class Route:
    """A conversation of Slack's: a channel's id, or a user's for a direct message to that `person`.

    Raises `ValueError` for what can be none.
    """

    to: str = field(validator=_is_name)
    person: Actor | None = None


Routes: TypeAlias = Callable[[Delivery], Iterable[Route | str]]
"""Gives where a notice goes; a text is a conversation of several people."""


def by_grant(channels: Mapping[str, str | Iterable[str]]) -> Routes:
    """Route by the grants of those who may decide, or could until it ended, or are newly concerned.

    `{"mona": "U0123456789", "role:ops": "C0123456789", "*": "C9876543210"}`: a name belongs to that person. `*` is for
    what anyone may decide on, and for runs that need review.
    """

    def routes(delivery: Delivery) -> Iterable[Route]:
        audience = delivery.audience or ("*",)
        for grant in dict.fromkeys((*audience, *delivery.to)):
            found = channels.get(grant, ())
            for name in (found,) if isinstance(found, str) else found:
                yield Route(name, _person(grant, name))

    return routes


def _person(grant: str, name: str) -> Actor | None:
    """Give whose a conversation is alone: a person's who has a name, in a direct message."""
    person = None if any(mark in grant for mark in _SEVERAL) else Actor(grant)
    return person if name.startswith(("U", "W", "D")) else None


@frozen
class Place:
    """A message: in which conversation, and its time, which is its id there. `route` is what led to it."""

    channel: str
    ts: str
    route: str


def places_of(receipt: str | None) -> dict[str, Place]:
    """Read a receipt, by the routes; what is none of ours is left out."""
    found = (_RECEIPT.fullmatch(part) for part in (receipt or "").split(" "))
    places = (Place(each[1], each[2], each[3] or each[1]) for each in found if each is not None)
    return {place.route: place for place in places}


def receipt_of(places: Iterable[Place]) -> str:
    """Write a receipt: `C0123456789:1700000000.000100`, and so for each message, with spaces between."""
    return " ".join(f"{p.channel}:{p.ts}" + ("" if p.route == p.channel else f"={p.route}") for p in places)
