"""The demo's desk: one question after the other, for a person in a terminal.

Nothing is decided by mistake: Enter alone decides nothing, and what is not understood is asked again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from awaitly.actors import Actor
from awaitly.approvals.approval import Decision
from awaitly.cli.interrupts import forget_typed, typed
from awaitly.cli.output import Output
from awaitly.cli.serving import page_of
from awaitly.cli.sitting import DecidedElsewhere, Sitting
from awaitly.cli.tables import expiry
from awaitly.errors import InvalidEdit, PendingApproval, Refusal
from awaitly.result import Err, Ok, Result
from awaitly.visible import visible

__all__ = ["decide_all"]

_KEYS = "[a]pprove  [e]dit the amount  [r]eject  [s]kip  [q]uit"


class _Stopped(Exception):
    """The person wants to stop."""


def decide_all(
    output: Output, sitting: Sitting, waiting: Sequence[PendingApproval], now: datetime, by: Actor, address: str | None
) -> bool:
    """Ask about each, which has its page below `address` too; gives whether the person went through all of them."""
    try:
        for number, asked in enumerate(waiting, start=1):
            output.line()
            heading = f"{number} of {len(waiting)}  {visible(asked.run_id)}"
            output.line(f"{heading}, expires {expiry(asked.deadline, now)}", "bold")
            output.line(visible(asked.summary))
            if address is not None:
                output.command(page_of(address, asked))
            try:
                _decide_one(output, sitting, asked, by)
            except DecidedElsewhere as elsewhere:
                _pass_by(output, sitting, elsewhere.said)
    except _Stopped:
        return False
    except EOFError:
        output.line()
        return False
    except KeyboardInterrupt:
        output.line()  # below what was typed
        raise
    return True


def _pass_by(output: Output, sitting: Sitting, said: str) -> None:
    """Say what was decided elsewhere. What is typed meanwhile was meant for it, and answers no other question."""
    forget_typed()
    output.line()
    output.line(f"Decided elsewhere: {visible(said)}.", "yellow")
    _answer("Enter goes on > ", sitting)


def _decide_one(output: Output, sitting: Sitting, asked: PendingApproval, by: Actor) -> None:
    while True:
        match _answer(f"{_KEYS} > ", sitting, asked).lower():
            case "a" | "approve":
                decided: Result[Decision, Refusal] | None = sitting.approve(asked, by)
            case "e" | "edit":
                decided = _edit(output, sitting, asked, by)
            case "r" | "reject":
                decided = sitting.reject(asked, _answer("Why? (Enter: no reason) > ", sitting, asked) or None, by)
            case "s" | "skip":
                return
            case "q" | "quit":
                raise _Stopped
            case _:
                output.line("Type one of a, e, r, s, q, then Enter.")
                continue
        if decided is not None:
            _say(output, sitting, asked, decided)
            return


def _answer(prompt: str, sitting: Sitting, asked: PendingApproval | None = None) -> str:
    """Ask for a line; where one can wait for all at once, pages answer and runs go on meanwhile."""
    return typed(prompt, None if sys.platform == "win32" else lambda: sitting.until_typed(asked)).strip()


def _edit(output: Output, sitting: Sitting, asked: PendingApproval, by: Actor) -> Result[Decision, Refusal] | None:
    """Ask for an amount until one is taken; None where the person changed their mind."""
    proposed = Decimal(asked.arguments)
    prompt = f"Pay back how much instead of {proposed:,}? (Enter: go back) > "
    while text := _answer(prompt, sitting, asked):
        decided = sitting.edit(asked, text, by)
        match decided:
            case Err(InvalidEdit(reason=why)):
                output.line(f"Not taken: {visible(why)}.", "red")
            case _:
                return decided
    return None


def _say(output: Output, sitting: Sitting, asked: PendingApproval, decided: Result[Decision, Refusal]) -> None:
    """Let the run go on, and say what came of it; also where somebody else was quicker."""
    word = ""
    match decided:
        case Err(refusal):
            output.line(f"Not taken: {visible(str(refusal))}.", "red")
        case Ok(decision):
            word = f"{decision.status.value}, "
    standing, said = sitting.resume(asked.run_id)
    text = visible(f"{word}{said}" if standing.paid else said)
    output.line(f"{text[:1].upper()}{text[1:]}.", "green" if standing.paid else "yellow")
