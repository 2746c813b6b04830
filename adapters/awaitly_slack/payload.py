"""What Slack sends when somebody presses a button."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeGuard
from urllib.parse import parse_qs

from attrs import frozen

from awaitly_slack.buttons import Bound, Press
from awaitly_slack.people import SlackUser

__all__ = ["Pressed", "pressed_in"]

_PRESSES = {press.value: press for press in Press}
_LINK = "link"
"""The value of a button that leads somewhere by itself: Slack tells of it too, and nothing is to be done."""


@frozen
class Pressed:
    """A button that was pressed: by whom, on what, and where to answer."""

    press: Press
    bound: Bound
    user: SlackUser
    answer_to: str


def pressed_in(body: bytes) -> Pressed | None:
    """Read a signed body; None for what is not about our buttons. Raises `ValueError` for what makes no sense."""
    try:
        form = parse_qs(body.decode("utf-8"), max_num_fields=20)
        payload: object = json.loads(form.get("payload", ["null"])[0])
    except RecursionError as exc:
        raise ValueError("it is nested too deeply") from exc
    if not _is_object(payload):
        raise ValueError("it has no payload")
    if payload.get("type") != "block_actions":
        return None
    actions: object = payload.get("actions")
    if not _is_list(actions) or len(actions) != 1:
        raise ValueError("it is not about one action")
    action: object = actions[0]
    press = _PRESSES.get(_text(action, "action_id"))
    if press is None or _text(action, "value") == _LINK:
        return None
    return Pressed(press, Bound.read(_text(action, "value")), _user(payload), _text(payload, "response_url"))


def _user(payload: Mapping[str, Any]) -> SlackUser:
    """Give who pressed: their own team may be another one than that of the conversation, where it is shared."""
    user: object = payload.get("user")
    team = _text(user, "team_id") or _text(payload.get("team"), "id")
    found = SlackUser(_text(user, "id"), team)
    if not (found.id and found.team):
        raise ValueError("it says not who pressed")
    return found


def _text(value: object, name: str) -> str:
    found: object = value.get(name) if _is_object(value) else None
    return found if isinstance(found, str) else ""


def _is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
