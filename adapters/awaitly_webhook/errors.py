"""What goes wrong with a webhook."""

from __future__ import annotations

__all__ = ["WebhookFailed"]


class WebhookFailed(Exception):
    """The receiver could not be reached, or did not take it: it is tried again. Names the host, and never the URL."""
