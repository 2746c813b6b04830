"""What roles may see and do here, before any policy of an approval is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, unique
from typing import TypeAlias

from awaitly_web.core import Actor

__all__ = ["EVERYTHING", "Permission", "Permits", "by_roles", "everybody_decides"]


@unique
class Permission(Enum):
    """One kind of thing that can be done here."""

    DECIDE = "decide"
    """See what waits for oneself, and decide, comment, claim, delegate."""
    START = "start"
    """Start runs, and send signals and promises' answers to any run whose id one knows."""
    VIEW = "view"
    """See all runs and approvals, and not only those that are one's own business."""
    ADMINISTER = "administer"
    """Cancel and retry runs, reassign approvals, look at the ledger and at dead letters."""
    SIGNED_IN = "signed in"
    """What everybody may who is known here; each answer then shows nobody more than what concerns them."""
    NOBODY_IN_PARTICULAR = "public"
    """What anybody may see, without being known: health, the API's description."""


Permits: TypeAlias = Callable[[Actor], frozenset[Permission]]
"""Says what an actor may do here."""

EVERYTHING = frozenset(Permission)


def everybody_decides(actor: Actor) -> frozenset[Permission]:
    """Let everybody decide what their policies let them, and admins do everything."""
    return EVERYTHING if "admin" in actor.roles else frozenset({Permission.DECIDE})


def by_roles(table: Mapping[str, Iterable[Permission]]) -> Permits:
    """Give what roles may do: an actor may do what any of their roles may."""
    frozen = {role: frozenset(permissions) for role, permissions in table.items()}

    def permits(actor: Actor) -> frozenset[Permission]:
        return frozenset[Permission]().union(*(frozen.get(role, frozenset()) for role in actor.roles))

    return permits
