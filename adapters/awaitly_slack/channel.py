"""The channel: one message for each approval, updated until it says how that ended."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from awaitly import Actor, Delivery, Duration, Links, NoticeKind, Undeliverable, as_timedelta
from awaitly_slack.api import HOST, SlackApi
from awaitly_slack.errors import SlackRefused
from awaitly_slack.message import message_of, nudge_of
from awaitly_slack.places import Place, Route, Routes, by_grant, places_of, receipt_of

__all__ = ["SlackChannel"]

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

    Whatever is about one approval is one message in each channel, which is updated whatever becomes of the others;
    reminders and escalations are replies to it besides. `buttons` lets people decide in it, by `SlackActions`. With
    `links` there is a button to the page: a direct message has the link of that person, elsewhere `SlackActions` gives
    whoever presses it their own. `base_url` is where Slack is. Raises `DefinitionError` for a token that is none.
    Raises `ValueError` where `timeout` is no length of time.
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

    async def places_for(self, delivery: Delivery) -> Iterable[str]:
        """Name the conversations that a notice goes to: wherever there is a message already, it is kept up to date.

        Raises `Undeliverable` where there is none.
        """
        names = [*self._conversations(delivery), *delivery.told, *places_of(delivery.receipt)]
        if not names:
            asked = ", ".join((*delivery.audience, *delivery.to)) or "anyone"
            raise Undeliverable(f"no channel of Slack's is known for {asked}")
        return names

    async def send(self, delivery: Delivery) -> str | None:
        """Post a notice to its place, or update what was posted there. Gives where it stands now.

        Raises `Undeliverable` where it can never stand there, `RetryLater` or `SlackFailed` where it does not for now.
        """
        to = _conversation(delivery.place)
        done = self._done.get((delivery.id, to))
        try:
            place = await self._sent(delivery, to) if done is None else done
        except SlackRefused as refusal:
            if refusal.code in _NEVER:
                raise Undeliverable(f"{refusal} ({to})") from refusal
            raise
        self._remember(delivery.id, place)
        return receipt_of([place])

    def _conversations(self, delivery: Delivery) -> dict[str, Actor | None]:
        """Give where a notice goes, and whose alone each conversation is."""
        try:
            given = [each if isinstance(each, Route) else Route(each) for each in self._routes(delivery)]
        except ValueError as problem:
            raise Undeliverable(str(problem)) from problem
        people = {name: {each.person for each in given if each.to == name} for name in (each.to for each in given)}
        return {name: next(iter(whose)) if len(whose) == 1 else None for name, whose in people.items()}

    async def _sent(self, delivery: Delivery, to: str) -> Place:
        message = message_of(delivery, decides=self._buttons, opens=self._opens, url=self._link(delivery, to))
        before = places_of(delivery.receipt).get(to)
        place = None if before is None else await self._updated(before, message)
        if place is None:
            answer = await self._api.call("chat.postMessage", {"channel": to, **message})
            return Place(str(answer.get("channel", to)), str(answer.get("ts", "")), to)
        if delivery.kind in _NUDGES:
            reply = {"channel": place.channel, "thread_ts": place.ts, **nudge_of(delivery)}
            await self._api.call("chat.postMessage", reply)
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

    def _link(self, delivery: Delivery, to: str) -> str | None:
        if self._links is None or delivery.resolution is not None:
            return None
        person = self._conversations(delivery).get(to)
        return None if person is None else self._links.url(delivery, person)

    def _remember(self, delivery_id: str, place: Place) -> None:
        self._done[delivery_id, place.route] = place
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)


def _conversation(place: str | None) -> str:
    """Give where to post. Raises `Undeliverable` for what can be no conversation."""
    try:
        return Route(place or "").to
    except ValueError as problem:
        raise Undeliverable(str(problem)) from problem
