"""How a question can end for the workflow that asked: the outcomes of approvals, as values."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeAlias, TypeVar

from attrs import Factory

from awaitly.actors import Actor
from awaitly.durations import utc_now
from awaitly.errors import Expired
from awaitly.values import frozen

__all__ = ["SYSTEM_OF_RECORD", "Approved", "Edited", "Outcome", "Pending", "Rejected"]

T = TypeVar("T")

SYSTEM_OF_RECORD = Actor("system:record")
"""Stands as the actor where a check of the user's own names nobody."""


@frozen
class Approved(Generic[T]):
    """Approved as proposed."""

    value: T
    by: Actor = SYSTEM_OF_RECORD
    at: datetime = Factory(utc_now)


@frozen
class Edited(Generic[T]):
    """Approved with a change: `value` is what counts, `original` is what was proposed."""

    original: T
    value: T
    by: Actor
    at: datetime


@frozen
class Rejected:
    """Refused by a person, or by the policy at the deadline."""

    reason: str | None = None
    by: Actor = SYSTEM_OF_RECORD
    at: datetime = Factory(utc_now)


@frozen
class Pending:
    """What the check of an `approval_step` answers while nobody has decided; never recorded."""

    reason: str | None = None


Outcome: TypeAlias = Approved[T] | Edited[T] | Rejected | Expired
"""How an approval can end for the workflow that asked."""
