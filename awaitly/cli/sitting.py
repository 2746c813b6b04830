"""One sitting of the demo: the example's runs over one store. Plain calls, so that prompts may come in between."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from enum import Enum, unique
from typing import Any, TypeVar

from awaitly.actors import Actor
from awaitly.approvals.approval import Decision
from awaitly.cli.example import Example
from awaitly.cli.interrupts import Runner
from awaitly.cli.serving import inbox
from awaitly.cli.wording import sentence
from awaitly.durations import from_micros
from awaitly.errors import ApprovalRejected, PendingApproval, Refusal, RunConflict
from awaitly.replaying.execution import Execution
from awaitly.result import Err, Ok, Result
from awaitly.statuses import RunStatus
from awaitly.storage.store import Page, Store
from awaitly.values import frozen
from awaitly.verbs.orchestrator import Orchestrator

__all__ = ["DecidedElsewhere", "Found", "Line", "Sitting", "Standing"]

T = TypeVar("T")

_LEASE_SECONDS = 3
_PATIENCE = 4 * _LEASE_SECONDS
_AT_ONCE = 500
_LOOK_AGAIN = 0.3


@unique
class Standing(Enum):
    """How a row of the file stands."""

    PAID = "paid"
    PAID_AFTER_DECISION = "paid_after_decision"
    WAITING = "waiting"
    MALFORMED = "malformed"
    NOT_PAID = "not_paid"

    @property
    def paid(self) -> bool:
        """Whether the money is on its way."""
        return self in {Standing.PAID, Standing.PAID_AFTER_DECISION}


@frozen
class Line:
    """A row of the file after its run: `number` is its line in the file, `said` what came of it, in words."""

    number: int
    run_id: str
    standing: Standing
    said: str
    pending: PendingApproval | None = None


@frozen
class Found:
    """What an earlier sitting left: runs that are over, runs that wait, and runs that can go on now."""

    over: int
    waiting: int
    ready: int

    @property
    def anything(self) -> bool:
        """Whether there was an earlier sitting."""
        return bool(self.over or self.waiting or self.ready)


class DecidedElsewhere(Exception):
    """What a question was about was decided meanwhile, and its run has gone on."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class Sitting:
    """Holds the orchestrator open between calls, on a loop of its own."""

    def __init__(self, store: Store, example: Example) -> None:
        self._store = store
        self._example = example
        self._orchestrator = Orchestrator(store, workflows=[example.refund], lease=f"{_LEASE_SECONDS}s")
        self._runner = Runner()
        self._patience = float("inf")
        self._over: dict[str, str] = {}

    @contextmanager
    def open(self) -> Generator[None]:
        """Open the store, and close it."""
        with self._runner:
            try:
                self._do(self._orchestrator.__aenter__())
                yield
            finally:
                self._runner.finish(self._orchestrator.__aexit__(None, None, None))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    # Looking

    def found(self) -> Found:
        """Count what is there before anything is done."""
        return self._do(self._found())

    async def _found(self) -> Found:
        name = self._example.refund.name
        runs = await _all(lambda after: self._orchestrator.runs(workflow=name, limit=_AT_ONCE, after=after))
        waiting = len({each.run_id for each in await self._pending()})
        over = sum(run.status.ended for run in runs)
        return Found(over, waiting, len(runs) - over - waiting)

    def waiting(self) -> tuple[Sequence[PendingApproval], datetime]:
        """Give what waits, and the time."""
        return self._do(self._pending()), from_micros(self._do(self._store.now()))

    async def _pending(self) -> list[PendingApproval]:
        name = self._example.refund.name
        return await _all(lambda after: self._orchestrator.pending(workflow=name, limit=_AT_ONCE, after=after))

    # Running

    def recover(self) -> list[str]:
        """Go on with what was decided since, and say what came of each run."""
        executions = self._do(self._orchestrator.recover())
        return [f"{each.run_id}: {said}" for each in executions if (said := self._said(each)[1])]

    def run_rows(self, rows: Sequence[Sequence[str]], advance: Callable[[], None]) -> list[Line]:
        """Start each row's run, or find it; `advance` is called after each."""
        seen: dict[str, int] = {}
        lines: list[Line] = []
        for number, row in enumerate(rows, start=2):
            execution = self._do(self._started(list(row)))
            lines.append(self._line(number, execution, seen.setdefault(execution.run_id, number)))
            advance()
        return lines

    async def _started(self, row: list[str]) -> Execution[Any, Any]:
        """Start a run; one that a killed process held is taken over as soon as its lease is over."""
        while True:
            execution = await self._orchestrator.start(self._example.refund(row), run_id=self._example.run_id(row))
            if not _runs_elsewhere(execution):
                return execution
            self._patience = min(self._patience, time.monotonic() + _PATIENCE)
            if time.monotonic() >= self._patience:
                return execution
            await asyncio.sleep(0.1)

    def _line(self, number: int, execution: Execution[Any, Any], first: int) -> Line:
        standing, said = self._said(execution)
        if (
            number != first
            and isinstance(execution.result, Err)
            and isinstance(execution.result.failure(), RunConflict)
        ):
            standing, said = Standing.MALFORMED, f"order_id: stands in line {first} already, which has the run"
        pending = execution.pending[0] if standing is Standing.WAITING and execution.pending else None
        return Line(number, execution.run_id, standing, said, pending)

    def _said(self, execution: Execution[Any, Any]) -> tuple[Standing, str]:
        result: Result[Any, Any] = execution.result
        match result:
            case Ok(payment):
                asked = execution.state is not None and execution.state.approvals
                standing = Standing.PAID_AFTER_DECISION if asked else Standing.PAID
                return standing, f"paid back {payment.amount:,} {payment.currency}"
            case Err(PendingApproval(summary=summary)):
                return Standing.WAITING, summary
            case Err(error) if isinstance(error, self._example.MalformedRow):
                return Standing.MALFORMED, sentence(error)
            case Err(ApprovalRejected(by=by, reason=reason)):
                return Standing.NOT_PAID, f"rejected by {by}{f': {reason}' if reason else ''}"
            case Err(error):
                return Standing.NOT_PAID, sentence(error)

    # Deciding

    @contextmanager
    def served(self, by: Actor) -> Generator[str]:
        """Serve the inbox to a person, and give its address; it answers while somebody is waited for."""
        serving = inbox(self._orchestrator, by)
        address = self._do(serving.__aenter__())
        try:
            yield address
        finally:
            self._runner.finish(serving.__aexit__(None, None, None))

    def until_nothing_waits(self) -> None:
        """Wait for decisions from anywhere, and let the runs go on."""
        self._do(self._nothing_waits())

    async def _nothing_waits(self) -> None:
        async with self._orchestrator.working():
            while await self._pending():  # noqa: ASYNC110  (a decision may come from any process)
                await asyncio.sleep(_LOOK_AGAIN)
        await self._orchestrator.recover()  # what was decided last, and the worker had no time for

    def until_typed(self, asked: PendingApproval | None) -> None:
        """Wait for a line of the terminal, and let runs go on that are decided meanwhile.

        Raises `DecidedElsewhere` once the approval that is asked about is among them.
        """
        self._do(self._typed(asked))

    async def _typed(self, asked: PendingApproval | None) -> None:
        loop, pressed = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(sys.stdin, pressed.set)
        try:
            while not pressed.is_set():
                ended = [each for each in await self._orchestrator.recover() if each.status and each.status.ended]
                self._over |= {each.run_id: self._said(each)[1] for each in ended}
                if asked is not None and asked.run_id in self._over:
                    raise DecidedElsewhere(self._over[asked.run_id])
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_AGAIN):
                        await pressed.wait()
        finally:
            loop.remove_reader(sys.stdin)

    def approve(self, asked: PendingApproval, by: Actor) -> Result[Decision, Refusal]:
        """Say yes to exactly what was shown."""
        verb = self._orchestrator.approve(asked.run_id, asked.key, by=by, revision=asked.revision, digest=asked.digest)
        return self._do(verb)

    def edit(self, asked: PendingApproval, amount: str, by: Actor) -> Result[Decision, Refusal]:
        """Change the amount that was shown; whether it may be that is judged as everywhere else."""
        return self._do(
            self._orchestrator.edit(
                asked.run_id, asked.key, amount, by=by, revision=asked.revision, digest=asked.digest
            )
        )

    def reject(self, asked: PendingApproval, reason: str | None, by: Actor) -> Result[Decision, Refusal]:
        """Say no to exactly what was shown."""
        return self._do(
            self._orchestrator.reject(
                asked.run_id, asked.key, reason, by=by, revision=asked.revision, digest=asked.digest
            )
        )

    def resume(self, run_id: str) -> tuple[Standing, str]:
        """Let a run go on, and say what came of it."""
        return self._said(self._do(self._orchestrator.resume(run_id)))


def _runs_elsewhere(execution: Execution[Any, Any]) -> bool:
    error = execution.result.failure() if isinstance(execution.result, Err) else None
    return isinstance(error, RunConflict) and execution.status is RunStatus.RUNNING


async def _all(page_after: Callable[[str | None], Coroutine[Any, Any, Page[T]]]) -> list[T]:
    """Read a listing to its end."""
    page = await page_after(None)
    items = list(page.items)
    while page.after is not None:
        page = await page_after(page.after)
        items.extend(page.items)
    return items
