"""What goes wrong with Slack."""

from __future__ import annotations

__all__ = ["SlackFailed", "SlackRefused"]


class SlackFailed(Exception):
    """Slack could not be reached, or did not take it for now: it is tried again. Never has the token in it."""


class SlackRefused(SlackFailed):
    """Slack answered that it will not: `code` is the word it has for that."""

    def __init__(self, method: str, code: str) -> None:
        super().__init__(f"Slack refused {method}: {code}")
        self.code = code
