"""The command `awaitly` from its first moment: Ctrl-C while Python still imports awaitly ends it in one line.

A package of its own, for `awaitly` is what takes so long to import that people get to press the keys.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

__all__ = ["main"]

_INTERRUPTED = 130
_LINE = b"awaitly: interrupted before anything was done; the same command begins anew\n"


def main() -> None:
    """Import the command line and run it; the process ends with one of its exit codes."""
    usual = signal.getsignal(signal.SIGINT)
    guarded = usual is signal.default_int_handler  # else somebody wants it ignored, as `nohup` and `&` do
    if guarded:
        signal.signal(signal.SIGINT, _stop)
    from awaitly.cli import main as command  # noqa: PLC0415  (the reason for this module)

    try:
        if guarded:
            signal.signal(signal.SIGINT, usual)
        command()
    except KeyboardInterrupt:  # once more, while the command line was ending because of the first
        os._exit(_INTERRUPTED)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """End at once: there is nothing yet that would want to be closed."""
    os.write(2, _LINE)
    os._exit(_INTERRUPTED)
