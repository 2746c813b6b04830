"""What the tests of the core share: a store on a clock that stands still, people, and steps that say what they did."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias, cast

from attrs import frozen

from awaitly import Actor, Err, MemoryStore, NotApproved, Ok, PendingApproval, Result, Store
from awaitly.storage.store import ApprovalRow, Changes, Hold, Move, RunRow, StepRow
from awaitly.testing import CountingStore, FailingStore, Failpoints, TestClock
from awaitly_sqlite import SqliteStore

ALICE = Actor("alice")
BOB = Actor("bob")
CAROL = Actor("carol")
MANAGER = Actor("mona", ["manager"])
ADMIN = Actor("root", ["admin"])


@frozen
class Refused:
    """The error that a step gives."""

    code: str


FlowError: TypeAlias = Refused | NotApproved


class Effects:
    """Steps that leave a mark outside the run, so that a test can count how often they ran."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failing: set[str] = set()

    async def do(self, what: str) -> Result[str, Refused]:
        """Leave a mark; fail where `failing` names it."""
        self.done.append(what)
        return Err(Refused(what)) if what in self.failing else Ok(what)

    async def pay(self, amount: int) -> Result[int, Refused]:
        """Leave a mark with an amount."""
        self.done.append(f"pay {amount}")
        return Err(Refused("pay")) if "pay" in self.failing else Ok(amount)


class SharedStore(CountingStore):
    """Counts, has failpoints, and stays open when an orchestrator closes it, so that several can use it in turn."""

    def __init__(self, store: Store) -> None:
        self.failpoints = Failpoints()
        super().__init__(FailingStore(store, self.failpoints))

    async def open(self) -> None:
        """Leave the opening to the fixture."""

    async def close(self) -> None:
        """Leave the closing to the fixture."""

    @property
    def written(self) -> int:
        """How many commits were tried since the last `reset`."""
        return sum(self.commits.values())

    async def change_approval(self, row: ApprovalRow) -> None:
        """Write an approval's row behind everybody's back."""
        (await self._store.commit(Changes(move=Move.DECIDE, approvals=(row,)))).unwrap()

    async def change_run(self, row: RunRow) -> None:
        """Write a run's row behind everybody's back."""
        (await self._store.commit(Changes(move=Move.STEP, runs=(row,)))).unwrap()

    async def change_step(self, run_version: int, row: StepRow) -> None:
        """Replace a step's row behind everybody's back."""
        hold = Hold(row.run_id, run_version)
        changes = Changes(move=Move.STEP, holds=(hold,), dropped=((row.run_id, row.key),), steps=(row,))
        (await self._store.commit(changes)).unwrap()


@asynccontextmanager
async def shared(kind: str, directory: Path, clock: TestClock) -> AsyncGenerator[SharedStore]:
    """Open an empty store of a kind, `memory` or `sqlite`."""
    inner: Store = MemoryStore(clock=clock) if kind == "memory" else SqliteStore(directory / "runs.db", clock=clock)
    await inner.open()
    try:
        yield SharedStore(inner)
    finally:
        await inner.close()


def waiting(result: object) -> PendingApproval:
    """Give what a run waits for; fails where it does not wait."""
    match result:
        case Err(PendingApproval() as pending):
            return pending
        case _:
            raise AssertionError(result)


def error_of(result: Any) -> Any:
    """Give the error of a result; fails where there is none."""
    if type(result) is Err:
        return cast("Any", result).failure()
    raise AssertionError(result)
