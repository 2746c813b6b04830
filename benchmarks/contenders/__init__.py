"""The contenders, all with the same work: step, step, approval, step.

Each is driven by two verbs, from one event loop: `start` returns once the run waits for its approval, with the results
of its two steps on disk; `decide` approves it and returns once the third step's result and the end are on disk.

All keep SQLite's `synchronous=FULL`, which is what every one of them gets by default: a commit survives power loss.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

__all__ = ["CONTENDERS", "PEERS", "Contender", "opener"]

CONTENDERS = {
    "awaitly": "with_awaitly",
    "langgraph": "with_langgraph",
    "langgraph tasks": "with_langgraph_tasks",
    "dbos": "with_dbos",
}
PEERS = tuple(name for name in CONTENDERS if name != "awaitly")


class Contender(Protocol):
    """One library, open on a file."""

    async def start(self, run_id: str) -> None:
        """Run until the approval."""
        ...

    async def decide(self, run_id: str) -> None:
        """Approve, and run until the end."""
        ...


Opener = Callable[[Path], AbstractAsyncContextManager[Contender]]


def opener(name: str) -> Opener:
    """Give what opens a contender on a file. Raises `ImportError` where its packages are missing."""
    return cast("Opener", import_module(f"{__name__}.{CONTENDERS[name]}").opened)
