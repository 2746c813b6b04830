"""Channels: the ways by which people are told. Write your own by the Protocol here; `ChannelContract` tests it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from awaitly.actors import Actor
from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.differing import Difference
from awaitly.approvals.notices import NoticeKind
from awaitly.durations import Duration, as_timedelta
from awaitly.errors import PendingApproval
from awaitly.statuses import ApprovalStatus
from awaitly.values import frozen

__all__ = ["Delivery", "NotificationChannel", "Resolution", "RetryLater", "SeveralPlaces", "Undeliverable"]


class RetryLater(Exception):
    """What a channel raises where the service says when to try again: after `after`, as in `"1m"`.

    Raises `ValueError` itself where that is a text and no length of time.
    """

    def __init__(self, after: Duration, reason: str = "the service asks to wait") -> None:
        super().__init__(reason)
        self.after = after if isinstance(after, timedelta) else as_timedelta(after)


class Undeliverable(Exception):
    """What a channel raises where no further try can help: the notice is a dead letter at once."""


@frozen
class Resolution:
    """How an approval came to its end: `by` is None where nobody decided."""

    status: ApprovalStatus
    at: datetime
    by: Actor | None = None
    reason: str | None = None


@frozen(kw_only=True)
class Delivery:
    """One notice as a channel is to send it; what it shows is as things stand now, with redacted fields blanked.

    `id` is the same however often it is sent. `approval` is what people are told of, None for a run that needs review,
    of which `reason` says why. `resolution` is there once it waits no more: then there is nothing left to decide.
    `audience` has the grants of those who may decide now, or could until it ended (empty for anyone), `to` those whom
    this notice newly concerns. `changes` is what the current revision has changed of the proposal. `receipt` is what
    this channel gave for the last notice about the same, so that a message can be updated instead of repeated.
    `made_at` is the store's time at which all this was read.

    Of a channel that names places (`SeveralPlaces`), `place` is the one to send it to, and `receipt` the last one that
    this place gave; `told` are the places to which earlier notices about the same went, or are still to go.
    """

    id: str
    kind: NoticeKind
    at: datetime
    made_at: datetime
    run_id: str
    workflow: str
    event: AuditEvent | None = None
    approval: PendingApproval | None = None
    resolution: Resolution | None = None
    audience: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    changes: tuple[Difference, ...] = ()
    reason: str | None = None
    receipt: str | None = None
    place: str | None = None
    told: tuple[str, ...] = ()


class NotificationChannel(Protocol):
    """A way by which people are told."""

    @property
    def name(self) -> str:
        """Its name among the channels of an orchestrator; it stands in the store, so it is to stay the same."""
        ...

    async def send(self, delivery: Delivery) -> str | None:
        """Send a notice, and give a receipt where a later one can update this one: any text, kept as it is.

        What is neither a text nor None is none, and the notice a dead letter: it was sent, and is not sent again.
        Whatever it raises has the notice tried again later; `RetryLater` says when, `Undeliverable` not to. It may be
        cancelled once it takes too long, and be called again for what it has sent: the id is then the same.
        """
        ...


@runtime_checkable
class SeveralPlaces(NotificationChannel, Protocol):
    """A channel that tells of one notice in several places: each has its own tries, receipt and dead letter."""

    async def places_for(self, delivery: Delivery) -> Iterable[str]:
        """Name the places that a notice goes to; for none it counts as sent.

        It is asked before anything of a notice is sent, and what it raises counts as from `send`; so do names that are
        no texts. What it names is written down, without secrets therefore; `send` is then called for each, with the
        name as `delivery.place`, by any process that has the channel, and however the names have changed since.
        """
        ...
