"""How a child process comes to harm: in a step's body, between two statements, or in the middle of a commit."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from threading import Thread
from typing import Any, TypeVar
from unittest.mock import patch

from awaitly import Changes, Conflict, Err, Move, Result, Store
from awaitly.testing import Failpoints, StoreWrapper, kill
from tests.faults.errands import BodyAction, Marks
from tests.faults.orders import Orders

__all__ = ["Witness", "Wreck", "failpoints_of", "harmed"]

T = TypeVar("T")

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
    """Follows what this process asks of its stores, and ends it where the orders say so."""

    def __init__(self, orders: Orders) -> None:
        self._statement = orders.statement
        self._commit, self._delay = orders.commit
        self.statements = 0
        self.commits = 0

    def asks(self) -> None:
        """Count a statement, or a call."""
        self.statements += 1
        if self.statements == self._statement:
            _die()

    def commits_now(self) -> None:
        """Count a commit."""
        self.commits += 1
        if self.commits == self._commit:
            Thread(target=self._die_soon, daemon=True).start()

    def _die_soon(self) -> None:
        time.sleep(self._delay)
        _die()


class _Followed(StoreWrapper):
    """A store that talks to a server, whose calls are followed."""

    def __init__(self, store: Store, killing: _Killing) -> None:
        super().__init__(store)
        self._killing = killing

    async def reading(self, name: str, read: Awaitable[T]) -> T:
        """Read, as the process asks for it."""
        self._killing.asks()
        return await super().reading(name, read)

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit, as the process asks for it."""
        self._killing.asks()
        self._killing.commits_now()
        return await super().commit(changes)


@contextmanager
def harmed(orders: Orders) -> Generator[Callable[[Store], Store]]:
    """Follow the statements of SQLite, where the orders name one; gives what follows the calls of other stores."""
    if not (orders.statement or orders.commit[0]):
        yield lambda store: store
        return
    killing = _Killing(orders)
    with patch.object(sqlite3, "connect", partial(sqlite3.connect, factory=_traced(killing))):
        yield lambda store: _Followed(store, killing)


def _traced(killing: _Killing) -> type[sqlite3.Connection]:
    class Connection(sqlite3.Connection):
        """A connection whose statements are followed."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.set_trace_callback(_tracer(killing))

    return Connection


def _tracer(killing: _Killing) -> Callable[[str], None]:
    writing = False

    def trace(text: str) -> None:
        nonlocal writing
        writing = writing or text == "BEGIN IMMEDIATE"
        killing.asks()
        if writing and text == "COMMIT":
            killing.commits_now()

    return trace
