"""The channel: one message for each approval, updated until it says how that ended."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from awaitly import Delivery, Duration, Links, NoticeKind, RetryLater, Undeliverable, as_timedelta
from awaitly_slack.api import HOST, SlackApi
from awaitly_slack.errors import SlackFailed, SlackRefused
from awaitly_slack.message import message_of, nudge_of
from awaitly_slack.places import Place, Route, Routes, by_grant, places_of, receipt_of

__all__ = ["SlackChannel"]

LOGGER = logging.getLogger("awaitly.slack")
_REMEMBERED = 10_000
_NUDGES = {NoticeKind.REMINDER, NoticeKind.ESCALATED}
_GONE = {
    "cant_update_message",
    "channel_not_found",
    "edit_window_closed",
    "is_archived",
    "is_inactive",
    "message_not_found",
}
"""The message cannot be updated any more: a new one says it instead."""
_NEVER = {
    "cannot_reply_to_message",
    "channel_not_found",
    "channel_type_not_supported",
    "cannot_dm_bot",
    "invalid_arguments",
    "invalid_blocks",
    "invalid_blocks_format",
    "is_archived",
    "is_inactive",
    "metadata_too_large",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "not_in_channel",
    "restricted_action",
    "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel",
    "user_disabled",
    "user_not_found",
}
"""Slack will not take this there, however often it comes. What is wrong with the token may be mended: it is no such."""


class SlackChannel:
    """Posts each notice by a bot's `token` to `channels`: ids by grants, as for `by_grant`, or a function.

    Whatever is about one approval is one message in each channel, which is updated; reminders and escalations are
    replies to it besides. `buttons` lets people decide in it, by `SlackActions`. With `links` there is a button to the
    page: a direct message has the link of that person, elsewhere `SlackActions` gives whoever presses it their own.
    `base_url` is where Slack is. Raises `DefinitionError` for a token that is none.
    """

    def __init__(
        self,
        token: str,
        channels: Routes | Mapping[str, str | Iterable[str]],
        *,
        links: Links | None = None,
        buttons: bool = True,
        name: str = "slack",
        base_url: str = HOST,
        timeout: Duration = "10s",
    ) -> None:
        self._api = SlackApi(token, base_url, as_timedelta(timeout).total_seconds())
        self._routes = channels if callable(channels) else by_grant(channels)
        self._links = links
        self._buttons = buttons
        self._name = name
        self._done: OrderedDict[tuple[str, str], Place] = OrderedDict()

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._name

    async def send(self, delivery: Delivery) -> str | None:
        """Post a notice, or update what was posted, everywhere. Gives where it stands now.

        Raises `Undeliverable` where it can stand nowhere, `RetryLater` or `SlackFailed` where it does not for now; what
        went out before is not repeated then, by this process.
        """
        before = places_of(delivery.receipt)
        routes = self._routes_for(delivery, before)
        if not routes:
            asked = ", ".join((*delivery.audience, *delivery.to)) or "anyone"
            raise Undeliverable(f"no channel of Slack's is known for {asked}")
        after = await self._sent_everywhere(delivery, routes, before)
        return receipt_of((before | after).values())

    def _routes_for(self, delivery: Delivery, before: Mapping[str, Place]) -> list[Route]:
        """Give where it goes, each once: wherever there is a message already, it is kept up to date."""
        try:
            given = [each if isinstance(each, Route) else Route(each) for each in self._routes(delivery)]
        except ValueError as problem:
            raise Undeliverable(str(problem)) from problem
        people = {name: {each.person for each in given if each.to == name} for name in (each.to for each in given)}
        every = [Route(name, next(iter(whose)) if len(whose) == 1 else None) for name, whose in people.items()]
        return [*every, *(Route(name) for name in before if name not in people)]

    async def _sent_everywhere(
        self, delivery: Delivery, routes: list[Route], before: Mapping[str, Place]
    ) -> dict[str, Place]:
        """Try every conversation before saying where it could not be said."""
        after: dict[str, Place] = {}
        refused: list[SlackRefused] = []
        trouble: RetryLater | SlackFailed | None = None
        for route in routes:
            try:
                after[route.to] = await self._sent(delivery, route, before.get(route.to))
            except RetryLater as later:
                trouble = later
            except SlackRefused as refusal:
                if refusal.code in _NEVER:
                    LOGGER.warning("%s (%s)", refusal, route.to)
                    refused.append(refusal)
                else:
                    trouble = trouble or refusal
            except SlackFailed as failed:
                trouble = trouble or failed
        if trouble is not None:
            raise trouble
        if not after:
            raise Undeliverable(str(refused[0])) from refused[0]
        return after

    async def _sent(self, delivery: Delivery, route: Route, before: Place | None) -> Place:
        done = self._done.get((delivery.id, route.to))
        if done is not None:
            return done
        message = message_of(delivery, decides=self._buttons, opens=self._opens, url=self._link(delivery, route))
        place = None if before is None else await self._updated(before, message)
        if place is None:
            answer = await self._api.call("chat.postMessage", {"channel": route.to, **message})
            place = Place(str(answer.get("channel", route.to)), str(answer.get("ts", "")), route.to)
        elif delivery.kind in _NUDGES:
            reply = {"channel": place.channel, "thread_ts": place.ts, **nudge_of(delivery)}
            await self._api.call("chat.postMessage", reply)
        self._remember(delivery.id, place)
        return place

    async def _updated(self, place: Place, message: Mapping[str, object]) -> Place | None:
        """Update a message; None where it is gone."""
        try:
            await self._api.call("chat.update", {"channel": place.channel, "ts": place.ts, **message})
        except SlackRefused as refusal:
            if refusal.code in _GONE:
                return None
            raise
        return place

    @property
    def _opens(self) -> bool:
        return self._links is not None

    def _link(self, delivery: Delivery, route: Route) -> str | None:
        if self._links is None or route.person is None or delivery.resolution is not None:
            return None
        return self._links.url(delivery, route.person)

    def _remember(self, delivery_id: str, place: Place) -> None:
        self._done[delivery_id, place.route] = place
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
