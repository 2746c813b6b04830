"""`run.race`: the winner is recorded and replayed, and what lost is withdrawn without a trace that gets in the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from awaitly import (
    ApprovalStatus,
    Approved,
    NotApproved,
    Ok,
    Orchestrator,
    PromiseRejected,
    Result,
    Run,
    RunStatus,
    StoreUnavailable,
    Waiting,
    Workflow,
    workflow,
)
from awaitly.testing import TestClock, raising
from awaitly.verbs.messenger import Messenger
from tests.support import Effects, FlowError, Refused, SharedStore, error_of

Flow = Workflow[[], str, FlowError]


def name(won: object) -> str:
    """Say what won."""
    match won:
        case Approved():
            return "decision"
        case None:
            return "time"
        case _:
            return str(won)


@workflow
async def racing(run: Run[FlowError]) -> Result[str, FlowError]:
    """Wait for a person, a signal or a time, then for a person once more."""
    won = await run.race(run.decision("boss", proposes=1), run.wait_for("go", int), run.sleep("10d"))
    await run.decision("after", proposes=name(won))
    return Ok(name(won))


async def finished(orchestrator: Orchestrator, run_id: str = "r") -> str:
    """Approve what comes after the race, and give what the run came to."""
    await orchestrator.recover()
    (await orchestrator.approve(run_id, "after", by="ann")).unwrap()
    value: str = (await orchestrator.resume(run_id)).result.unwrap()
    return value


async def approve(orchestrator: Orchestrator, clock: TestClock) -> None:
    """Let the person win."""
    del clock
    (await orchestrator.approve("r", "boss", by="ann")).unwrap()


async def tell(orchestrator: Orchestrator, clock: TestClock) -> None:
    """Let the signal win."""
    del clock
    (await orchestrator.signal("r", "go", 4)).unwrap()


async def let_pass(orchestrator: Orchestrator, clock: TestClock) -> None:
    """Let the time win."""
    del orchestrator
    clock.advance("11d")


@pytest.mark.parametrize(("act", "won"), [(approve, "decision"), (tell, "<Success: 4>"), (let_pass, "time")])
async def test_the_winner_is_recorded_and_replayed(
    store: SharedStore, clock: TestClock, act: Callable[[Orchestrator, TestClock], Awaitable[None]], won: str
) -> None:
    """Whatever else comes later, the run goes over its code again and finds the same winner."""
    async with Orchestrator(store, workflows=[racing]) as orchestrator:
        await orchestrator.start(racing(), run_id="r")
        await act(orchestrator, clock)
        await orchestrator.recover()
        await orchestrator.signal("r", "go", 5)
        await orchestrator.approve("r", "boss", by="bob")
        assert await finished(orchestrator) == won


async def test_the_question_that_lost_is_superseded_with_the_winner(store: SharedStore, effects: Effects) -> None:
    """In the commit that records the winner, before anything else happens: nobody is asked any more."""
    seen: list[object] = []

    async def look() -> Result[int, Refused]:
        found = await Messenger(store).history("r")
        history = found.unwrap()
        seen.append(([a.status for a in history.approvals], [s.key for s in history.steps]))
        seen.append((await Messenger(store).pending()).items)
        return Ok(1)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        won = await run.race(run.decision("boss", proposes=1), run.wait_for("go", int))
        await run.step(look)
        return Ok(name(won))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.signal("r", "go", 4)).unwrap()
        assert [e.result for e in await orchestrator.recover()] == [Ok("<Success: 4>")]
    assert seen == [([ApprovalStatus.SUPERSEDED], ["go", "race"]), ()]


@pytest.mark.parametrize("hit", [1, 2, 3])
@pytest.mark.parametrize("failpoint", ["claim.before", "claim.after", "step.before", "step.after", "park.before"])
async def test_a_crash_around_the_winner_loses_no_signal(
    store: SharedStore, clock: TestClock, failpoint: str, hit: int
) -> None:
    """A decision that comes after the crash may win; then the signal is there for the next wait."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        won = await run.race(run.decision("boss", proposes=1), run.wait_for("go", int))
        if isinstance(won, Approved):
            return Ok(f"decision {await run.wait_for('go', int, timeout='1h')}")
        await run.decision("after", proposes=1)
        return Ok(name(won))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        await tell(orchestrator, clock)
        store.failpoints.arm(failpoint, raising(StoreUnavailable("a test")), hit)
        with contextlib.suppress(StoreUnavailable):
            await orchestrator.recover()
        store.failpoints.disarm(failpoint)
        decided = isinstance(await orchestrator.approve("r", "boss", by="ann"), Ok)
        clock.advance("31s")
        await orchestrator.recover()
        if not decided or (await orchestrator.pending()).items:
            assert await finished(orchestrator) == "<Success: 4>"
        else:
            assert (await orchestrator.resume("r", flow)).result == Ok("decision <Success: 4>")


