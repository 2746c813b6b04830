"""Who acts: the person, or the program on a person's behalf, whose name stands beside a decision."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias

from attrs import field

from awaitly.values import frozen

__all__ = ["ADMIN", "SYSTEM_TIMEOUT", "Actor", "By", "as_actor"]

ADMIN = "admin"
"""The role that may cancel what others asked for, and hand on or free what others were to decide."""


def _roles(values: Iterable[str]) -> frozenset[str]:
    if isinstance(values, str):
        msg = f"roles is a collection of names, not one text: roles=[{values!r}]"
        raise TypeError(msg)
    return frozenset(values)


def _named(_: object, __: object, value: str) -> None:
    if not value.strip():
        msg = "an actor needs a name"
        raise ValueError(msg)


def _aware(_: object, __: object, value: datetime | None) -> None:
    if value is not None and value.tzinfo is None:
        msg = f"authenticated_at has no time zone: {value.isoformat()}"
        raise ValueError(msg)


@frozen
class Actor:
    """A person or a program that the application has authenticated.

    `on_behalf_of` names the human behind a program: that person counts as the requester where self-approval is judged.
    `via` says by which channel they act (the ledger notes it), `authenticated_at`, an aware time, when they last proved
    who they are (a policy may want that to be recent). Both are of this one act, so they make no difference between two
    actors. Raises `ValueError` for a name without a letter, or a time without its zone, and `TypeError` for roles that
    are one text.
    """

    name: str = field(validator=_named)
    roles: frozenset[str] = field(default=frozenset(), converter=_roles, kw_only=False)
    on_behalf_of: str | None = field(default=None, kw_only=True)
    via: str | None = field(default=None, kw_only=True, eq=False)
    authenticated_at: datetime | None = field(default=None, kw_only=True, eq=False, repr=False, validator=_aware)

    @property
    def person(self) -> str:
        """The name of the human who answers for what this actor does."""
        return self.on_behalf_of or self.name

    def holds(self, grant: str) -> bool:
        """Whether `grant`, an actor's name or `role:NAME`, covers this actor."""
        if grant.startswith("role:"):
            return grant.removeprefix("role:") in self.roles
        return not grant.startswith("rule:") and grant.removeprefix("name:") == self.name


By: TypeAlias = Actor | str
"""What the verbs take as `by=`: an actor, or a plain name for an actor without roles."""

SYSTEM_TIMEOUT = Actor("system:timeout")
"""Decides where a policy says that an unanswered approval counts as approved or rejected."""


def as_actor(by: By) -> Actor:
    """Give the actor that `by` means."""
    return Actor(by) if isinstance(by, str) else by
