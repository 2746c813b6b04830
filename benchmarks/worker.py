"""One contender in a process of its own, so that its threads and its memory are its own: `worker NAME ADDRESS`.

It reads orders as lines of JSON and answers each by one line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from benchmarks.contenders import Contender, opener
from benchmarks.timing import elapsed, loaded

__all__: list[str] = []

_STATUS = Path("/proc/self/status")


async def _start(contender: Contender, order: dict[str, Any]) -> object:
    return await loaded(contender.start, order["names"], order["clients"])


async def _decide(contender: Contender, order: dict[str, Any]) -> object:
    return await loaded(contender.decide, order["names"], order["clients"])


async def _count(contender: Contender, order: dict[str, Any]) -> object:
    return await elapsed(partial(contender.count, order["name"], order["upto"]))


async def _list(contender: Any, order: dict[str, Any]) -> object:
    times = [await elapsed(lambda: contender.pending(order["limit"])) for _ in range(order["times"])]
    assert await contender.pending(order["limit"]) == order["limit"]
    return times


async def _wait(contender: Any, order: dict[str, Any]) -> object:
    limit, people = order["limit"], range(order["times"])
    assert await contender.waiting(0, limit) == limit
    return [await elapsed(partial(contender.waiting, person, limit)) for person in people]


async def _page(contender: Any, order: dict[str, Any]) -> object:
    path, people = order["path"], order["people"]
    await contender.page(path, people[0])
    return [await elapsed(partial(contender.page, path, person)) for person in people]


async def _resumed(contender: Any, order: dict[str, Any]) -> object:
    return await contender.resumed(order["count"])


async def _served(contender: Any, _order: dict[str, Any]) -> object:
    return await contender.served()


async def _memory(_contender: Contender, _order: dict[str, Any]) -> object:
    return _peak_megabytes()


_VERBS = {
    "start": _start,
    "decide": _decide,
    "count": _count,
    "list": _list,
    "wait": _wait,
    "page": _page,
    "resumed": _resumed,
    "served": _served,
    "memory": _memory,
}


def _peak_megabytes() -> float:
    """Give the most memory that was resident; Linux's own counter, as `getrusage` inherits the parent's peak."""
    if _STATUS.exists():
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


async def _serve(name: str, address: str, answers: TextIO) -> None:
    def answer(content: object) -> None:
        print(json.dumps(content), file=answers, flush=True)

    try:
        opened = opener(name)
    except ImportError as exc:
        answer({"missing": str(exc)})
        return
    async with opened(address) as contender:
        answer({})
        await _obey(contender, sys.stdin, answer)


async def _obey(contender: Contender, orders: TextIO, answer: Callable[[object], None]) -> None:
    while line := await asyncio.to_thread(orders.readline):
        order = json.loads(line)
        gc.collect()
        answer(await _VERBS[order["do"]](contender, order))


def _main(arguments: Sequence[str]) -> None:
    name, address = arguments
    # Answers have the real standard output to themselves; whatever a contender prints goes beside it.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    asyncio.run(_serve(name, address, answers))


if __name__ == "__main__":
    _main(sys.argv[1:])
