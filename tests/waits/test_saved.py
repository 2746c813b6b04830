"""Runs that wait, as text and without a store; what is too large to keep; calls from nowhere."""

from __future__ import annotations

import asyncio
import contextvars
from datetime import timedelta

import pytest

from awaitly import (
    AlreadySent,
    Codec,
    DefinitionError,
    InvalidPayload,
    MemoryStore,
    Ok,
    Orchestrator,
    PromiseRejected,
    Result,
    Run,
    RunEnded,
    RunStatus,
    Snapshot,
    TimedOut,
    UnknownPromise,
    UnstorableValue,
    execute,
    workflow,
)
from awaitly.durations import utc_now
from tests.support import FlowError, Refused, error_of

Both = FlowError | PromiseRejected


@workflow
async def waiting(run: Run[Both]) -> Result[list[str], Both]:
    """Wait for a signal for an hour, and await a promise."""
    promise = run.promise("signed", str)
    first, second = await run.gather(run.wait_for("go", int, timeout="1h"), promise.result())
    return Ok([str(first), str(second)])


async def test_a_run_that_waits_is_told_and_goes_on_without_a_store() -> None:
    """What it waits for and what it was told are in the text of its snapshot."""
    execution = await execute(waiting(), run_id="r")
    saved = Snapshot.from_json(execution.snapshot.to_json())
    assert saved.state.run.awaiting == execution.snapshot.state.run.awaiting
    told = saved.signal("go", 4, by="bank").unwrap()
    told = Snapshot.from_json(told.to_json())
    assert [m.name for m in told.state.messages] == ["go"]
    execution = await execute(waiting(), snapshot=told)
    assert execution.status is RunStatus.PARKED
    resolved = Snapshot.from_json(execution.snapshot.to_json()).resolve("signed@r", "ann").unwrap()
    execution = await execute(waiting(), snapshot=Snapshot.from_json(resolved.to_json()))
    assert execution.result == Ok(["<Success: 4>", "<Success: ann>"])


async def test_a_snapshot_refuses_as_an_orchestrator_does() -> None:
    """Values of another type, second signals, promises of other runs, runs that are over."""
    saved = (await execute(waiting(), run_id="r")).snapshot
    assert isinstance(error_of(saved.signal("go", "four")), InvalidPayload)
    assert isinstance(error_of(saved.signal("go", object())), InvalidPayload)
    told = saved.signal("go", 4).unwrap()
    assert told.signal("go", 4) == Ok(told)
    assert isinstance(error_of(told.signal("go", 5)), AlreadySent)
    for other in ("signed@other", "signed"):
        assert error_of(saved.resolve(other, "x")) == UnknownPromise(other)
    rejected = told.reject_promise("signed@r", "moved away").unwrap()
    execution = await execute(waiting(), snapshot=rejected)
    assert "moved away" in execution.result.unwrap()[1]
    assert isinstance(error_of(execution.snapshot.signal("other", 1)), RunEnded)
    with pytest.raises(DefinitionError):
        saved.signal("")


async def test_the_time_of_a_snapshot_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run on after the time of its wait, it has timed out."""

    @workflow
    async def flow(run: Run[Refused]) -> Result[bool, Refused]:
        return Ok(isinstance(error_of(await run.wait_for("go", int, timeout="1h")), TimedOut))

    saved = (await execute(flow())).snapshot.to_json()
    monkeypatch.setattr("awaitly.replaying.execution.utc_now", lambda: utc_now() + timedelta(hours=2))
    assert (await execute(flow(), snapshot=Snapshot.from_json(saved))).result == Ok(True)


# What is too large


async def test_a_result_that_is_too_large_is_a_typed_error() -> None:
    """It says how large it is and what the limit is; a codec of one's own may have another."""

    async def large() -> Result[str, Refused]:
        return Ok("x" * 2**20)

    @workflow
    async def flow(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(len(await run.step(large)))

    @workflow(codec=Codec(limit=2**21))
    async def generous(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(len(await run.step(large)))

    async with Orchestrator(MemoryStore(), workflows=[flow, generous]) as orchestrator:
        error = error_of((await orchestrator.start(flow())).result)
        assert (error.kind, "1048576" in error.message) == ("Unstorable", True)
        assert (await orchestrator.start(generous())).result == Ok(2**20)


async def test_arguments_and_payloads_that_are_too_large_are_refused() -> None:
    """Arguments where they are bound; a payload to its sender."""

    @workflow
    async def flow(run: Run[Refused], text: str) -> Result[str, Refused]:
        return Ok(text + str(await run.wait_for("go", str)))

    with pytest.raises(UnstorableValue, match="1048576"):
        flow("x" * 2**20)
    async with Orchestrator(MemoryStore(), workflows=[flow]) as orchestrator:
        await orchestrator.start(flow("a"), run_id="r")
        for payload in ("x" * 2**20, ["x" * 2**20]):
            refusal = error_of(await orchestrator.signal("r", "go", payload))
            assert isinstance(refusal, InvalidPayload)
            assert "1048576" in refusal.reason


async def test_a_limit_is_at_least_one_character() -> None:
    """A codec that could write nothing is refused."""
    with pytest.raises(ValueError, match="limit"):
        Codec(limit=0)


# Calls from nowhere


async def test_a_call_from_an_empty_context_says_what_to_do() -> None:
    """A task in a context of its own is not a line of the workflow: a definition error, no bare `LookupError`."""

    async def load() -> Result[int, Refused]:
        return Ok(1)

    @workflow
    async def flow(run: Run[Refused]) -> Result[int, Refused]:
        async def lost() -> int:
            return await run.step(load)

        return Ok(await asyncio.get_running_loop().create_task(lost(), context=contextvars.Context()))

    error = error_of((await execute(flow())).result)
    assert (error.kind, "run.gather" in error.message) == ("DefinitionError", True)
