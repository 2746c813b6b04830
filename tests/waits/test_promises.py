"""Promises: their ids, their one fate, and awaiting them."""

from __future__ import annotations

from typing import Any, cast

import pytest

from awaitly import (
    AlreadySent,
    Err,
    InvalidPayload,
    MemoryStore,
    Ok,
    Orchestrator,
    Promise,
    PromiseRejected,
    Result,
    Run,
    RunEnded,
    RunStatus,
    Sent,
    TimedOut,
    UnknownPromise,
    workflow,
)
from awaitly.testing import TestClock
from tests.support import Effects, Refused, SharedStore, error_of

Broken = Refused | PromiseRejected


@workflow
async def signing(run: Run[Broken]) -> Result[str, Broken]:
    """Await a signature."""
    return Ok(await run.promise("signed", str))


async def test_a_promise_is_resolved_by_its_id_from_anywhere(store: SharedStore, effects: Effects) -> None:
    """The id goes out in a step, and a process without the code resolves it."""

    @workflow
    async def flow(run: Run[Broken]) -> Result[str, Broken]:
        promise = run.promise("vendor: signed", str)
        await run.step(effects.do, promise.id)
        return Ok(await promise)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r@x")
        async with Orchestrator(store) as stranger:
            assert isinstance(await stranger.resolve(effects.done[0], "ann", by="ann"), Ok)
        assert [e.result for e in await orchestrator.recover()] == [Ok("ann")]
    assert len(effects.done) == 1


async def test_a_rejected_promise_ends_the_workflow_or_is_a_value(store: SharedStore) -> None:
    """`await` ends it with `PromiseRejected` and the reason; `.result()` gives that."""

    @workflow
    async def careful(run: Run[Refused]) -> Result[str, Refused]:
        match await asking(run).result():
            case Err(PromiseRejected(reason=reason)):
                return Ok(f"no: {reason}")
            case other:
                return Ok(str(other))

    async with Orchestrator(store, workflows=[signing, careful]) as orchestrator:
        await orchestrator.start(signing(), run_id="s")
        await orchestrator.start(careful(), run_id="c")
        for run_id in "sc":
            (await orchestrator.reject_promise(f"signed@{run_id}", "moved away")).unwrap()
        await orchestrator.recover()
        assert (await orchestrator.resume("s")).result == Err(PromiseRejected("s", "signed", "moved away"))
        assert (await orchestrator.resume("c")).result == Ok("no: moved away")


def asking(run: Run[Refused]) -> Promise[str]:
    """Make a promise whose rejection is handled on the spot."""
    return cast("Run[Broken]", run).promise("signed", str)


async def test_the_first_fate_of_a_promise_stays(store: SharedStore) -> None:
    """The same again is a replay, another is refused; once the run is over too."""
    async with Orchestrator(store, workflows=[signing]) as orchestrator:
        await orchestrator.start(signing(), run_id="r")
        (await orchestrator.resolve("signed@r", "ann")).unwrap()
        assert await orchestrator.resolve("signed@r", "ann") == Ok(Sent("r", "signed", replayed=True))
        assert isinstance(error_of(await orchestrator.resolve("signed@r", "bob")), AlreadySent)
        assert isinstance(error_of(await orchestrator.reject_promise("signed@r")), AlreadySent)
        await orchestrator.recover()
        assert await orchestrator.resolve("signed@r", "ann") == Ok(Sent("r", "signed", replayed=True))
        assert isinstance(error_of(await orchestrator.resolve("other@r", "bob")), RunEnded)


@pytest.mark.parametrize("awaited", [True, False])
async def test_a_promise_can_be_resolved_before_it_is_awaited_or_made(store: SharedStore, *, awaited: bool) -> None:
    """One that nobody awaits is no error."""

    @workflow
    async def flow(run: Run[Broken]) -> Result[str, Broken]:
        await run.wait_for("go", str)
        promise = run.promise("signed", str)
        await run.wait_for("await", str)
        return Ok(await promise if awaited else "never")

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.resolve("signed@r", "ann")).unwrap()
        for name in ("go", "await"):
            (await orchestrator.signal("r", name, "x")).unwrap()
            await orchestrator.recover()
        assert (await orchestrator.resume("r", flow)).result == Ok("ann" if awaited else "never")
        assert await store.due(await store.now(), 10) == ()


