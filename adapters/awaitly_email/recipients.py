"""Who gets a mail: addresses, and the people who read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from attrs import field, frozen

from awaitly import Actor, Delivery

__all__ = ["Recipient", "Recipients", "by_grant"]

_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)*", re.ASCII)
_LONGEST = 254
_SEVERAL = (":", "*")
"""What a grant has in it that stands for more than one person."""


def _is_address(_: object, __: object, value: str) -> None:
    if len(value) > _LONGEST or _ADDRESS.fullmatch(value) is None:
        msg = f"not an address of the kind name@example.com: {value[:80]!r}"
        raise ValueError(msg)


@frozen
class Recipient:
    """An address, and the person to whom it belongs: links are made for a person, so a shared address gets none.

    Raises `ValueError` for what is no plain ASCII address.
    """

    address: str = field(validator=_is_address)
    person: Actor | None = None


Recipients: TypeAlias = Callable[[Delivery], Iterable[Recipient | str]]
"""Gives those who get a mail of a notice; a text is an address without a person."""


def by_grant(addresses: Mapping[str, str | Iterable[str]]) -> Recipients:
    """Give recipients by the grants of those who may decide, or could until it ended, or are newly concerned.

    `{"mona": "mona@example.com", "role:ops": "ops@example.com", "*": "approvals@example.com"}`: a name belongs to that
    person, a role to nobody in particular. `*` is for what anyone may decide on, and for runs that need review.
    """

    def recipients(delivery: Delivery) -> Iterable[Recipient]:
        audience = delivery.audience or ("*",)
        for grant in dict.fromkeys((*audience, *delivery.to)):
            found = addresses.get(grant, ())
            for address in (found,) if isinstance(found, str) else found:
                yield Recipient(address, _person(grant))

    return recipients


def _person(grant: str) -> Actor | None:
    return None if any(mark in grant for mark in _SEVERAL) else Actor(grant)
