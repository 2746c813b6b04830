"""Spans: the executions of a run are one trace over all processes, and what a step traces stands below its step."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import StatusCode

from awaitly import Err, Ok, Orchestrator, Result, Retry, Run, StoreUnavailable, step, workflow
from awaitly.testing import TestClock, raising
from awaitly_otel import OtelObserver
from tests.support import ADMIN, FlowError, Refused, SharedStore

SECRET = "4711-canary"


async def load(order: str) -> Result[str, Refused]:
    """Give the order back."""
    return Ok(order)


async def refuse(order: str) -> Result[str, Refused]:
    """Fail."""
    return Err(Refused(order))


async def bug(order: str) -> Result[str, Refused]:
    """Raise."""
    raise KeyError(order)


@workflow
async def refund(run: Run[FlowError], order: str) -> Result[str, FlowError]:
    """One step, one question, one step."""
    loaded = await run.step(load, order)
    agreed = await run.approval("manager", proposes=loaded)
    return Ok(await run.step(load, agreed))


async def test_each_execution_is_a_span_with_its_steps_below(store: SharedStore, backend: Any) -> None:
    """Their attributes say what, and how it came out."""
    async with Orchestrator(store, workflows=[refund], observers=[backend.observer()]) as orchestrator:
        await orchestrator.start(refund("o1"), run_id="r")
        (await orchestrator.approve("r", by="ann", resume=refund)).unwrap()
    assert [span.name for span in backend.spans] == ["awaitly.step", "awaitly.run"] * 2
    first, second = backend.named("awaitly.run")
    assert dict(first.attributes) == {
        "awaitly.run.id": "r",
        "awaitly.workflow.name": "refund",
        "awaitly.run.resumed": False,
        "awaitly.run.status": "parked",
        "awaitly.run.waits": ("manager",),
    }
    assert (second.attributes["awaitly.run.resumed"], second.attributes["awaitly.run.status"]) == (True, "completed")
    for run, step_ in zip((first, second), backend.named("awaitly.step"), strict=True):
        assert step_.parent == run.context
    assert dict(backend.named("awaitly.step")[1].attributes) == {
        "awaitly.run.id": "r",
        "awaitly.workflow.name": "refund",
        "awaitly.step.key": "load#2",
        "awaitly.step.name": "load",
        "awaitly.step.outcome": "ok",
        "awaitly.step.attempt": 1,
    }


TRACE_OF = """
import asyncio
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from awaitly import MemoryStore, Ok, Orchestrator, Result, Run, workflow
from awaitly_otel import OtelObserver

@workflow
async def nothing(run: Run[str]) -> Result[int, str]:
    return Ok(1)

