"""The channel: one notification for each notice, to each service, in threads with a timeout."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from enum import Enum, auto, unique
from typing import Any

import apprise

from awaitly import Delivery, Duration, Links, Telling, Undeliverable, as_timedelta, clipped, telling
from awaitly_apprise.errors import AppriseFailed
from awaitly_apprise.targets import Target, Targets, by_grant
from awaitly_apprise.threads import Threads

__all__ = ["AppriseChannel"]

LOGGER = logging.getLogger("awaitly.apprise")
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
    is left to itself. With `links`, a target that is one person's has the link that is theirs. Where one service takes
    a notice and another does not, this process tries the other alone. No error has an URL in it.
    """

    def __init__(
        self,
        targets: Targets | Mapping[str, Target | str | Iterable[Target | str]],
        *,
        links: Links | None = None,
        name: str = "apprise",
        timeout: Duration = "15s",
    ) -> None:
        self._targets = targets if callable(targets) else by_grant(targets)
        self._links = links
        self._name = name
        self._timeout = as_timedelta(timeout).total_seconds()
        self._threads = Threads(_AT_ONCE)
        self._done: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._name

    async def send(self, delivery: Delivery) -> str | None:
        """Send a notice. Raises `Undeliverable` where nobody can be told, `AppriseFailed` where somebody cannot now."""
        targets = self._targets_of(delivery)
        if not targets:
            asked = ", ".join((*delivery.audience, *delivery.to)) or "anyone"
            raise Undeliverable(f"no service is known for {asked}")
        links, refused = self._links_of(delivery, targets)
        came = [await self._told(delivery, target, links[target.url]) for target in targets if target.url in links]
        for number, each in enumerate(came, 1):
            if each is _Told.NEVER:
                LOGGER.warning("apprise does not know what URL %d of %d stands for", number, len(came))
        if _Told.NOT_NOW in came:
            numbers = ", ".join(str(number) for number, each in enumerate(came, 1) if each is _Told.NOT_NOW)
            raise AppriseFailed(f"of {len(came)} services these did not take it: {numbers} (apprise's log says why)")
        if _Told.DONE not in came:
            none = Undeliverable(f"apprise knows none of the {len(came)} URLs that it was given")
            raise refused[0] if refused else none
        return None

    def _links_of(
        self, delivery: Delivery, targets: Iterable[Target]
    ) -> tuple[Mapping[str, str | None], list[Undeliverable]]:
        """Give the links by URL, and why some have none: those are not told, and the others are."""
        links: dict[str, str | None] = {}
        refused: list[Undeliverable] = []
        for target in targets:
            try:
                links[target.url] = self._link(delivery, target)
            except Undeliverable as never:
                LOGGER.warning("%s", never)
                refused.append(never)
        return links, refused

    def _targets_of(self, delivery: Delivery) -> list[Target]:
        try:
            given = [each if isinstance(each, Target) else Target(each) for each in self._targets(delivery)]
        except ValueError as problem:
            raise Undeliverable(str(problem)) from None
        return list({each.url: each for each in given}.values())

    async def _told(self, delivery: Delivery, target: Target, link: str | None) -> _Told:
        """Tell one service, unless it was told before."""
        if (delivery.id, target.url) in self._done:
            return _Told.DONE
        title, body = _text(telling(delivery, longest=_LONGEST_VALUE, most=_MOST), link)
        try:
            came = await self._threads.run(lambda: _notified(target.url, title, body), self._timeout)
        except TimeoutError:
            return _Told.NOT_NOW
        if came is _Told.DONE:
            self._remember(delivery.id, target.url)
        return came

    def _link(self, delivery: Delivery, target: Target) -> str | None:
        if self._links is None or target.person is None or delivery.resolution is not None:
            return None
        return self._links.url(delivery, target.person)

    def _remember(self, delivery_id: str, url: str) -> None:
        self._done[delivery_id, url] = None
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
