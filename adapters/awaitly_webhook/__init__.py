"""A channel that posts notices to a URL, signed in the format of Standard Webhooks."""

from __future__ import annotations

try:
    from awaitly_webhook.channel import WebhookChannel
except ModuleNotFoundError as exc:
    if (exc.name or "").partition(".")[0] not in {"httpx2", "httpcore2"}:
        raise
    missing = f"awaitly_webhook needs httpx2, which is missing ({exc.name}): pip install 'awaitly[webhook]'"
    raise ModuleNotFoundError(missing, name=exc.name) from exc
from awaitly_webhook.addresses import Reach
from awaitly_webhook.errors import WebhookFailed

__all__ = ["Reach", "WebhookChannel", "WebhookFailed"]
