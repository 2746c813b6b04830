"""What goes wrong with apprise."""

from __future__ import annotations

__all__ = ["AppriseFailed"]


class AppriseFailed(Exception):
    """A service did not take it for now, or in time: it is tried again. Never has an address in it."""
