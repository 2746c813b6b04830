"""A fresh process that does one thing for a contender: `cold NAME answer|recover ADDRESS`.

It reads the runs' names as one line of JSON, and prints a line once all is done, before anything is closed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence

from benchmarks.contenders import Recovering, recovering

__all__: list[str] = []


async def _answer(contender: Recovering, address: str, names: Sequence[str], done: Callable[[], None]) -> None:
    await contender.answer(address, names)
    done()


async def _recover(contender: Recovering, address: str, names: Sequence[str], done: Callable[[], None]) -> None:
    async with contender.recovered(address, names):
        done()


_VERBS = {"answer": _answer, "recover": _recover}


def _main(arguments: Sequence[str]) -> None:
    name, verb, address = arguments
    # The parent waits for one line; whatever a contender prints goes beside it.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    names = json.loads(sys.stdin.readline())
    asyncio.run(_VERBS[verb](recovering(name), address, names, lambda: print("done", file=answers, flush=True)))


if __name__ == "__main__":
    _main(sys.argv[1:])
