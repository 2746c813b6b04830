"""A tool call as an agent proposes it, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import Factory, field

from awaitly.actors import By
from awaitly.approvals.differing import Difference
from awaitly.errors import PendingApproval
from awaitly.values import frozen

__all__ = ["Allowed", "Performed", "Ticket", "ToolCall"]


@frozen(kw_only=True)
class ToolCall:
    """One call of a tool that an agent wants to make.

    `arguments` are JSON values by name, `schema` is the JSON Schema that the tool has for them, if any. `call_id` tells
    this call from every other one in the store: the framework's own id, with that of the conversation before it. With
    it, proposing the same again gives the same ticket, whatever has become of it. Equal calls of one agent that wait
    are one ticket, and are made once: those of one `conversation`, or those that have neither. `agent` is who wants to
    make the call, for limits and for the rule that nobody approves what they asked for. `claim` is what the agent says
    of it: people see it apart from the arguments, as its words.
    """

    tool: str
    arguments: Mapping[str, Any] = field(repr=False)
    schema: Mapping[str, Any] | None = field(default=None, repr=False)
    call_id: str | None = None
    conversation: str | None = None
    agent: By | None = None
    claim: str | None = None


@frozen
class Allowed:
    """The call needs nobody: whoever proposed it makes it."""


@frozen
class Ticket:
    """What stands for a call that people are asked about: `pending` is what they see, None once they have answered."""

    id: str
    tool: str
    pending: PendingApproval | None = None


@frozen(kw_only=True)
class Performed:
    """A call that was made: what it gave, and with which arguments.

    `ticket` is None where nobody needed to be asked. `edited_by` names who changed the arguments, `changes` are what is
    different of them, without what is redacted. `replayed`: it was made before, and this is what it gave then.
    """

    value: Any
    arguments: Mapping[str, Any] = Factory(dict[str, Any])
    ticket: str | None = None
    edited_by: str | None = None
    replayed: bool = False
    changes: tuple[Difference, ...] = ()
