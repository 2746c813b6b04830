"""How a command acts on one approval, and says what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from awaitly.approvals.approval import Decision
from awaitly.cli import plain
from awaitly.cli.failures import refused
from awaitly.cli.options import settings
from awaitly.cli.stores import work
from awaitly.result import Err, Ok, Result
from awaitly.storage.store import Store
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.visible import visible

__all__ = ["Verb", "act", "thing"]

Verb: TypeAlias = Callable[[Orchestrator, Store], Awaitable[Result[Decision, object]]]


def act(verb: Verb, sentence: Callable[[Decision], str]) -> None:
    """Do it, and print the decision as a document or as a sentence."""
    given = settings()
    match work(given.url, verb):
        case Err(refusal):
            raise refused(refusal)
        case Ok(decision):
            given.output.answer(plain.decision(decision), lambda: given.output.line(sentence(decision)))


def thing(decision: Decision) -> str:
    """Name what was decided on."""
    return f"{visible(decision.key)} of run {visible(decision.run_id)}"
