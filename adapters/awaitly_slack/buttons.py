"""The buttons of a message: what they are called in a callback, and the content that they are bound to."""

from __future__ import annotations

import json
from enum import Enum, unique
from typing import Any

from attrs import frozen

from awaitly import PendingApproval
from awaitly_slack.texts import plain

__all__ = ["Bound", "Press", "buttons_of", "open_button"]

_LONGEST_VALUE = 2_000


@unique
class Press(Enum):
    """What somebody can press."""

    APPROVE = "awaitly.approve"
    REJECT = "awaitly.reject"
    OPEN = "awaitly.open"


@frozen
class Bound:
    """What a button decides on: one revision of one approval, by its digest."""

    run_id: str
    key: str
    revision: int
    digest: str

    @classmethod
    def of(cls, approval: PendingApproval) -> Bound:
        """Bind to what an approval shows now."""
        return cls(approval.run_id, approval.key, approval.revision, approval.digest)

    def written(self) -> str:
        """Write it as a button's value."""
        return json.dumps([self.run_id, self.key, self.revision, self.digest], separators=(",", ":"))

    @classmethod
    def read(cls, value: object) -> Bound:
        """Read a button's value. Raises `ValueError` for what is none."""
        try:
            found: object = json.loads(value) if isinstance(value, str) and len(value) <= _LONGEST_VALUE else None
        except RecursionError as exc:
            raise ValueError("it is nested too deeply") from exc
        match found:
            case [str(run_id), str(key), int(revision), str(digest)] if not isinstance(revision, bool):
                return cls(run_id, key, revision, digest)
            case _:
                raise ValueError("this is not the value of one of our buttons")


def buttons_of(approval: PendingApproval) -> list[dict[str, Any]]:
    """Give the buttons that decide; none where the names of run and question are longer than a button can hold."""
    value = Bound.of(approval).written()
    if len(value) > _LONGEST_VALUE:
        return []
    return [
        _button(Press.APPROVE, "Approve", value, style="primary", confirm=_sure("Approve what is shown?", "Approve")),
        _button(Press.REJECT, "Reject", value, style="danger", confirm=_sure("Reject it?", "Reject")),
    ]


def open_button(approval: PendingApproval, url: str | None) -> list[dict[str, Any]]:
    """Give the button that leads to the page: by a link where it is one person's, or else by asking who presses it."""
    value = Bound.of(approval).written()
    if url is not None:
        return [_button(Press.OPEN, "Open", "link", url=url)]
    return [_button(Press.OPEN, "Open", value)] if len(value) <= _LONGEST_VALUE else []


def _button(press: Press, text: str, value: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": press.value, "text": plain(text), "value": value, **more}


def _sure(question: str, yes: str) -> dict[str, Any]:
    """Ask again: a button on a telephone is soon touched."""
    return {"title": plain("Are you sure?"), "text": plain(question), "confirm": plain(yes), "deny": plain("Back")}