async def test_a_decision_at_the_moment_of_the_signal_leaves_nothing_stuck(store: SharedStore) -> None:
    """Both came before the run went on: the branch that is named first wins, whichever that is."""

    @workflow
    async def other(run: Run[FlowError]) -> Result[str, FlowError]:
        won = await run.race(run.wait_for("go", int), run.decision("boss", proposes=1))
        await run.decision("after", proposes=name(won))
        return Ok(name(won))

    async with Orchestrator(store, workflows=[racing, other]) as orchestrator:
        for flow, won in ((racing, "decision"), (other, "<Success: 4>")):
            run_id = flow.name
            await orchestrator.start(flow(), run_id=run_id)
            (await orchestrator.signal(run_id, "go", 4)).unwrap()
            (await orchestrator.approve(run_id, "boss", by="ann")).unwrap()
            assert await finished(orchestrator, run_id) == won
        assert await store.due(await store.now(), 10) == ()


async def test_a_signal_that_lost_is_kept_for_the_next_wait(store: SharedStore) -> None:
    """It was not taken by the branch that lost."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.race(run.decision("boss", proposes=1), run.wait_for("go", int))
        return Ok(str(await run.wait_for("go", int)))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.signal("r", "go", 4)).unwrap()
        execution = (await orchestrator.approve("r", by="ann", resume=flow)).unwrap()
        assert execution.result == Ok("<Success: 4>")


async def test_a_time_that_lost_does_not_make_the_run_due(store: SharedStore, clock: TestClock) -> None:
    """Nobody looks at the run when it comes."""
    async with Orchestrator(store, workflows=[racing]) as orchestrator:
        await orchestrator.start(racing(), run_id="r")
        await tell(orchestrator, clock)
        await orchestrator.recover()
        clock.advance("20d")
        assert await store.due(await store.now(), 10) == ()
        run = (await orchestrator.status("r")).unwrap().run
        assert (run.awaiting, run.due_at) == ((), None)


async def test_races_go_side_by_side_and_in_loops(store: SharedStore) -> None:
    """Each has its own winner, in a gather and one after another."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[list[str], FlowError]:
        both = await run.gather(
            [run.race(run.wait_for(f"go {n}", str), run.decision(f"ask {n}", proposes=n)) for n in range(2)]
        )
        rest = [await run.race(run.wait_for("go", str), run.decision(f"loop {n}", proposes=n)) for n in range(3)]
        return Ok([name(won) for won in (*both, *rest)])

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", "ask 0", by="ann")).unwrap()
        await orchestrator.recover()
        (await orchestrator.signal("r", "go 1", "b")).unwrap()
        await orchestrator.recover()
        (await orchestrator.signal("r", "go", "c")).unwrap()
        await orchestrator.recover()
        (await orchestrator.approve("r", "loop 1", by="ann")).unwrap()
        await orchestrator.recover()
        (await orchestrator.signal("r", "go", "e", key="2")).unwrap()
        await orchestrator.recover()
        execution = await orchestrator.resume("r", flow)
        assert execution.result == Ok(["decision", "<Success: b>", "<Success: c>", "decision", "<Success: e>"])


async def two(run: Run[FlowError]) -> str:
    """Wait for a signal, then for a person or another signal."""
    first = await run.wait_for("first", str)
    second = await run.decision("second", proposes=str(first))
    return f"{first} {name(second)}"


@workflow
async def nested(run: Run[FlowError]) -> Result[str, FlowError]:
    """Race a helper with several waits against a signal and a time."""
    won = await run.race(two(run), run.wait_for("go", int), run.sleep("10d"))
    await run.decision("after", proposes=1)
    return Ok(name(won))


@workflow
async def nested_last(run: Run[FlowError]) -> Result[str, FlowError]:
    """Race a signal against a helper with several waits."""
    won = await run.race(run.wait_for("go", int), two(run), run.sleep("10d"))
    await run.decision("after", proposes=1)
    return Ok(name(won))


@pytest.mark.parametrize("flow", [nested, nested_last])
async def test_a_helper_with_several_waits_can_win(store: SharedStore, flow: Flow) -> None:
    """Each wait of it is recorded as it ends."""
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.signal("r", "first", "one")).unwrap()
        (execution,) = await orchestrator.recover()
        assert [p.key for p in execution.pending] == ["second"]
        (await orchestrator.approve("r", "second", by="ann")).unwrap()
        assert await finished(orchestrator) == "<Success: one> decision"


@pytest.mark.parametrize("flow", [nested, nested_last])
@pytest.mark.parametrize("far", [True, False])
async def test_a_helper_with_several_waits_can_lose(
    store: SharedStore, clock: TestClock, flow: Flow, *, far: bool
) -> None:
    """However far it had come: its question is withdrawn, and the run comes to its end."""
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        if far:
            (await orchestrator.signal("r", "first", "one")).unwrap()
            await orchestrator.recover()
        await tell(orchestrator, clock)
        await orchestrator.recover()
        assert [p.key for p in (await orchestrator.pending()).items] == ["after"]
        assert await finished(orchestrator) == "<Success: 4>"


