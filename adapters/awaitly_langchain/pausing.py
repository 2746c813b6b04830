"""The pause, which is LangGraph's own `interrupt`, and how a thread that has paused goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import takewhile
from typing import Any, cast

from attrs import frozen
from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.types import Command, Interrupt, interrupt

from awaitly import PendingApproval, visible
from awaitly_langchain.results import is_list

__all__ = ["Paused", "drain", "pause", "resumption", "skip_answered", "tickets_of"]

_TICKETS = "tickets"
_KEEP = False
_SCRATCHPAD = "__pregel_scratchpad"
"""Where LangGraph keeps the answers that a task was resumed with. It has no public name: see `versions`."""


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


def skip_answered() -> None:
    """Step over the answers to pauses of the gate's own, so that no tool takes them for answers to its questions.

    LangGraph gives answers to questions by their order within a task, and a gate asks again only what is undecided.
    """
    scratchpad = get_config().get("configurable", {}).get(_SCRATCHPAD)
    if scratchpad is None:
        return
    for _ in takewhile(_is_own, [*scratchpad.resume, scratchpad.get_null_resume(_KEEP)]):
        interrupt(None)


def drain() -> None:
    """Step over all answers that there are: a tool that runs once must not ask, so none of them is for it."""
    with suppress(GraphInterrupt):
        while True:
            interrupt(None)


def tickets_of(interrupts: Iterable[Interrupt]) -> list[str]:
    """Give the tickets on which a thread has paused: of `result["__interrupt__"]`, or of a state's `interrupts`."""
    return [ticket for each in interrupts for ticket in _tickets(each)]


def resumption(interrupts: Iterable[Interrupt]) -> Command[Any]:
    """Give the command with which a thread goes on: each pause that is a gate's is answered with its tickets.

    What is not decided yet pauses again. Pauses of others are left alone.
    """
    return Command(resume={each.id: {_TICKETS: tickets} for each in interrupts if (tickets := _tickets(each))})


def _tickets(paused: Interrupt) -> list[str]:
    value: Any = paused.value
    return [each["ticket"] for each in value[_TICKETS]] if _is_own(value) else []


def _is_own(value: Any) -> bool:
    return isinstance(value, Mapping) and is_list(cast("Mapping[str, Any]", value).get(_TICKETS))
