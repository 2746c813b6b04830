"""What goes wrong with a mail."""

from __future__ import annotations

__all__ = ["EmailFailed"]


class EmailFailed(Exception):
    """The server could not be reached, or did not take a mail for now: it is tried again."""
