"""The events of an approval: all that people, the timer and the engine can do to one; `deciding` has the moves."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from awaitly.actors import Actor
from awaitly.approvals.approval import Approval
from awaitly.values import frozen

__all__ = [
    "ALONE",
    "UNSAID",
    "Absence",
    "Answer",
    "Approve",
    "AskAgain",
    "Cancel",
    "Chime",
    "Claim",
    "Comment",
    "Consume",
    "Delegate",
    "Edit",
    "Event",
    "Expire",
    "Inquire",
    "Observe",
    "Personal",
    "Reassign",
    "Reject",
    "Release",
    "Seated",
    "See",
    "Shown",
    "Spoof",
    "Standing",
    "Supersede",
]


@frozen(kw_only=True)
class Shown:
    """What the actor saw: a revision, and the digest of its content; None where the actor does not say."""

    revision: int | None = None
    digest: str | None = None


UNSAID = Shown()


@frozen
class Absence:
    """Somebody is away from `since` until `until`, and `to` stands in for them; `owner` has the roles held then."""

    owner: Actor
    to: str
    since: datetime
    until: datetime


@frozen(kw_only=True)
class Standing:
    """What holds of an actor besides their own name and roles: application rules met, and for whom they stand in."""

    rules: frozenset[str] = frozenset()
    absences: tuple[Absence, ...] = ()


ALONE = Standing()
"""Nothing holds besides the actor's own name and roles."""


# What people do


@frozen
class Approve:
    """Vote yes."""

    by: Actor
    shown: Shown = UNSAID
    standing: Standing = ALONE


@frozen
class Edit:
    """Change the content to `content` (JSON text)."""

    by: Actor
    content: str
    shown: Shown = UNSAID
    standing: Standing = ALONE


@frozen
class Reject:
    """Vote no."""

    by: Actor
    reason: str | None = None
    shown: Shown = UNSAID
    standing: Standing = ALONE


@frozen
class Cancel:
    """Withdraw the question."""

    by: Actor
    reason: str | None = None


@frozen
class See:
    """Look at the current revision."""

    by: Actor


@frozen
class Claim:
    """Take it on: others see that somebody is at it, and where the policy says so, only the claimer may decide."""

    by: Actor
    standing: Standing = ALONE


@frozen
class Release:
    """Give a claim up."""

    by: Actor


@frozen
class Delegate:
    """Hand one's seat on: `to`, a person's name, may decide on the giver's behalf."""

    by: Actor
    to: str
    standing: Standing = ALONE


@frozen
class Reassign:
    """Say, as an admin, who may decide instead of the policy's approvers: grants."""

    by: Actor
    to: tuple[str, ...]


@frozen
class Comment:
    """Say something, to be read beside the question."""

    by: Actor
    text: str
    standing: Standing = ALONE


@frozen
class Inquire:
    """Ask the requester for more information."""

    by: Actor
    text: str
    standing: Standing = ALONE


@frozen
class Answer:
    """Give the information that was asked for."""

    by: Actor
    text: str


@frozen
class Spoof:
    """Say in a request that somebody else acts, or what there was before: it is refused, and this notes it.

    `members` are those of the request that said so, `named` the people whom it named.
    """

    by: Actor
    members: tuple[str, ...]
    named: tuple[str, ...] = ()


# What the timer does


@frozen
class Chime:
    """A time has come: to remind, or to tell the next level."""


@frozen
class Expire:
    """The timer: what the deadline makes of an unanswered approval."""


# What the engine does


@frozen
class Observe:
    """The user's own system of record has decided; the value that it gave stands in the run's journal."""

    by: Actor
    approves: bool
    reason: str | None = None


@frozen
class Supersede:
    """The engine: the run went on, or ended, without this approval."""

    reason: str


@frozen
class AskAgain:
    """The engine: a retried run comes back to a question that its failure had superseded."""

    question: Approval


@frozen
class Consume:
    """The engine: the run takes the decision up."""


Personal: TypeAlias = (
    Approve | Edit | Reject | Cancel | See | Claim | Release | Delegate | Reassign | Comment | Inquire | Answer
)
"""What a person does."""
Seated: TypeAlias = Approve | Edit | Reject | Claim | Delegate | Comment | Inquire
"""What takes a seat, one's own or another's."""
Event: TypeAlias = Personal | Spoof | Chime | Expire | Observe | Supersede | AskAgain | Consume
