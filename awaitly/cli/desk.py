"""The demo's desk: one question after the other, for a person in a terminal.

Nothing is decided by mistake: Enter alone decides nothing, and what is not understood is asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

from awaitly.actors import Actor
from awaitly.approval import Decision
from awaitly.cli.output import Output
from awaitly.cli.sitting import Sitting
from awaitly.cli.tables import expiry
from awaitly.cli.visible import visible
from awaitly.errors import PendingApproval, Refusal
from awaitly.result import Err, Ok, Result

__all__ = ["decide_all"]

_KEYS = "[a]pprove  [e]dit the amount  [r]eject  [s]kip  [q]uit"


class _Stopped(Exception):
    """The person wants to stop."""


def decide_all(output: Output, sitting: Sitting, waiting: Sequence[PendingApproval], now: datetime, by: Actor) -> bool:
    """Ask about each; gives whether the person went through all of them."""
    try:
        for number, asked in enumerate(waiting, start=1):
            output.line()
            heading = f"{number} of {len(waiting)}  {visible(asked.run_id)}"
            output.line(f"{heading}, expires {expiry(asked.deadline, now)}", "bold")
            output.line(visible(asked.summary))
            _decide_one(output, sitting, asked, by)
    except _Stopped:
        return False
    except (EOFError, KeyboardInterrupt):
        output.line()
        return False
    return True


def _decide_one(output: Output, sitting: Sitting, asked: PendingApproval, by: Actor) -> None:
    while True:
        match _answer(f"{_KEYS} > ").lower():
            case "a" | "approve":
                decided: Result[Decision, Refusal] = sitting.approve(asked, by)
            case "e" | "edit":
                amount = _amount(output, asked)
                if amount is None:
                    continue
                decided = sitting.edit(asked, amount, by)
            case "r" | "reject":
                decided = sitting.reject(asked, _answer("Why? (Enter: no reason) > ") or None, by)
            case "s" | "skip":
                return
            case "q" | "quit":
                raise _Stopped
            case _:
                output.line("Type one of a, e, r, s, q, then Enter.")
                continue
        _say(output, sitting, asked, decided)
        return


def _answer(prompt: str) -> str:
    return input(prompt).strip()


def _amount(output: Output, asked: PendingApproval) -> Decimal | None:
    """Ask for an amount; None where the person changed their mind."""
    proposed = Decimal(asked.arguments)
    while text := _answer(f"Pay back how much instead of {proposed:,}? (Enter: go back) > "):
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = Decimal("NaN")
        if amount.is_finite() and 0 < amount <= proposed:
            return amount
        output.line(f"Type an amount above 0, up to {proposed}, such as 12.50.")
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
