"""People as they are written beside what they did."""

from __future__ import annotations

from collections.abc import Iterable

from awaitly.actors import Actor
from awaitly.approvals.grants import ANYONE
from awaitly.visible import visible

__all__ = ["acting", "listed", "others"]


def acting(actor: Actor) -> str:
    """Name an actor, and for whom they act."""
    behind = "" if actor.on_behalf_of is None else f" for {visible(actor.on_behalf_of)}"
    return f"{visible(actor.name)}{behind}"


def listed(names: Iterable[str], last: str = "and") -> str:
    """Name several: `ann, bob and cid`."""
    *rest, end = [visible(name) for name in names] or ["nobody"]
    return f"{', '.join(rest)} {last} {end}" if rest else end


def others(grants: Iterable[str] | None) -> str:
    """Name those who may do something; None and `*` are anyone."""
    named = (ANYONE,) if grants is None else tuple(grants)
    return listed(("anyone" if grant == ANYONE else grant for grant in named), "or")
