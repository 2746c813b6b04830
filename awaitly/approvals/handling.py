"""How an approval is being handled while it waits: who took it on, who stands in for whom, what was said and told."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, unique

from awaitly.actors import Actor
from awaitly.values import frozen

__all__ = [
    "DEEPEST",
    "MOST_HANDED",
    "MOST_SPOOFED",
    "UNHANDLED",
    "Delegation",
    "Handling",
    "Inquiry",
    "Remark",
    "RemarkKind",
    "Taken",
]

DEEPEST = 3
"""How often a seat may be handed on from one person to the next."""
MOST_HANDED = 100
"""Seats of one approval that are handed on: each is written anew with whatever happens to it."""

MOST_SPOOFED = 100
"""Spoofed requests that one approval notes: what is written on request has an end."""


@frozen
class Taken:
    """Who has claimed the approval for themselves, and when."""

    by: Actor
    at: datetime


@frozen
class Delegation:
    """A seat that was handed on: `to` may decide on behalf of `owner`, by the grants that the giver held.

    `through` names those in between, the owner first; it ends with the giver.
    """

    owner: str
    to: str
    grants: tuple[str, ...]
    at: datetime
    through: tuple[str, ...]


@unique
class RemarkKind(Enum):
    """What a remark is for."""

    COMMENT = "comment"
    QUESTION = "question"
    ANSWER = "answer"


@frozen
class Remark:
    """Something that was said about the approval, to be read beside it."""

    kind: RemarkKind
    by: Actor
    at: datetime
    text: str


@frozen
class Inquiry:
    """A question to the requester that is not yet answered. `deadline`: the one that stands still meanwhile, if any."""

    by: Actor
    at: datetime
    stops_clock: bool = False
    deadline: datetime | None = None


@frozen
class Handling:
    """What has happened to an approval besides votes and edits.

    `assigned`: who may decide instead of the policy's approvers, where an admin said so, and `assigned_at` how many
    levels of the ladder had been reached then. `told`: how many rungs of the ladder were climbed. `levels`: when each
    level comes, where a calendar laid it down. `reminded`: how many times of reminders have come, be they told or
    missed; `reminded_at`: when one was told last. `stopped`: for how long time has stood still so far. `seen`: who has
    looked at which revision. `spoofed`: who has said at which revision to be somebody else.
    """

    taken: Taken | None = None
    delegations: tuple[Delegation, ...] = ()
    assigned: tuple[str, ...] | None = None
    assigned_at: int = 0
    told: int = 0
    levels: tuple[datetime, ...] = ()
    reminded: int = 0
    reminded_at: datetime | None = None
    inquiry: Inquiry | None = None
    stopped: timedelta = timedelta()
    remarks: tuple[Remark, ...] = ()
    seen: tuple[tuple[str, int], ...] = ()
    spoofed: tuple[tuple[str, int], ...] = ()


UNHANDLED = Handling()
"""Nothing has happened yet."""
