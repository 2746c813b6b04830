"""A channel that hands notices to apprise, which knows the ways to a hundred services."""

from __future__ import annotations

try:
    from awaitly_apprise.channel import AppriseChannel
except ModuleNotFoundError as exc:
    if (exc.name or "").partition(".")[0] != "apprise":
        raise
    missing = f"awaitly_apprise needs apprise, which is missing ({exc.name}): pip install 'awaitly[apprise]'"
    raise ModuleNotFoundError(missing, name=exc.name) from exc
from awaitly_apprise.errors import AppriseFailed
from awaitly_apprise.targets import Target, Targets, by_grant

__all__ = ["AppriseChannel", "AppriseFailed", "Target", "Targets", "by_grant"]
