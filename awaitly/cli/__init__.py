"""The command line: parse, call, print. It decides, lists and shows without the workflows' code.

Whoever can open the store may name any actor: where that matters, keep the store's file or password to yourself and
let people decide through an application that knows who they are.
"""

from __future__ import annotations

import signal

from awaitly.cli.app import awaitly


def main() -> None:
    """Run the command line; the process ends with one of `ExitCode`."""
    try:
        awaitly(prog_name="awaitly")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said; what is left is the interpreter's own end


__all__ = ["awaitly", "main"]
