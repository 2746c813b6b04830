"""Waits: what checks, and what must not. Each line marked E is refused by mypy and by pyright, all others by neither."""

from __future__ import annotations

from typing import TypeAlias, assert_type

from attrs import frozen

from awaitly import (
    AlreadySent,
    DurabilityUnknown,
    Err,
    InvalidPayload,
    NotApproved,
    Ok,
    Orchestrator,
    Outcome,
    Promise,
    PromiseRejected,
    Result,
    Run,
    RunEnded,
    Sent,
    TimedOut,
    UnexpectedError,
    UnknownPromise,
    UnknownRun,
    workflow,
)


@frozen
class Declined:
    code: str


@frozen
class Undeclared:
    why: str


Both: TypeAlias = Declined | PromiseRejected


@workflow
async def charge(run: Run[Declined], amount: int) -> Result[str, Declined]:
    return Ok(str(amount))


@workflow
async def stray(run: Run[Undeclared]) -> Result[str, Undeclared]:
    return Err(Undeclared("x"))


@workflow
async def declares(run: Run[Both]) -> Result[int, Both]:
    promise = run.promise("signed", int)
    assert_type(promise, Promise[int])
    assert_type(promise.id, str)
    assert_type(await promise, int)
    assert_type(await promise.result(timeout="1h"), Result[int, PromiseRejected | TimedOut])
    assert_type(await run.wait_for("paid", int, timeout="24h"), Result[int, TimedOut])
    assert_type(await run.child(charge(3)), str)
    assert_type(await run.attempt_child(stray()), Result[str, Undeclared | UnexpectedError])
    return Ok(1)


@workflow
async def does_not(run: Run[Declined]) -> Result[int, Declined]:
    await run.promise("signed", int)  # E: PromiseRejected is not declared
    await run.child(stray())  # E: Undeclared is not declared
    await run.child(charge("3"))  # E: wrong argument
    await run.child(charge)  # E: not bound
    await run.wait_for("paid", int, timeout=3)  # E: no length of time
    await run.sleep(3)  # E: no length of time
    number: int = await run.wait_for("paid", int)  # E: it is a result
    return Ok(number)


@workflow
async def races(run: Run[NotApproved]) -> Result[int, NotApproved]:
    won = await run.race(run.decision("boss", proposes="x"), run.wait_for("go", int), run.sleep("1d"))
    assert_type(won, Outcome[str] | Result[int, TimedOut] | None)
    both = await run.race([run.wait_for("a", int), run.wait_for("b", int)])
    assert_type(both, Result[int, TimedOut])
    return won  # E: none of the race's values is a result of the workflow


async def tells(orchestrator: Orchestrator) -> None:
    sent = await orchestrator.signal("r", "paid", 3)
    assert_type(sent, Result[Sent, UnknownRun | RunEnded | InvalidPayload | AlreadySent | DurabilityUnknown])
    resolved = await orchestrator.resolve("signed@r", 3)
    assert_type(resolved, Result[Sent, UnknownPromise | RunEnded | InvalidPayload | AlreadySent | DurabilityUnknown])
    await orchestrator.enqueue(charge(3))
    await orchestrator.enqueue(charge)  # E: not bound
