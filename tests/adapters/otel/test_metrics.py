"""Metrics: how runs and steps come out, and how long people are waited for."""

from __future__ import annotations

from typing import Any

from awaitly import Escalation, Ok, Orchestrator, Policy, Result, Retry, Run, StoreUnavailable, step, workflow
from awaitly.testing import TestClock, raising
from tests.support import ADMIN, FlowError, Refused, SharedStore


async def load(order: str) -> Result[str, Refused]:
    """Give the order back."""
    return Ok(order)


@workflow
async def refund(run: Run[FlowError], order: str) -> Result[str, FlowError]:
    """A step and a question."""
    loaded = await run.step(load, order)
    return Ok(await run.approval("manager", proposes=loaded, policy=Policy(expires_in="7d")))


async def test_runs_by_their_status(store: SharedStore, clock: TestClock, backend: Any) -> None:
    """Completed, failed, cancelled: how many, and how long after they were made."""
    async with Orchestrator(store, workflows=[refund], observers=[backend.observer()]) as orchestrator:
        for run_id in "abc":
            await orchestrator.start(refund("o1"), run_id=run_id)
        clock.advance("1h")
        (await orchestrator.approve("a", by="ann", resume=refund)).unwrap()
        (await orchestrator.reject("b", by="ann", resume=refund)).unwrap()
        (await orchestrator.cancel("c", by=ADMIN)).unwrap()
    counted = {point["awaitly.run.status"]: point["value"] for point in backend.points("awaitly.runs")}
    assert counted == {"completed": 1, "failed": 1, "cancelled": 1}
    assert {point["awaitly.workflow.name"] for point in backend.points("awaitly.runs")} == {"refund"}
    assert {point["sum"] for point in backend.points("awaitly.run.duration")} == {3600}


async def test_how_long_people_are_waited_for(store: SharedStore, clock: TestClock, backend: Any) -> None:
    """In seconds, by what came of it, in buckets from seconds to weeks."""
    async with Orchestrator(store, workflows=[refund], observers=[backend.observer()]) as orchestrator:
        for run_id in "abc":
            await orchestrator.start(refund("o1"), run_id=run_id)
        clock.advance("2h")
        (await orchestrator.approve("a", by="ann")).unwrap()
        clock.advance("2h")
        (await orchestrator.approve("b", by="ann")).unwrap()
        clock.advance("7d")
        await orchestrator.recover()
    points = {point["awaitly.approval.status"]: point for point in backend.points("awaitly.approval.wait")}
    assert {status: (point["count"], point["sum"]) for status, point in points.items()} == {
        "approved": (2, 6 * 3600),
        "expired": (1, 7 * 86400 + 4 * 3600),
    }
    assert 86400 in points["approved"]["explicit_bounds"]


async def test_reminders_and_levels_of_ladders(store: SharedStore, clock: TestClock, backend: Any) -> None:
    """By the level: that of a reminder is the last one that was told."""
    ladder = Policy(remind_every="1h", escalations=[Escalation("90m", ["bob"])])

    @workflow
    async def asking(run: Run[FlowError]) -> Result[str, FlowError]:
        return Ok(await run.approval("manager", proposes="x", policy=ladder))

    async with Orchestrator(store, workflows=[asking], observers=[backend.observer()]) as orchestrator:
        for run_id in "ab":
            await orchestrator.start(asking(), run_id=run_id)
        for _ in range(4):
            clock.advance("30m")
            await orchestrator.recover()
    counted = {name: backend.points(f"awaitly.approval.{name}") for name in ("escalations", "reminders")}
    levels = {name: {p["awaitly.approval.level"]: p["value"] for p in points} for name, points in counted.items()}
    assert levels == {"escalations": {1: 2}, "reminders": {0: 2, 1: 2}}
    assert {point["awaitly.workflow.name"] for points in counted.values() for point in points} == {"asking"}


async def test_steps_and_their_retries(store: SharedStore, backend: Any) -> None:
    """By the function's name and how it came out."""

    async def bug() -> Result[str, Refused]:
        raise KeyError

    @workflow
    async def flow(run: Run[Refused]) -> Result[int, Refused]:
        for _ in range(3):
            await run.step(load, "x")
        await run.attempt(step(bug, retry=Retry(attempts=3, base="1ms")))
        return Ok(1)

    async with Orchestrator(store, workflows=[flow], observers=[backend.observer()]) as orchestrator:
        await orchestrator.start(flow())
    steps = {(p["awaitly.step.name"], p["awaitly.step.outcome"]): p["value"] for p in backend.points("awaitly.steps")}
    assert steps == {("load", "ok"): 3, ("bug", "raised"): 1}
    (retries,) = backend.points("awaitly.step.retries")
    assert (retries["awaitly.step.name"], retries["value"]) == ("bug", 2)
    assert {point["count"] for point in backend.points("awaitly.step.duration")} == {3, 1}


async def test_runs_taken_from_processes_that_died(store: SharedStore, clock: TestClock, backend: Any) -> None:
    """Each time one is taken over."""
    store.failpoints.arm("park.before", raising(StoreUnavailable("down")), 1)
    async with Orchestrator(store, workflows=[refund], observers=[backend.observer()]) as orchestrator:
        try:
            await orchestrator.start(refund("o1"), run_id="r")
        except StoreUnavailable:
            clock.advance("1m")
        await orchestrator.recover()
    (taken,) = backend.points("awaitly.run.takeovers")
    assert taken["value"] == 1


async def test_no_attribute_tells_runs_apart(store: SharedStore, backend: Any) -> None:
    """A metric has as many series after a hundred runs as after one."""
    async with Orchestrator(store, workflows=[refund], observers=[backend.observer()]) as orchestrator:
        for number in range(100):
            await orchestrator.start(refund(f"o{number}"), run_id=f"r{number}")
            (await orchestrator.approve(f"r{number}", by=f"p{number}", resume=refund)).unwrap()
    for name in ("awaitly.runs", "awaitly.steps", "awaitly.approval.wait", "awaitly.run.duration"):
        assert len(backend.points(name)) == 1
