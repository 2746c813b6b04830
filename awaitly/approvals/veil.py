"""Blank in a run's results and errors what its approvals redact."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeGuard, overload

from awaitly.approvals.approval import Approval
from awaitly.approvals.redaction import in_texts, redacted, scrubbed

__all__ = ["Veil", "is_list", "is_object"]


class Veil:
    """Knows the redacted members of all approvals of one run, and their values."""

    def __init__(self, approvals: Iterable[Approval]) -> None:
        self._hiding = tuple(approval for approval in approvals if approval.redact)
        self._names = tuple({name for approval in self._hiding for name in approval.redact})

    @overload
    def text(self, text: str) -> str: ...
    @overload
    def text(self, text: str | None) -> str | None: ...
    def text(self, text: str | None) -> str | None:
        """Blank redacted values inside a text."""
        if text is None:
            return None
        for approval in self._hiding:
            for content in (approval.proposal, approval.content):
                text = scrubbed(text, content, approval.redact)
        return text

    def value(self, payload: str) -> Any:
        """Read JSON text with redacted members blanked, and redacted values in its other texts too."""
        return in_texts(redacted(payload, self._names), self.text)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a JSON value is a list."""
    return isinstance(value, list)
