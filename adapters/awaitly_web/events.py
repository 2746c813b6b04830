"""How a stream's events are written: as server-sent events over HTTP, as messages in JSON over a WebSocket.

Both say the same: `here` with the mark of how things stand, once, and `changed` with another mark whenever they do.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from attrs import frozen

__all__ = ["EVENTS", "MESSAGES", "SERVER_SENT", "Form"]

EVENTS = ("here", "changed", "alive")
"""The events; `alive` is a comment among server-sent events, which know such a thing."""


@frozen
class Form:
    """One way to write events: what comes first, what is said when there is nothing to say, and an event.

    `later` is all that somebody hears who has too many open: that they are to ask again much later.
    """

    opening: bytes
    alive: bytes
    later: bytes
    event: Callable[[str, str], bytes]


def _sent(name: str, mark: str) -> bytes:
    return f"id: {mark}\nevent: {name}\ndata: {mark}\n\n".encode()


def _message(name: str, mark: str) -> bytes:
    return json.dumps({"event": name, "id": mark}, separators=(",", ":")).encode()


SERVER_SENT = Form(b"retry: 2000\n\n", b": still here\n\n", b"retry: 30000\n\n", _sent)
MESSAGES = Form(b"", b'{"event":"alive","id":null}', b"", _message)
