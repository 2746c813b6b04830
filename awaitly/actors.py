"""Who acts: the person, or the program on a person's behalf, whose name stands beside a decision."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from attrs import field, frozen

__all__ = ["ADMIN", "SYSTEM_TIMEOUT", "Actor", "By", "as_actor"]

ADMIN = "admin"
"""The role that may cancel what others asked for."""


def _roles(values: Iterable[str]) -> frozenset[str]:
    if isinstance(values, str):
        msg = f"roles is a collection of names, not one text: roles=[{values!r}]"
        raise TypeError(msg)
    return frozenset(values)


def _named(_: object, __: object, value: str) -> None:
    if not value.strip():
        msg = "an actor needs a name"
        raise ValueError(msg)


@frozen
class Actor:
    """A person or a program that the application has authenticated.

    `on_behalf_of` names the human behind a program: that person counts as the requester where self-approval is judged.
    """

    name: str = field(validator=_named)
    roles: frozenset[str] = field(default=frozenset(), converter=_roles, kw_only=False)
    on_behalf_of: str | None = field(default=None, kw_only=True)

    @property
    def person(self) -> str:
        """The name of the human who answers for what this actor does."""
        return self.on_behalf_of or self.name

    def holds(self, grant: str) -> bool:
        """Whether `grant`, an actor's name or `role:NAME`, covers this actor."""
        if grant.startswith("role:"):
            return grant.removeprefix("role:") in self.roles
        return grant == self.name


By: TypeAlias = Actor | str
"""What the verbs take as `by=`: an actor, or a plain name for an actor without roles."""

SYSTEM_TIMEOUT = Actor("system:timeout")
"""Decides where a policy says that an unanswered approval counts as approved or rejected."""


def as_actor(by: By) -> Actor:
    """Give the actor that `by` means."""
    return Actor(by) if isinstance(by, str) else by
