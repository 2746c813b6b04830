"""Who pressed a button: Slack's user, and the actor that the application knows this one as."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from attrs import evolve, frozen

from awaitly import Actor

__all__ = ["People", "SlackUser", "actor_of"]


@frozen
class SlackUser:
    """A user by the ids that Slack vouches for; names are not among what is told, as people choose them freely."""

    id: str
    team: str


People: TypeAlias = Callable[[SlackUser], Actor | Awaitable[Actor | None] | None]
"""Gives the actor that a user is, None for a stranger."""


async def actor_of(people: People, user: SlackUser) -> Actor | None:
    """Give the actor, who acts by Slack."""
    found = people(user)
    actor = await found if inspect.isawaitable(found) else found
    return None if actor is None else evolve(actor, via="slack")
