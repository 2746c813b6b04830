"""How a child process comes to harm: in a step's body, before a statement of SQL, or in the middle of a commit."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any
from unittest.mock import patch

from awaitly import Changes, Conflict, Err, Move, Result, Store
from awaitly.testing import Failpoints, StoreWrapper, kill
from tests.faults.errands import BodyAction, Marks
from tests.faults.orders import Orders

__all__ = ["Witness", "Wreck", "failpoints_of", "traced"]

_BODY = re.compile(r"(kill|hold|cancel|renew)(?:-(before|after))?@(\d+)")


def failpoints_of(orders: Orders) -> Failpoints:
    """Give the failpoints that the orders arm."""
    failpoints = Failpoints.from_env("ORDERS", {"ORDERS": orders.failpoint})
    if orders.hold:
        failpoints.arm(orders.hold, _hold, hit=1)
    return failpoints


class Witness(StoreWrapper):
    """Keeps which moves were refused, and sets `renewed` once a lease was renewed: a step can last until then."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.refused: list[str] = []
        self.renewed = asyncio.Event()

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit, and note what came of it."""
        result = await super().commit(changes)
        if isinstance(result, Err):
            self.refused.append(changes.move.value)
        if changes.move is Move.RENEW:
            self.renewed.set()
        return result


class Wreck:
    """Arms what the orders say, in the process that calls it."""

    def __init__(self, orders: Orders, marks: Marks, witness: Witness) -> None:
        self._witness = witness
        self._main = asyncio.current_task()
        found = _BODY.fullmatch(orders.body)
        if found is not None:
            what, side, body = found.groups()
            setattr(marks, side or "after", {int(body): self._action(what)})

    def _action(self, what: str) -> BodyAction:
        return {"kill": kill, "hold": _hold, "cancel": self._cancel, "renew": self._until_renewed}[what]

    async def _cancel(self) -> None:
        """Cancel whatever this process is doing, and wait for it to happen."""
        if self._main is not None:
            self._main.cancel()
        await asyncio.Event().wait()

    async def _until_renewed(self) -> None:
        await self._witness.renewed.wait()


async def _hold() -> None:
    """Say that a body is under way, then wait for a line on the standard input; at its end, go on at once."""
    os.write(1, b"holding\n")
    await asyncio.to_thread(sys.stdin.readline)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _Killing:
    """Follows the statements of this process's connections and ends it at the one that the orders name."""

    def __init__(self, statement: int, commit: int, delay: float) -> None:
        self._statement = statement
        self._commit = commit
        self._delay = delay
        self.statements = 0
        self.commits = 0

    def saw(self, text: str, *, writes: bool) -> None:
        self.statements += 1
        if self.statements == self._statement:
            _die()
        if writes and text == "COMMIT":
            self.commits += 1
            if self.commits == self._commit:
                Thread(target=self._die_soon, daemon=True).start()

    def _die_soon(self) -> None:
        time.sleep(self._delay)
        _die()


def traced(orders: Orders) -> Any:
    """Give the context in which connections of SQLite end this process where the orders say so."""
    killing = _Killing(orders.statement, *orders.commit)

    class Connection(sqlite3.Connection):
        """A connection whose statements are followed."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.set_trace_callback(_tracer(killing))

    return patch.object(sqlite3, "connect", partial(sqlite3.connect, factory=Connection))


def _tracer(killing: _Killing) -> Callable[[str], None]:
    writing = False

    def trace(text: str) -> None:
        nonlocal writing
        writing = writing or text == "BEGIN IMMEDIATE"
        killing.saw(text, writes=writing)

    return trace
