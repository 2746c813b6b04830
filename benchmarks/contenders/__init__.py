"""The contenders, all with the same work: step, step, approval, step.

Each is driven by two verbs, from one event loop: `start` returns once the run waits for its approval, with the results
of its two steps on disk; `decide` approves it and returns once the third step's result and the end are on disk. `count`
is another workload: a run of so many steps in a row, and nothing else.

Each module also has two functions for what happens after a crash: `answer` decides runs while nothing executes any, and
`recovered` finds them in a fresh process and is entered once the third step of each is on disk.

Each is opened at an address, a URL: `sqlite:///file.db` or `postgresql://...`. All keep SQLite's `synchronous=FULL` and
Postgres's `synchronous_commit=on`, which is what every one of them gets by default: a commit survives power loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Protocol, cast

__all__ = ["ON_POSTGRES", "ON_SQLITE", "PEERS", "Contender", "Recovering", "opener", "recovering"]

ON_SQLITE = ("awaitly", "langgraph", "langgraph tasks", "dbos")
ON_POSTGRES = ("awaitly", "langgraph", "langgraph tasks", "absurd", "dbos")
_WRITTEN_BEHIND = frozenset({"langgraph tasks"})
"""These stand in the tables, and are compared with nobody: a run of theirs goes on before its steps are on disk."""
PEERS = frozenset({*ON_SQLITE, *ON_POSTGRES}) - _WRITTEN_BEHIND - {"awaitly"}
"""Those whose promise is awaitly's: what is acknowledged is on disk."""

_MODULES = {
    "awaitly": "with_awaitly",
    "awaitly streams": "with_awaitly_streams",
    "awaitly waking": "with_awaitly_waking",
    "langgraph": "with_langgraph",
    "langgraph tasks": "with_langgraph_tasks",
    "inbox": "with_inbox",
    "absurd": "with_absurd",
    "dbos": "with_dbos",
}


class Contender(Protocol):
    """One library, open at an address."""

    async def start(self, run_id: str) -> None:
        """Run until the approval."""
        ...

    async def decide(self, run_id: str) -> None:
        """Approve, and run until the end."""
        ...

    async def count(self, run_id: str, upto: int) -> None:
        """Run so many steps, one after the other."""
        ...


class Recovering(Protocol):
    """What a contender's module has for a crash: the process that started the runs is gone."""

    async def answer(self, address: str, names: Sequence[str]) -> None:
        """Decide runs, with nothing that executes them."""
        ...

    def recovered(self, address: str, names: Sequence[str]) -> AbstractAsyncContextManager[None]:
        """Open it, let it go on with the runs, and enter once the third step of each is on disk."""
        ...


Opener = Callable[[str], AbstractAsyncContextManager[Contender]]


def opener(name: str) -> Opener:
    """Give what opens a contender at an address. Raises `ImportError` where its packages are missing."""
    return cast("Opener", import_module(f"{__name__}.{_MODULES[name]}").opened)


def recovering(name: str) -> Recovering:
    """Give what recovers a contender's runs. Raises `ImportError` where its packages are missing."""
    return cast("Recovering", import_module(f"{__name__}.{_MODULES[name]}"))
