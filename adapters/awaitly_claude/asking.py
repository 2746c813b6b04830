"""On whose account a session's calls are made, and which of them wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from awaitly_claude.core import Actor, Gate, PendingApproval, ToolCall

__all__ = ["Asking"]


@frozen
class Asking:
    """One conversation of one agent before a gate. `waiting` are its calls that wait, by their tickets' ids."""

    gate: Gate
    agent: Actor | str
    conversation: str
    waiting: dict[str, PendingApproval] = field(factory=dict[str, PendingApproval], init=False)

    def call(self, tool: str, arguments: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> ToolCall:
        """Give a call as the gate is asked about it.

        It has no id: a model that comes back with a call gives it another one each time. Equal calls of a conversation
        that wait are one.
        """
        return ToolCall(tool=tool, arguments=arguments, schema=schema, conversation=self.conversation, agent=self.agent)

    def waits(self, pending: PendingApproval) -> None:
        """Note that a call waits."""
        self.waiting[pending.id] = pending

    def answered(self, ticket: str | None) -> None:
        """Note that a call waits no more."""
        if ticket is not None:
            self.waiting.pop(ticket, None)
