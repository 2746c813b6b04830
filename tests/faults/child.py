"""The child program of the fault tests: `python child.py ORDERS`, with the orders as JSON.

It opens the store through failpoints and does its deeds: `live RUN SHAPE` (start a run, decide on whatever it asks,
resume it, until it has ended), or single verbs such as `start RUN SHAPE`, `approve RUN KEY`, `resume RUN`. After each
verb that came back it appends one line to the reports, on the disk before it goes on: what stands there was
acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, cast

import time_machine

from awaitly import (
    AlreadyDecided,
    Decision,
    Err,
    Execution,
    Ok,
    Orchestrator,
    PendingApproval,
    Result,
    RunConflict,
    RunStatus,
    Store,
)
from awaitly.testing import FailingStore, Failpoints
from tests.faults.errands import Marks, append, errand
from tests.faults.orders import Orders
from tests.faults.planting import planted
from tests.faults.stores import store_at
from tests.faults.wrecking import Witness, Wreck, failpoints_of, harmed

__all__ = ["Doer", "Reports", "do_all", "live", "obey", "skewed"]

_PAUSE = 0.01


class Reports:
    """What came back: each verb's answer as one line of JSON, and in `lines` for tests in the same process."""

    def __init__(self, name: str, path: Path | None = None) -> None:
        self._path = path
        self._name = name
        self.lines: list[dict[str, Any]] = []

    def add(self, deed: tuple[str, ...], answer: object) -> None:
        """Note an answer, durably."""
        line = {"pid": os.getpid(), "name": self._name, "deed": deed, **told(answer)}
        self.lines.append(line)
        if self._path is not None:
            append(self._path, json.dumps(line))


def told(answer: object) -> dict[str, Any]:
    """Say an answer in plain values."""
    match cast("Execution[Any, Any] | Result[Any, Any] | str", answer):
        case Execution(status=status, result=result):
            return {"status": status and status.value, **told(result)}
        case Ok(Decision() as decision):
            return {"ok": True, "status": decision.status.value, "replayed": decision.replayed}
        case Ok(Execution()):
            return {"ok": True, "went on": True}
        case Ok(value):
            return {"ok": True, "value": str(value)}
        case Err(AlreadyDecided(status=status, by=by)):
            return {"ok": False, "error": "AlreadyDecided", "status": status.value, "by": by}
        case Err(error):
            return {"ok": False, "error": type(error).__name__, "text": str(error)}
        case text:
            return {"text": text}


class Doer:
    """Does deeds on one orchestrator."""

    def __init__(self, orchestrator: Orchestrator, marks: Marks, orders: Orders, reports: Reports) -> None:
        self._orchestrator = orchestrator
        self._errand = errand(marks)
        self._reports = reports
        self._random = Random(orders.seed)
        self._orders = orders
        self._end = time.monotonic() + orders.patience
        self.verbs: Mapping[str, Callable[..., Awaitable[object]]] = {
            "start": self._start,
            "resume": orchestrator.resume,
            "finish": self._finish,
            "retry": orchestrator.retry,
            "recover": self._recover,
            "live": self._live,
            "approve": partial(orchestrator.approve, by=orders.name),
            "edit": partial(orchestrator.edit, by=orders.name),
            "reject": partial(orchestrator.reject, by=orders.name),
            "cancel": partial(orchestrator.cancel, by=orders.name),
            "approve+": partial(orchestrator.approve, by=orders.name, resume=self._errand),
            "edit+": partial(orchestrator.edit, by=orders.name, resume=self._errand),
            "reject+": partial(orchestrator.reject, by=orders.name, resume=self._errand),
        }

    async def do(self, *deed: str) -> Any:
        """Do one deed, and report what came back."""
        answer = await self.verbs[deed[0]](*deed[1:])
        self._reports.add(deed, answer)
        return answer

    async def _start(self, run_id: str, shape: str) -> Execution[Any, Any]:
        return await self._orchestrator.start(self._errand(shape), run_id=run_id)

    async def _recover(self) -> str:
        return ",".join(sorted(execution.run_id for execution in await self._orchestrator.recover()))

    async def _finish(self, run_id: str) -> Execution[Any, Any]:
        """Resume until the run is no longer in other hands."""
        while True:
            execution = await self._orchestrator.resume(run_id)
            match execution.result:
                case Err(RunConflict()) if time.monotonic() < self._end:
                    await asyncio.sleep(_PAUSE)
                case _:
                    return execution

    async def _live(self, run_id: str, shape: str) -> Execution[Any, Any]:
        """Start a run and see it through to its end."""
        execution: Execution[Any, Any] = await self.do("start", run_id, shape)
        while execution.status not in _OVER and time.monotonic() < self._end:
            for pending in execution.pending:
                await self._decide(pending)
            execution = await self.do("finish", run_id)
        return execution

    async def _decide(self, pending: PendingApproval) -> None:
        """Decide on one approval: some verbs (with a `+`) let the run go on in the same commit."""
        run, key, roll = pending.run_id, pending.key, self._random.random()
        go = "+" if self._random.random() < 0.3 else ""
        if roll < self._orders.cancels:
            await self.do("cancel", run)
        elif roll > 0.9:
            await self.do(f"reject{go}", run, key, f"{self._orders.name} said no")
        elif roll > 0.6:
            await self.do(f"edit{go}", run, key, f"{self._orders.name}'s{key}")
        else:
            await self.do(f"approve{go}", run, key)


_OVER = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.NEEDS_REVIEW)


async def do_all(store: Store, orders: Orders, marks: Marks, reports: Reports) -> None:
    """Do all deeds, with harm as ordered; a cancellation that was ordered is reported and ends it."""
    witness = Witness(store)
    Wreck(orders, marks, witness)
    async with Orchestrator(witness, workflows=[errand(marks)], lease=orders.lease) as orchestrator:
        doer = Doer(orchestrator, marks, orders, reports)
        try:
            for deed in orders.deeds:
                await doer.do(*deed)
        except asyncio.CancelledError:
            reports.add(("cancelled",), "was cancelled")
    if witness.refused:
        reports.add(("refused", *witness.refused), "was refused")


async def live(store: Store, orders: Orders, failpoints: Failpoints) -> None:
    """Do the deeds on a store in this process, leaving nothing behind; to count the failpoints on the way."""
    await do_all(FailingStore(store, failpoints), orders, Marks(), Reports(orders.name))


@contextmanager
def skewed(hours: float) -> Generator[None]:
    """Let the clock of this process be ahead of all others by so many hours; it goes on."""
    if not hours:
        yield
        return
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True):
        yield


def obey(orders: Orders) -> None:
    """Do what the orders say, in this process."""
    place = orders.place
    with skewed(orders.skew), harmed(orders) as around:
        store = planted(orders.planted, FailingStore(store_at(place.store, around), failpoints_of(orders)))
        asyncio.run(do_all(store, orders, Marks(Path(place.marks)), Reports(orders.name, Path(place.reports))))


if __name__ == "__main__":
    obey(Orders.from_json(sys.argv[1]))