async def test_a_step_in_a_race_is_refused(store: SharedStore, effects: Effects) -> None:
    """It is no wait, and does not run."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        return Ok(str(await run.race(run.step(effects.do, "a"), run.wait_for("go", int))))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        error = error_of((await orchestrator.start(flow(), run_id="r")).result)
        assert (error.kind, "race" in error.message) == ("DefinitionError", True)
    assert effects.done == []


async def test_a_promise_can_race(store: SharedStore) -> None:
    """Also where the one that loses was made outside of the race, and is awaited after it."""

    @workflow
    async def flow(run: Run[FlowError | PromiseRejected]) -> Result[str, FlowError | PromiseRejected]:
        promise = run.promise("signed", str)
        won = await run.race(promise.result(), run.wait_for("go", int))
        return Ok(f"{won} {await promise}")

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.signal("r", "go", 4)).unwrap()
        (execution,) = await orchestrator.recover()
        assert isinstance(error_of(execution.result), Waiting)
        (await orchestrator.resolve("signed@r", "ann")).unwrap()
        assert [e.result for e in await orchestrator.recover()] == [Ok("<Success: 4> ann")]


async def test_another_run_that_lost_goes_on(store: SharedStore) -> None:
    """Nobody waits for it any more, and it is not cancelled."""

    @workflow
    async def child(run: Run[NotApproved]) -> Result[int, NotApproved]:
        return Ok(await run.approval("manager", proposes=1))

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        return Ok(name(await run.race(run.child(child()), run.wait_for("go", int))))

    async with Orchestrator(store, workflows=[flow, child]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        await orchestrator.recover()
        (await orchestrator.signal("r", "go", 4)).unwrap()
        await orchestrator.recover()
        assert (await orchestrator.resume("r", flow)).result == Ok("<Success: 4>")
        assert (await orchestrator.status("r.child")).unwrap().run.status is RunStatus.PARKED
        (await orchestrator.approve("r.child", by="ann")).unwrap()
        await orchestrator.recover()
        assert await store.due(await store.now(), 10) == ()


async def test_two_that_go_on_at_once_agree_on_the_winner(store: SharedStore, clock: TestClock) -> None:
    """A signal, a decision and two orchestrators at the same moment: one winner, and the run comes to its end."""
    first, second = Orchestrator(store, workflows=[racing]), Orchestrator(store, workflows=[racing])
    async with first, second:
        for n in range(20):
            await first.start(racing(), run_id=f"r{n}")
            await asyncio.gather(
                first.signal(f"r{n}", "go", 4),
                second.approve(f"r{n}", "boss", by="ann"),
                first.recover(),
                second.recover(),
            )
            await first.recover()
            assert await finished(second, f"r{n}") in {"decision", "<Success: 4>"}
        assert await store.due(await store.now(), 100) == ()


@pytest.mark.parametrize("hit", [1, 2])
async def test_a_crash_between_the_end_of_a_wait_and_the_race_loses_no_signal(
    store: SharedStore, clock: TestClock, hit: int
) -> None:
    """That a signal was taken and that it won are one commit: what wins after the crash leaves it where it was."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[list[str], FlowError]:
        taken: list[str] = []
        while len(taken) < 2:
            won = await run.race(run.wait_for("a", str), run.wait_for("b", str), run.sleep("10d"))
            taken.append(str(won))
        return Ok(taken)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.signal("r", "b", "B")).unwrap()
        for move in ("claim", "step"):
            store.failpoints.arm(f"{move}.after", raising(StoreUnavailable("a test")), hit)
        with contextlib.suppress(StoreUnavailable):
            await orchestrator.recover()
        for move in ("claim", "step"):
            store.failpoints.disarm(f"{move}.after")
        (await orchestrator.signal("r", "a", "A")).unwrap()
        for _ in range(3):
            clock.advance("31s")
            await orchestrator.recover()
        execution = await orchestrator.resume("r", flow)
        assert sorted(execution.result.unwrap()) == ["<Success: A>", "<Success: B>"]


@pytest.mark.parametrize("before", [True, False])
async def test_a_helper_that_had_come_far_loses_with_all_that_it_asked(store: SharedStore, *, before: bool) -> None:
    """Its second question is withdrawn in the commit that records the winner, also where the workflow then ends."""
    seen: list[object] = []

    async def look() -> Result[int, Refused]:
        seen.append((await Messenger(store).pending()).items)
        return Ok(1)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        signal, helper = run.wait_for("go", int), two(run)
        won = await (run.race(helper, signal) if before else run.race(signal, helper))
        if before:
            await run.step(look)
        return Ok(name(won))

    @workflow
    async def looking(run: Run[FlowError]) -> Result[str, FlowError]:
        won = await run.race(run.wait_for("go", int), two(run))
        await run.step(look)
        return Ok(name(won))

    async with Orchestrator(store, workflows=[flow, looking]) as orchestrator:
        for one in (flow, looking):
            run_id = one.name
            await orchestrator.start(one(), run_id=run_id)
            (await orchestrator.signal(run_id, "first", "one")).unwrap()
            await orchestrator.recover()
            (await orchestrator.signal(run_id, "go", 4)).unwrap()
            assert [e.result for e in await orchestrator.recover()] == [Ok("<Success: 4>")]
    assert set(seen) == {()}