async def test_a_value_of_another_type_is_refused_and_an_unknown_id_is_too(store: SharedStore) -> None:
    """The refusal names the promise; the run waits on, and nothing is kept for names that no promise can have."""
    async with Orchestrator(store, workflows=[signing]) as orchestrator:
        await orchestrator.start(signing(), run_id="r")
        refusal = error_of(await orchestrator.resolve("signed@r", 4))
        assert isinstance(refusal, InvalidPayload)
        unstorable = error_of(await orchestrator.resolve("signed@r", object()))
        assert (unstorable.run_id, unstorable.name) == ("r", "signed")
        for unknown in ("signed@nobody", "signed", "", "@r", "signed@", "a%0Ab@r", f"{'x' * 1000}@r"):
            assert error_of(await orchestrator.resolve(unknown, "x")) == UnknownPromise(unknown)
            assert error_of(await orchestrator.reject_promise(unknown)) == UnknownPromise(unknown)
        assert (await orchestrator.resume("r")).status is RunStatus.PARKED


@pytest.mark.parametrize("key", ["%00", "%ff%0a", "\ud800", "k" * 5_000, "signed%00"])
@pytest.mark.parametrize("run_id", ["r", "a\0b", "\ud800", "r" * 5_000, "r\n"])
async def test_no_text_from_outside_is_more_than_an_unknown_id(store: SharedStore, key: str, run_id: str) -> None:
    """What no promise can be called is refused as unknown, before any store must make something of it."""
    async with Orchestrator(store, workflows=[signing]) as orchestrator:
        await orchestrator.start(signing(), run_id="r")
        unknown = f"{key}@{run_id}"
        assert error_of(await orchestrator.resolve(unknown, "x")) == UnknownPromise(unknown)
        assert error_of(await orchestrator.reject_promise(unknown)) == UnknownPromise(unknown)


@pytest.mark.parametrize("reason", [5, {"why": "no"}, object(), "x" * 2**20])
async def test_a_reason_that_is_no_text_or_too_long_is_refused(store: SharedStore, reason: Any) -> None:
    """It could not be read by whoever awaits the promise, who would then wait for ever."""
    async with Orchestrator(store, workflows=[signing]) as orchestrator:
        execution = await orchestrator.start(signing(), run_id="r")
        assert isinstance(error_of(await orchestrator.reject_promise("signed@r", reason)), InvalidPayload)
        assert isinstance(error_of(execution.snapshot.reject_promise("signed@r", reason)), InvalidPayload)
        (await orchestrator.reject_promise("signed@r", "no")).unwrap()
        assert isinstance(error_of((await orchestrator.resume("r")).result), PromiseRejected)


async def test_a_promise_that_timed_out_can_still_be_kept(clock: TestClock) -> None:
    """The time was that of one look; the next one waits anew, and so does `await`."""

    @workflow
    async def flow(run: Run[Broken]) -> Result[list[str], Broken]:
        promise = run.promise("signed", str)
        first = await promise.result(timeout="1h")
        second = await promise.result(timeout="1h")
        return Ok([type(first).__name__, type(second).__name__, await promise])

    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        for _ in range(2):
            clock.advance("1h")
            await orchestrator.recover()
        (await orchestrator.resolve("signed@r", "ann")).unwrap()
        assert [e.result for e in await orchestrator.recover()] == [Ok(["Failure", "Failure", "ann"])]


async def test_a_promise_may_be_awaited_twice_and_side_by_side(store: SharedStore) -> None:
    """Whoever awaits it gets the one value."""

    @workflow
    async def flow(run: Run[Broken]) -> Result[list[str], Broken]:
        promise = run.promise("signed", str)

        async def one() -> str:
            return await promise

        both = await run.gather(one(), one())
        return Ok([*both, await promise])

    @workflow
    async def early(run: Run[Broken]) -> Result[list[str], Broken]:
        await run.wait_for("go", str)
        return await flow.function(run)  # type: ignore[no-any-return]

    async with Orchestrator(store, workflows=[flow, early]) as orchestrator:
        for one in (flow, early):
            await orchestrator.start(one(), run_id=one.name)
            (await orchestrator.resolve(f"signed@{one.name}", "ann")).unwrap()
            await orchestrator.signal(one.name, "go", "x")
            await orchestrator.recover()
            assert (await orchestrator.resume(one.name, one)).result == Ok(["ann"] * 3)


async def test_a_timeout_of_a_promise_is_a_value(clock: TestClock) -> None:
    """With the time that was up."""

    @workflow
    async def flow(run: Run[Broken]) -> Result[bool, Broken]:
        match await run.promise("signed", str).result(timeout="1h"):
            case Err(TimedOut(key=key)):
                return Ok(key == "signed")
            case _:
                return Ok(False)

    async with Orchestrator(MemoryStore(clock=clock), workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        clock.advance("1h")
        assert [e.result for e in await orchestrator.recover()] == [Ok(True)]
