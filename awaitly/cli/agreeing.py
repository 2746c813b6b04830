"""Asking a person whether they mean it, before much is decided at once."""

from __future__ import annotations

import sys

from awaitly.cli.failures import usage
from awaitly.cli.interrupts import typed
from awaitly.cli.output import Output, in_terminal

__all__ = ["agrees"]


def agrees(output: Output, question: str) -> bool:
    """Ask; anything but y or yes is no. Where nobody is there to be asked, that ends the command."""
    if not in_terminal(sys.stdin) or not in_terminal(sys.stdout):
        raise usage("nothing was decided: there is no terminal to ask in; say --yes to decide without being asked")
    try:
        return typed(f"\n{question} [y/N] > ").strip().lower() in {"y", "yes"}
    except EOFError:
        output.line()
        return False
    except KeyboardInterrupt:
        output.line()  # below what was typed
        raise
