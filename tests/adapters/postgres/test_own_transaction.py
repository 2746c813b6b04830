from __future__ import annotations

import psycopg
import pytest

from awaitly import (
    Err,
    NotApproved,
    Ok,
    Orchestrator,
    PendingApproval,
    Result,
    Run,
    StoreUnavailable,
    UnknownRun,
    workflow,
)
from awaitly.testing import FailingStore, Failpoints, raising
from awaitly_postgres import PostgresStore


@workflow
async def refund(run: Run[NotApproved], amount: int) -> Result[int, NotApproved]:
    """Ask about an amount."""
    return Ok(await run.approval("manager", proposes=amount))


async def waiting(orchestrator: Orchestrator) -> list[str]:
    """Name the runs that wait."""
    return [pending.run_id for pending in (await orchestrator.pending()).items]


async def test_a_start_stands_and_falls_with_the_callers_own_rows(store: PostgresStore, postgres_url: str) -> None:
    """The order and its approval are there together, or neither of them is."""
    async with (
        Orchestrator(store, workflows=[refund]) as orchestrator,
        await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection,
    ):
        await connection.execute("CREATE TABLE IF NOT EXISTS own_orders (name text)")
        for run_id, undone in (("undone", True), ("done", False)):
            async with connection.transaction(force_rollback=undone):
                await connection.execute("INSERT INTO own_orders VALUES (%s)", [run_id])
                execution = await orchestrator.start(refund(120), run_id=run_id, connection=connection)
                assert isinstance(execution.result.failure(), PendingApproval)
                assert await waiting(orchestrator) == []
        assert await orchestrator.status("undone") == Err(UnknownRun("undone"))
        orders = await (await connection.execute("SELECT name FROM own_orders")).fetchall()
        await connection.execute("DROP TABLE own_orders")
        assert orders == [("done",)]
        assert await waiting(orchestrator) == ["done"]


@pytest.mark.parametrize("undone", [True, False])
async def test_a_decision_stands_and_falls_with_the_callers_transaction(
    store: PostgresStore, postgres_url: str, *, undone: bool
) -> None:
    """Rolled back, the question is open again; committed, the run goes on with it."""
    async with (
        Orchestrator(store, workflows=[refund]) as orchestrator,
        await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection,
    ):
        await orchestrator.start(refund(120), run_id="r")
        async with connection.transaction(force_rollback=undone):
            (await orchestrator.approve("r", by="mona", connection=connection)).unwrap()
            assert await waiting(orchestrator) == ["r"]
        assert await waiting(orchestrator) == (["r"] if undone else [])
        resumed = await orchestrator.resume("r", refund)
        assert bool(resumed.pending) is undone
        assert undone or resumed.result == Ok(120)


@pytest.mark.parametrize("side", ["before", "after"])
async def test_failpoints_stand_around_a_commit_in_the_callers_transaction(
    store: PostgresStore, postgres_url: str, side: str
) -> None:
    """What goes wrong there undoes the transaction with the decision, and it can be made again."""
    failpoints = Failpoints()
    async with (
        Orchestrator(FailingStore(store, failpoints), workflows=[refund]) as orchestrator,
        await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection,
    ):
        await orchestrator.start(refund(120), run_id="r")
        failpoints.arm(f"decide.{side}", raising(StoreUnavailable("gone")), hit=1)
        with pytest.raises(StoreUnavailable, match="gone"):
            async with connection.transaction():
                await orchestrator.approve("r", by="mona", connection=connection)
        assert await waiting(orchestrator) == ["r"]
        async with connection.transaction():
            (await orchestrator.approve("r", by="mona", connection=connection)).unwrap()
        assert await waiting(orchestrator) == []
