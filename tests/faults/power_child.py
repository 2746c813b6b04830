"""The child program of the tests of power cuts: `python power_child.py ERRAND`, with a `PowerErrand` as JSON.

It lives runs, and makes commits with numbers. What it has acknowledged, and which step
bodies were executed, it marks in the records of its writes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from random import Random
from typing import Any
from unittest.mock import patch

from attrs import asdict, evolve, frozen

from awaitly import Changes, Conflict, Err, Move, Ok, Orchestrator, Result, Store
from awaitly.testing import StoreWrapper
from awaitly.testing.rows import approval_row, step_row
from awaitly_sqlite import SqliteStore
from tests.faults.child import Doer, Reports
from tests.faults.errands import Marks, errand
from tests.faults.orders import Orders, Place
from tests.faults.power_recording import mark

__all__ = ["COUNTERS", "KeptOpen", "PowerErrand", "numbered"]

COUNTERS = ("counter0", "counter1", "counter2")
"""The runs that keep the numbers."""

_AT_ONCE = 4


@frozen
class PowerErrand:
    """What one child does with the store file at `store`.

    `lives`: runs with their shapes. `numbers`: the first number of a commit, and the one after the last. `together`: do
    all at once, so that commits share transactions, or one after another. `closes`: or it ends without closing the
    store. `planted`: a bug, to see whether it is noticed.
    """

    store: str
    seed: int
    lives: tuple[tuple[str, str], ...]
    numbers: tuple[int, int]
    together: bool = True
    closes: bool = True
    planted: str = ""

    def to_json(self) -> str:
        """Write it for a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> PowerErrand:
        """Read what `to_json` wrote."""
        members: dict[str, Any] = json.loads(text)
        members["lives"] = tuple((run_id, shape) for run_id, shape in members["lives"])
        members["numbers"] = tuple(members["numbers"])
        return cls(**members)


class KeptOpen(StoreWrapper):
    """Leaves opening and closing to whoever holds the store itself, so that orchestrators can share it."""

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


class Unflushed(StoreWrapper):
    """Says of each decision that it need not be on the disk."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit, and do not wait for the disk."""
        flushed = changes.flushed and changes.move is not Move.DECIDE
        return await super().commit(evolve(changes, flushed=flushed))


class ToldMarks(Marks):
    """Leaves the marks of one run's bodies in the records."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id

    def leave(self, name: str) -> None:
        """Mark one body."""
        super().leave(name)
        mark({"run": self._run_id, "body": name})


class ToldReports(Reports):
    """Reports into the records."""

    def add(self, deed: tuple[str, ...], answer: object) -> None:
        """Mark one answer."""
        super().add(deed, answer)
        mark({"run": deed[1], "report": self.lines[-1]})


async def live(store: Store, errand_: PowerErrand, run_id: str, shape: str) -> None:
    """Live one run to its end."""
    marks = ToldMarks(run_id)
    orders = Orders(Place("", "", ""), (), seed=errand_.seed + len(shape), cancels=0.1, patience=60.0)
    async with Orchestrator(KeptOpen(store), workflows=[errand(marks)]) as orchestrator:
        await Doer(orchestrator, marks, orders, ToldReports(orders.name)).do("live", run_id, shape)


def numbered(number: int) -> Changes:
    """Make the commit of a number: a step and an approval, of any size; every third need not be flushed."""
    run_id, body = COUNTERS[number // 2 % len(COUNTERS)], json.dumps("x" * (number * 7919 % 5_000))
    step = step_row(run_id, str(number), body)
    approval = approval_row(run_id, str(number), open=False, body=body)
    return Changes(move=Move.STEP, steps=(step,), approvals=(approval,), flushed=number % 3 != 0)


async def count(store: Store, numbers: Sequence[int], random: Random) -> None:
    """Make numbered commits in order, some at a time."""
    rest = list(numbers)
    while rest:
        several = [rest.pop(0) for _ in range(min(len(rest), random.randint(1, _AT_ONCE)))]
        await asyncio.gather(*(_one(store, number) for number in several))


async def _one(store: Store, number: int) -> None:
    changes = numbered(number)
    match await store.commit(changes):
        case Ok():
            mark({"number": number, "flushed": changes.flushed})
        case Err(conflict):
            raise AssertionError(conflict)


async def obey(order: PowerErrand) -> None:
    """Do all of it on one store."""
    file = SqliteStore(order.store)
    await file.open()
    store = Unflushed(file) if order.planted == "decisions are not flushed" else file
    deeds = [live(store, order, run_id, shape) for run_id, shape in order.lives]
    deeds.append(count(store, range(*order.numbers), Random(order.seed)))
    if order.together:
        await asyncio.gather(*deeds)
    else:
        for deed in deeds:
            await deed
    if not order.closes:
        os._exit(0)
    await file.close()


def weakened(planted: str) -> AbstractContextManager[object]:
    """Let SQLite wait for the disk less often, where `planted` names a value of its setting."""
    if planted not in {"NORMAL", "OFF"}:
        return nullcontext()

    class Connection(sqlite3.Connection):
        """A connection that keeps to this value, whatever it is told later."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.execute(f"PRAGMA synchronous = {planted}")
            self.set_authorizer(_but_for_synchronous)

    return patch.object(sqlite3, "connect", partial(sqlite3.connect, factory=Connection))


def _but_for_synchronous(action: int, name: str | None, *_: str | None) -> int:
    ignored = action == sqlite3.SQLITE_PRAGMA and name == "synchronous"
    return sqlite3.SQLITE_IGNORE if ignored else sqlite3.SQLITE_OK


if __name__ == "__main__":
    given = PowerErrand.from_json(sys.argv[1])
    with weakened(given.planted):
        asyncio.run(obey(given))
