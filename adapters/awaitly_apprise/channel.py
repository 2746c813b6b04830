"""The channel: one notification for each notice and service, in threads with a timeout."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from enum import Enum, auto, unique
from typing import Any

import apprise

from awaitly import Delivery, Duration, Links, Telling, Undeliverable, as_timedelta, clipped, telling
from awaitly_apprise.errors import AppriseFailed
from awaitly_apprise.targets import ByGrant, Target, Targets, by_grant, known
from awaitly_apprise.threads import Threads

__all__ = ["AppriseChannel"]

_REMEMBERED = 10_000
_AT_ONCE = 32
_LONGEST_TITLE = 200
_LONGEST_VALUE, _MOST = 1_000, 30
_CALLS = re.compile(r"[@!](?=(everyone|here|channel|all)\b)|<(?=[@!#])", re.IGNORECASE)
"""What services read as a call to everybody."""


@unique
class _Told(Enum):
    """What became of a send to one service; NEVER: nobody knows what its URL stands for."""

    DONE = auto()
    NOT_NOW = auto()
    NEVER = auto()


class AppriseChannel:
    """Sends each notice to the URLs of `targets`, by grants as for `by_grant`, or by a function of the delivery.

    A send to a service has to be over within `timeout`; where it is not, it is tried again, and the thread that hangs
    is left to itself. With `links`, a target that is one person's has the link that is theirs. Each service is told
    apart from the others: tried again where it does not take a notice, and given up, for itself. No error has an URL in
    it.
    Raises `ValueError` where `timeout` is no length of time.
    """

    def __init__(
        self,
        targets: Targets | ByGrant,
        *,
        links: Links | None = None,
        name: str = "apprise",
        timeout: Duration = "15s",
    ) -> None:
        self._targets = targets if callable(targets) else by_grant(targets)
        self._given: ByGrant = {} if callable(targets) else targets
        self._links = links
        self._name = name
        self._timeout = as_timedelta(timeout).total_seconds()
        self._threads = Threads(_AT_ONCE)
        self._done: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._name

    async def places_for(self, delivery: Delivery) -> Iterable[str]:
        """Name the services of those who are concerned, and once it is over also those that were told before.

        Raises `Undeliverable` where there are none while it waits.
        """
        places = [target.place for target in self._targets_of(delivery)]
        if delivery.resolution is not None:
            return [*places, *filter(known(self._given).__contains__, delivery.told)]
        if not places:
            asked = ", ".join((*delivery.audience, *delivery.to)) or "anyone"
            raise Undeliverable(f"no service is known for {asked}")
        return places

    async def send(self, delivery: Delivery) -> str | None:
        """Tell the service that is the delivery's place.

        Raises `Undeliverable` where that can never be told, and `AppriseFailed` where it cannot now.
        """
        target = self._target(delivery)
        if (delivery.id, target.place) in self._done:
            return None
        link = self._link(delivery, target)
        title, body = _text(telling(delivery, longest=_LONGEST_VALUE, most=_MOST), link)
        try:
            told = await self._threads.run(lambda: _notified(target.url, title, body), self._timeout)
        except TimeoutError:
            told = _Told.NOT_NOW
        match told:
            case _Told.NEVER:
                raise Undeliverable(f"apprise does not know what the URL of {target.place!r} stands for")
            case _Told.NOT_NOW:
                raise AppriseFailed(f"{target.place!r} did not take it (apprise's log says why)")
            case _Told.DONE:
                self._remember(delivery.id, target.place)
        return None

    def _targets_of(self, delivery: Delivery) -> list[Target]:
        try:
            given = [each if isinstance(each, Target) else Target(each) for each in self._targets(delivery)]
        except ValueError as problem:
            raise Undeliverable(str(problem)) from None
        services = {each.place: each for each in given}
        for each in given:
            if services[each.place].url != each.url:
                raise Undeliverable(f"two services are called {each.place!r}: name one of them anew")
        return list(services.values())

    def _target(self, delivery: Delivery) -> Target:
        """Give the service that is the delivery's place; one that is not concerned any more still counts."""
        place = delivery.place or ""
        near = {target.place: target for target in self._targets_of(delivery)}
        found = near.get(place) or known(self._given).get(place)
        if found is None:
            raise Undeliverable(f"no service is called {delivery.place!r} here")
        return found

    def _link(self, delivery: Delivery, target: Target) -> str | None:
        if self._links is None or target.person is None or delivery.resolution is not None:
            return None
        return self._links.url(delivery, target.person)

    def _remember(self, delivery_id: str, place: str) -> None:
        self._done[delivery_id, place] = None
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)


def _notified(url: str, title: str, body: str) -> _Told:
    """Let apprise notify one service. The first call of a program takes long: it imports what it knows."""
    service: Any = apprise.Apprise()  # its types are known in part
    if not service.add(url):
        return _Told.NEVER
    taken = service.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
    return _Told.DONE if taken else _Told.NOT_NOW


def _text(told: Telling, link: str | None) -> tuple[str, str]:
    parts = [_rows(told.facts)]
    if told.proposal:
        parts.append(f"What is proposed\n{_rows(told.proposal)}")
    if told.changes:
        parts.append(f"What was edited of it\n{_rows(told.changes)}")
    body = _quiet("\n\n".join(parts))
    if link is not None:
        body += f"\n\nLook at it, and decide there (the link is yours alone):\n{link}"
    return _quiet(clipped(told.title, _LONGEST_TITLE)), body


def _rows(rows: tuple[tuple[str, str], ...]) -> str:
    return "\n".join(f"{name}: {text}" for name, text in rows)


def _quiet(text: str) -> str:
    """Set a space into whatever would call everybody."""
    return _CALLS.sub(lambda found: f"{found[0]} ", text)