async def main() -> None:
    exporter, tracers = InMemorySpanExporter(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    async with Orchestrator(MemoryStore(), workflows=[nothing], observers=[OtelObserver(tracers)]) as orchestrator:
        await orchestrator.start(nothing(), run_id="r")
    (span,) = exporter.get_finished_spans()
    print(span.context.trace_id)

asyncio.run(main())
"""


def trace_elsewhere() -> int:
    """Give the trace that a run of the id `r` has in another process."""
    done = subprocess.run([sys.executable, "-c", TRACE_OF], capture_output=True, text=True, check=True)
    return int(done.stdout)


async def test_all_executions_of_a_run_are_one_trace(store: SharedStore, backend: Any) -> None:
    """Also those of other processes; another run, and another namespace, have a trace of their own."""
    other = type(backend)()
    async with Orchestrator(store, workflows=[refund], observers=[backend.observer()]) as here:
        await here.start(refund("o1"), run_id="r")
        await here.start(refund("o1"), run_id="s")
    async with Orchestrator(store, workflows=[refund], observers=[other.observer()]) as there:
        (await there.approve("r", by="ann", resume=refund)).unwrap()
    async with Orchestrator(store, workflows=[refund], observers=[other.observer(namespace="b")]) as there:
        (await there.approve("s", by="ann", resume=refund)).unwrap()
    parked, of_s = (span.context.trace_id for span in backend.named("awaitly.run"))
    ended, of_b = (span.context.trace_id for span in other.named("awaitly.run"))
    assert parked == ended == await asyncio.to_thread(trace_elsewhere)
    assert len({parked, of_s, of_b}) == 3


async def test_what_a_step_traces_stands_below_it(store: SharedStore, backend: Any) -> None:
    """In async steps, in plain ones, which run in a thread, and in those side by side."""
    tracer = backend.tracers.get_tracer("the application")

    async def asking(name: str) -> Result[str, Refused]:
        with tracer.start_as_current_span(f"inner {name}"):
            await asyncio.sleep(0)
        return Ok(name)

    def plainly(name: str) -> Result[str, Refused]:
        with tracer.start_as_current_span(f"inner {name}"):
            return Ok(name)

    @workflow
    async def flow(run: Run[Refused]) -> Result[int, Refused]:
        await run.step(asking, "a")
        await run.step(plainly, "b")
        await run.gather(run.step(asking, "c"), run.step(plainly, "d"))
        return Ok(1)

    async with Orchestrator(store, workflows=[flow], observers=[backend.observer()]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
    by_id = {span.context.span_id: span for span in backend.spans}
    inner = {span.name: by_id[span.parent.span_id] for span in backend.spans if span.name.startswith("inner")}
    assert {name: span.attributes["awaitly.step.key"] for name, span in inner.items()} == {
        "inner a": "asking",
        "inner b": "plainly",
        "inner c": "asking#2",
        "inner d": "plainly#2",
    }
    assert not trace.get_current_span().get_span_context().is_valid


async def test_whoever_had_it_executed_is_linked(store: SharedStore, backend: Any) -> None:
    """Such as the request to a server in which a run was started: its trace is another one."""
    tracer = backend.tracers.get_tracer("the server")
    async with Orchestrator(store, workflows=[refund], observers=[backend.observer()]) as orchestrator:
        with tracer.start_as_current_span("POST /refunds") as request:
            await orchestrator.start(refund("o1"), run_id="r")
        (await orchestrator.approve("r", by="ann", resume=refund)).unwrap()
    asked, alone = backend.named("awaitly.run")
    assert [link.context for link in asked.links] == [request.get_span_context()]
    assert asked.context.trace_id != request.get_span_context().trace_id
    assert alone.links == ()


async def test_what_fails_is_marked(store: SharedStore, backend: Any) -> None:
    """A step that raises and a run that fails are errors; a step's declared error is a value with a name."""

    @workflow
    async def all_of_them(run: Run[Refused]) -> Result[str, Refused]:
        await run.attempt(refuse, SECRET)
        return Ok(await run.step(bug, SECRET))

    async with Orchestrator(store, workflows=[all_of_them], observers=[backend.observer()]) as orchestrator:
        await orchestrator.start(all_of_them(), run_id="r")
    refused, raised = backend.named("awaitly.step")
    (run,) = backend.named("awaitly.run")
    assert (refused.attributes["error.type"], refused.status.status_code) == ("Refused", StatusCode.UNSET)
    assert (raised.attributes["error.type"], raised.status.status_code) == ("KeyError", StatusCode.ERROR)
    assert (run.attributes["awaitly.run.status"], run.status.status_code) == ("failed", StatusCode.ERROR)
    assert SECRET not in "".join(span.to_json() for span in backend.spans)


async def test_attempts_are_events_of_their_step(store: SharedStore, backend: Any) -> None:
    """Each one that failed."""

    @workflow
    async def trying(run: Run[Refused]) -> Result[int, Refused]:
        await run.attempt(step(bug, retry=Retry(attempts=3, base="1ms")), "x")
        return Ok(1)

    async with Orchestrator(store, workflows=[trying], observers=[backend.observer()]) as orchestrator:
        await orchestrator.start(trying(), run_id="r")
    (tried,) = backend.named("awaitly.step")
    assert [event.attributes["awaitly.step.attempt"] for event in tried.events] == [1, 2]
    assert tried.attributes["awaitly.step.attempt"] == 3


async def test_every_span_ends(store: SharedStore, backend: Any, clock: TestClock) -> None:
    """Also where an execution is given back, loses its run, breaks off, or parks within a step."""
    began = asyncio.Event()
    observer = backend.observer()

    async def endless(_: str) -> Result[int, Refused]:
        began.set()
        await asyncio.Event().wait()
        return Ok(1)

    @workflow
    async def long(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(await run.step(endless, ""))

    @workflow
    async def patient(run: Run[Refused]) -> Result[str, Refused]:
        return Ok(await run.step(step(refuse, retry=Retry(attempts=2, base="1h", on=[Refused])), "x"))

    async with Orchestrator(store, workflows=[long, patient], observers=[observer]) as orchestrator:
        await orchestrator.start(patient(), run_id="p")
        cancelled = asyncio.create_task(orchestrator.start(long(), run_id="c"))
        await began.wait()
        began.clear()
        given_back = asyncio.create_task(orchestrator.start(long(), run_id="g"))
        await began.wait()
        cancelled.cancel()
        await asyncio.wait([cancelled])
    await given_back
    store.failpoints.arm("park.before", raising(StoreUnavailable("down")))
    async with Orchestrator(store, workflows=[refund], observers=[observer]) as orchestrator:
        with pytest.raises(StoreUnavailable):
            await orchestrator.start(refund("o1"), run_id="b")
    runs = {span.attributes["awaitly.run.id"]: span for span in backend.named("awaitly.run")}
    assert {run_id: span.attributes.get("awaitly.run.left") for run_id, span in runs.items()} == {
        "p": None,
        "c": "given_back",
        "g": "given_back",
        "b": "broken_off",
    }
    assert len(backend.named("awaitly.step")) == 4


async def test_ending_a_parked_run_from_outside_is_no_span(store: SharedStore, backend: Any) -> None:
    """Nothing was executed."""
    async with Orchestrator(store, workflows=[refund], observers=[backend.observer()]) as orchestrator:
        await orchestrator.start(refund("o1"), run_id="r")
        (await orchestrator.cancel("r", by=ADMIN)).unwrap()
    assert len(backend.named("awaitly.run")) == 1


async def test_a_share_of_all_runs_is_sampled_as_a_whole(store: SharedStore, backend: Any) -> None:
    """With a sampler that follows its parent, a run's executions are all kept or all left out."""
    kept = type(backend)(ParentBased(TraceIdRatioBased(0.5)))
    observer = kept.observer(ratio=0.5)
    async with Orchestrator(store, workflows=[refund], observers=[observer]) as orchestrator:
        for number in range(40):
            await orchestrator.start(refund("o1"), run_id=f"r{number}")
            (await orchestrator.approve(f"r{number}", by="ann", resume=refund)).unwrap()
    executions = [span.attributes["awaitly.run.id"] for span in kept.named("awaitly.run")]
    assert {executions.count(run_id) for run_id in executions} == {2}
    assert 0 < len(set(executions)) < 40


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_ratio_lies_from_none_to_all(ratio: float) -> None:
    """Any other number is refused."""
    with pytest.raises(ValueError, match="from 0 to 1"):
        OtelObserver(ratio=ratio)


async def test_without_the_sdk_nothing_happens(store: SharedStore) -> None:
    """The API alone keeps nothing, and costs no run anything."""
    async with Orchestrator(store, workflows=[refund], observers=[OtelObserver()]) as orchestrator:
        await orchestrator.start(refund("o1"), run_id="r")
        execution = (await orchestrator.approve("r", by="ann", resume=refund)).unwrap()
    assert execution.result == Ok("o1")


def test_without_the_api_the_import_says_what_to_install() -> None:
    """As `open_store` does for a driver that is missing."""
    code = "import sys; sys.modules['opentelemetry'] = None; import awaitly_otel"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'awaitly[otel]'" in done.stderr.splitlines()[-1]
