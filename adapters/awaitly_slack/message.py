"""A notice as a message in Block Kit, within what Slack takes: 50 blocks, 3,000 characters a text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from awaitly import Delivery, NoticeKind, Telling, telling
from awaitly_slack.buttons import buttons_of, open_button
from awaitly_slack.texts import fitted, lines_in, plain

__all__ = ["message_of", "nudge_of"]

_LONGEST = 2_900
_LONGEST_HEADER = 150
_LONGEST_TEXT = 300
_LONGEST_VALUE = 1_500
_PARTS = 4
"""Into how many texts a proposal, or what was edited of it, may go; all of a message then has about 20 blocks."""
_LONGEST_URL = 3_000


def message_of(delivery: Delivery, *, decides: bool, opens: bool, url: str | None) -> dict[str, Any]:
    """Write a message: `decides` adds the buttons that do, `opens` the one to the page, by `url` where there is one."""
    told = telling(delivery, longest=_LONGEST_VALUE)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": plain(fitted(told.title, _LONGEST_HEADER))},
        *_sections(lines_in(told.facts, _LONGEST, _PARTS)),
        *_titled("What is proposed", told.proposal),
        *_titled("What was edited of it", told.changes),
    ]
    pressed = _buttons(delivery, decides=decides, opens=opens, url=url)
    if pressed:
        blocks.append({"type": "actions", "elements": pressed})
    return _quiet(told, delivery) | {"blocks": blocks}


def nudge_of(delivery: Delivery) -> dict[str, Any]:
    """Write the short reply by which those in a thread hear that it still waits."""
    told = telling(delivery, longest=_LONGEST_VALUE)
    facts = [fact for fact in told.facts if fact[0] in {"Now asks", "Until"}]
    lines = "\n".join([fitted(told.title, _LONGEST_TEXT), *lines_in(facts, _LONGEST - _LONGEST_TEXT, 1)])
    return _quiet(told, delivery) | {"blocks": _sections([lines])}


def _quiet(told: Telling, delivery: Delivery) -> dict[str, Any]:
    """Give what each message has: a text for notifications, in which nothing is looked for, and the notice's id."""
    return {
        "text": fitted(told.title, _LONGEST_TEXT),
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {"event_type": "awaitly_notice", "event_payload": {"id": delivery.id}},
    }


def _titled(title: str, rows: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    if not rows:
        return []
    heading = {"type": "section", "text": {"type": "mrkdwn", "text": f"*{title}*", "verbatim": True}}
    return [{"type": "divider"}, heading, *_sections(lines_in(rows, _LONGEST, _PARTS))]


def _sections(texts: Iterable[str]) -> list[dict[str, Any]]:
    return [{"type": "section", "text": plain(text)} for text in texts]


def _buttons(delivery: Delivery, *, decides: bool, opens: bool, url: str | None) -> list[dict[str, Any]]:
    approval = delivery.approval
    if approval is None or delivery.resolution is not None or delivery.kind is NoticeKind.REVIEW:
        return []
    usable = url if url is None or len(url) <= _LONGEST_URL else None
    return [*(buttons_of(approval) if decides else ()), *(open_button(approval, usable) if opens else ())]
