"""The pause, which is LangGraph's own `interrupt`, and how a thread that has paused goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from attrs import frozen
from langgraph.types import Command, Interrupt, interrupt

from awaitly import PendingApproval, visible
from awaitly_langchain.results import is_list

__all__ = ["Paused", "pause", "resumption", "tickets_of"]

_TICKETS = "tickets"


@frozen
class Paused:
    """A call that cannot go on yet: its ticket, and what is to be said of it."""

    ticket: str
    tool: str
    why: str

    @classmethod
    def on(cls, pending: PendingApproval, tool: str) -> Paused:
        """Say that a call waits for people."""
        return cls(pending.id, tool, visible(pending.summary))


def pause(paused: Iterable[Paused]) -> None:
    """Pause here until somebody resumes. What they resume with is not looked at: the store says what was decided."""
    interrupt({_TICKETS: [{"ticket": each.ticket, "tool": each.tool, "summary": each.why} for each in paused]})


def tickets_of(interrupts: Iterable[Interrupt]) -> list[str]:
    """Give the tickets on which a thread has paused: of `result["__interrupt__"]`, or of a state's `interrupts`."""
    return [ticket for each in interrupts for ticket in _tickets(each)]


def resumption(interrupts: Iterable[Interrupt]) -> Command[Any]:
    """Give the command with which a thread goes on: each pause that is a gate's is answered with its tickets.

    What is not decided yet pauses again. Pauses of others are left alone.
    """
    return Command(resume={each.id: tickets for each in interrupts if (tickets := _tickets(each))})


def _tickets(paused: Interrupt) -> list[str]:
    value: Any = paused.value
    if not isinstance(value, Mapping):
        return []
    listed = cast("Mapping[str, Any]", value).get(_TICKETS)
    return [each["ticket"] for each in listed] if is_list(listed) else []
