"""A channel that posts notices to Slack, and what takes the decisions that people press there."""

from __future__ import annotations

try:
    from awaitly_slack.channel import SlackChannel
except ModuleNotFoundError as exc:
    if (exc.name or "").partition(".")[0] not in {"httpx2", "httpcore2"}:
        raise
    missing = f"awaitly_slack needs httpx2, which is missing ({exc.name}): pip install 'awaitly[slack]'"
    raise ModuleNotFoundError(missing, name=exc.name) from exc
from awaitly_slack.actions import SlackActions
from awaitly_slack.errors import SlackFailed
from awaitly_slack.people import People, SlackUser
from awaitly_slack.places import Routes, by_grant

__all__ = ["People", "Routes", "SlackActions", "SlackChannel", "SlackFailed", "SlackUser", "by_grant"]
