"""A plain step runs in a thread, which nobody can cancel: whoever cancels waits for it, and it is recorded."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from awaitly import ConflictReason, Ok, Orchestrator, Result, Retry, Run, RunStatus, Workflow, step, workflow
from awaitly.replaying.calling import body_of, run_body
from awaitly.result import Err
from tests.support import FlowError, Refused, SharedStore, error_of


class Thread:
    """A plain step that begins, and ends when it is let."""

    def __init__(self, *, fails: bool = False) -> None:
        self.began = threading.Event()
        self.go = threading.Event()
        self.ended = 0
        self._fails = fails

    def __call__(self) -> Result[int, Refused]:
        """Wait, and count."""
        self.began.set()
        assert self.go.wait(30)
        self.ended += 1
        return Err(Refused("no")) if self._fails else Ok(self.ended)

    async def under_way(self) -> None:
        """Wait until it has begun."""
        assert await asyncio.to_thread(self.began.wait, 30)


def calling(thread: Thread) -> Workflow[[], int, FlowError]:
    """Make a workflow of one plain step."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.step(thread))

    return flow


async def turns() -> None:
    """Let others go on for some turns of the loop."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_cancelled_call_waits_for_its_thread_and_records_it(each_store: SharedStore) -> None:
    """However often it is cancelled; the run is then given back with the step, which does not run again."""
    thread = Thread()
    flow = calling(thread)
    async with Orchestrator(each_store, workflows=[flow], lease="1h") as orchestrator:
        started = asyncio.create_task(orchestrator.start(flow(), run_id="r"))
        await thread.under_way()
        for _ in range(2):
            started.cancel()
            await turns()
        assert not started.done()
        assert (await each_store.load("r")).run.status == "running"  # type: ignore[union-attr]
        thread.go.set()
        with pytest.raises(asyncio.CancelledError):
            await started
        status = (await orchestrator.status("r")).unwrap()
        assert status.run.status is RunStatus.QUEUED
        assert len((await each_store.load("r")).steps) == 1
        assert (await orchestrator.resume("r")).result == Ok(1)
    assert thread.ended == 1


async def test_closing_waits_for_a_thread_and_records_it(each_store: SharedStore) -> None:
    """The run is given back once the thread has ended, and the next executor does not repeat the step."""
    thread = Thread()
    flow = calling(thread)
    async with Orchestrator(each_store, workflows=[flow], lease="1h") as orchestrator:
        started = asyncio.create_task(orchestrator.start(flow(), run_id="r"))
        await thread.under_way()
        closing = asyncio.create_task(orchestrator.__aexit__(None, None, None))
        await turns()
        assert not closing.done()
        thread.go.set()
        await closing
        assert error_of((await started).result).reason is ConflictReason.GIVEN_BACK
    async with Orchestrator(each_store, workflows=[flow]) as other:
        assert (await other.resume("r")).result == Ok(1)
    assert thread.ended == 1


async def test_a_failure_of_a_thread_that_is_to_be_retried_is_not_recorded() -> None:
    """Its retries are left to whoever goes on with the run."""
    thread = Thread(fails=True)
    body = body_of(step(thread, retry=Retry(attempts=2, on=(Refused,))))
    called = asyncio.create_task(run_body(body, "thread", (), {}))
    await thread.under_way()
    called.cancel()
    thread.go.set()
    with pytest.raises(asyncio.CancelledError):
        await called
    assert thread.ended == 1


async def test_a_step_that_waits_for_a_thread_is_called_off_at_once() -> None:
    """What has not begun need not be waited for, and never begins."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    first, second = Thread(), Thread()
    holding = asyncio.create_task(run_body(body_of(first), "first", (), {}))
    await turns()
    assert first.began.wait(30)
    queued = asyncio.create_task(run_body(body_of(second), "second", (), {}))
    await turns()
    queued.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queued
    first.go.set()
    assert (await holding).result == Ok(1)
    assert await asyncio.to_thread(second.began.is_set) is False


async def test_a_limit_of_the_step_s_own_does_not_wait_for_its_thread() -> None:
    """A step that takes too long is given up as before."""
    thread = Thread()
    body = body_of(step(thread, timeout=timedelta(milliseconds=20)))
    attempted = await run_body(body, "thread", (), {})
    assert error_of(attempted.result).kind == "TimeoutError"
    assert (attempted.cancelled, thread.ended) == (False, 0)
    thread.go.set()


async def test_a_coroutine_that_a_cancelled_thread_gave_is_not_awaited() -> None:
    """A plain function that only makes a coroutine has done nothing yet: it is left undone."""
    began, go, done = threading.Event(), threading.Event(), list[str]()

    async def pay() -> Result[int, Refused]:
        done.append("paid")
        return Ok(1)

    def make() -> object:
        began.set()
        assert go.wait(30)
        return pay()

    called = asyncio.create_task(run_body(body_of(make), "make", (), {}))
    assert await asyncio.to_thread(began.wait, 30)
    called.cancel()
    await turns()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await called
    assert done == []


@pytest.mark.parametrize("raised", [StopIteration("none left"), SystemExit(3), KeyboardInterrupt()])
async def test_what_no_future_can_hold_or_ends_a_process_is_the_failure_of_its_step(raised: BaseException) -> None:
    """A plain function that raises it neither hangs its run nor ends anything but its thread."""

    def reading() -> Result[int, Refused]:
        raise raised

    async with asyncio.timeout(20):
        attempted = await run_body(body_of(reading), "reading", (), {})
    error = attempted.result.failure()
    assert (error.kind, error.where) == ("RuntimeError", "reading")
    assert type(raised).__name__ in error.message
