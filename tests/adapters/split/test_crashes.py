from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest
from attrs import evolve

from awaitly import (
    Actor,
    Err,
    Execution,
    Ok,
    Orchestrator,
    Result,
    Run,
    RunStatus,
    UnknownRun,
    Workflow,
    workflow,
)
from awaitly.storage.store import Changes, Found, Hold, Move, NoticeQuery, Store
from awaitly.testing import TestClock
from awaitly.testing.rows import T0, approval_row, entry_row, notice_row, run_row, step_row
from awaitly.testing.store_contract.tools import whole
from tests.adapters.split.support import Halves, Process, View, applied, dying, view
from tests.faults.child import do_all
from tests.faults.indoors import Indoors
from tests.faults.lengths import times
from tests.support import Effects, FlowError

PARKED = (
    Changes(move=Move.START, runs=(run_row(status="running", due_at=T0 + 30),), steps=(step_row(key="a"),)),
    Changes(
        move=Move.PARK,
        runs=(run_row(version=2),),
        approvals=(approval_row(audience=("*", "ann")), approval_row(key="cfo", asked_at=T0 + 1, audience=("carl",))),
        notices=(notice_row(), notice_row(key="2 chat", channel="chat")),
        entries=(entry_row(), entry_row(seq=2)),
    ),
)
DECIDED = (
    *PARKED,
    Changes(
        move=Move.DECIDE, approvals=(approval_row(version=2, open=False, ready=True),), entries=(entry_row(seq=3),)
    ),
)
CLAIMED = Changes(
    move=Move.CLAIM,
    runs=(run_row(version=3, status="running", due_at=T0 + 60),),
    steps=(step_row(key="manager"),),
    approvals=(approval_row(version=3, open=False),),
    entries=(entry_row(seq=4),),
)
ENDED = Changes(
    move=Move.END,
    runs=(run_row(version=4, status="done"),),
    dropped=(("run", "a"),),
    steps=(step_row(key="b"),),
    approvals=(approval_row(key="cfo", version=2, open=False, asked_at=T0 + 1),),
    notices=(notice_row(version=2, due_at=None, dead=True), notice_row(key="5 mail")),
    entries=(entry_row(seq=5),),
    wakes=True,
)

KINDS: dict[str, tuple[tuple[Changes, ...], Changes]] = {
    "start that parks": ((), evolve(PARKED[1], move=Move.START, runs=(run_row(),), steps=(step_row(),))),
    "park": (PARKED[:1], PARKED[1]),
    "decide": (PARKED, DECIDED[2]),
    "decide and claim": (
        PARKED,
        evolve(
            CLAIMED, move=Move.DECIDE, approvals=(approval_row(version=2, open=False),), entries=(entry_row(seq=3),)
        ),
    ),
    "claim": (DECIDED, CLAIMED),
    "step": ((*DECIDED, CLAIMED), Changes(move=Move.STEP, holds=(Hold("run", 3),), steps=(step_row(key="c"),))),
    "end": ((*DECIDED, CLAIMED), ENDED),
    "cancel": (DECIDED, evolve(ENDED, move=Move.CANCEL, runs=(run_row(version=3),), entries=(entry_row(seq=4),))),
    "held": (PARKED, Changes(move=Move.STEP, holds=(Hold("run", 2, T0 + 9),), entries=(entry_row(seq=3),))),
    "pass on and redact": (
        PARKED,
        Changes(
            move=Move.DECIDE,
            holds=(Hold("run", 2),),
            approvals=(approval_row(key="cfo", version=2, asked_at=T0 + 1, audience=("ann", "carl")),),
            entries=(entry_row(seq=3),),
            redacted=(entry_row(body='"gone"'), entry_row(seq=3, body='"gone"')),
        ),
    ),
    "set aside": (
        PARKED,
        Changes(move=Move.REVIEW, runs=(run_row(version=3),), notices=(notice_row(key="run 3 mail"),), wakes=True),
    ),
    "send": (PARKED, Changes(move=Move.SEND, notices=(notice_row(version=2, due_at=T0 + 9),), flushed=False)),
    "redact": (PARKED, Changes(move=Move.REDACT, redacted=(entry_row(seq=2, body='"gone"'),))),
    "steps without a run": ((), Changes(move=Move.STEP, steps=(step_row(),), approvals=(approval_row(),))),
    "cleanup": ((*DECIDED, CLAIMED, ENDED), Changes(move=Move.CLEANUP, forgotten=(Hold("run", 4),))),
    "cleanup without approvals": (PARKED[:1], Changes(move=Move.CLEANUP, forgotten=(Hold("run", 1),))),
    "cleanup without a run": (
        (Changes(move=Move.DECIDE, approvals=(approval_row(ready=True),), entries=(entry_row(),)),),
        Changes(move=Move.CLEANUP, forgotten=(Hold("run", 0),)),
    ),
}
ONCE_AND_AGAIN = {"cleanup without a run", "redact"}
"""What is taken a second time too, and changes nothing then."""

each_kind = pytest.mark.parametrize("kind", KINDS)
each_side = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])


async def views_of(kind: str) -> tuple[View, View]:
    """Give how a run looks before a commit and after it, where nothing goes wrong."""
    first, commit = KINDS[kind]
    store = (await Halves.in_memory(TestClock())).used()
    await applied(store, first)
    before = await view(store, "run")
    await applied(store, [commit])
    return before, await view(store, "run")


async def struck(kind: str, *, after: bool, clock: TestClock) -> AsyncIterator[Halves]:
    """Give what a process leaves that died at the first of its commits, then at the second, and so on."""
    first, commit = KINDS[kind]
    for at in range(1, 9):
        halves = await Halves.in_memory(clock)
        await applied(halves.used(), first)
        process = Process(at, after=after)
        with dying():
            await halves.used_by(process).commit(commit)
        if not process.dead:
            assert at > 1
            return
        yield halves
    raise AssertionError("one commit makes no more than a few")


async def recovered(store: Store, now: int) -> None:
    """Do what a worker does over and over."""
    for run_id in await store.due(now, 9):
        await store.load(run_id)


@each_kind
@each_side
async def test_a_crash_leaves_all_or_nothing_to_be_seen(kind: str, after: bool) -> None:
    """Right after the crash others see the run as it was before the commit, or as it is after it; never in between."""
    expected = await views_of(kind)
    async for halves in struck(kind, after=after, clock=TestClock()):
        store = halves.used()
        seen = await view(store, "run")
        assert seen in expected
        assert await view(halves.used(), "run") == seen


@each_side
@pytest.mark.parametrize("question", ["notices", "dead", "entries", "approvals"])
async def test_whoever_asks_about_one_run_alone_sees_the_commit_ended(question: str, after: bool) -> None:
    """Whichever question comes first after the crash: its answer is that of the run as the state store has it."""
    first, commit = KINDS["end"]
    store = (await Halves.in_memory(TestClock())).used()
    await applied(store, first)
    before = await answered(store, question)
    await applied(store, [commit])
    done = await answered(store, question)
    assert before != done
    async for halves in struck("end", after=after, clock=TestClock()):
        run = (await halves.state.load("run")).run
        assert await answered(halves.used(), question) == (done if run == commit.runs[0] else before)


async def answered(store: Store, question: str) -> object:
    """Ask one question about the run."""
    match question:
        case "notices":
            return await store.notices("run")
        case "dead":
            return await store.page_notices(NoticeQuery(run_id="run"))
        case "entries":
            return await store.entries("run")
        case _:
            return (await store.approvals("run")).approvals


@each_kind
@each_side
async def test_a_crash_is_recovered_without_a_hand(kind: str, after: bool) -> None:
    """Once the grace is over, whoever asks what is due, and looks at it, ends what was left."""
    expected, clock = await views_of(kind), TestClock()
    async for halves in struck(kind, after=after, clock=clock):
        clock.advance("1m")
        await recovered(halves.used(), await halves.approvals.now())
        anchor = (await halves.approvals.load("run")).run
        assert anchor is None or anchor.due_at is None
        assert await view(halves.used(), "run") in expected


@each_kind
@each_side
async def test_what_a_crash_undid_can_be_done_again(kind: str, after: bool) -> None:
    """Another process makes the same commit: it is taken if the first one was not, and it is not made twice."""
    (before, done), clock = await views_of(kind), TestClock()
    async for halves in struck(kind, after=after, clock=clock):
        clock.advance("1m")
        store = halves.used()
        seen = await view(store, "run")
        again = await store.commit(KINDS[kind][1])
        assert isinstance(again, Err) == (seen != before) or before == done or kind in ONCE_AND_AGAIN
        assert await view(store, "run") == done


@each_kind
async def test_a_recovery_may_crash_too(kind: str) -> None:
    """Whoever ends what another left may die at each commit of that as well."""
    expected = await views_of(kind)
    for after in (False, True):
        clock = TestClock()
        async for halves in struck(kind, after=after, clock=clock):
            clock.advance("1m")
            for at in range(1, 5):
                with dying():
                    await recovered(halves.used_by(Process(at)), await halves.approvals.now())
            assert await view(halves.used(), "run") in expected


# Whole lives


async def survived(seed: int, at: int, *, after: bool) -> bool:
    """Let a process die at one of its commits, and another one see the run to its end; False where it did not die."""
    clock = TestClock()
    halves, process = await Halves.in_memory(clock), Process(at, after=after)
    life = Indoors(seed, clock, halves.used())
    with dying():
        await do_all(halves.used_by(process), life.orders(cancels=0.1), life.marks, life.reports)
    await life.look()
    await life.survive()
    return process.dead


@each_side
@pytest.mark.parametrize("seed", range(12))
async def test_a_life_goes_on_after_a_crash_at_any_commit(seed: int, after: bool) -> None:
    """No acknowledged decision is lost, no recorded step runs again, and the run ends as its decisions say."""
    at = 1
    while await survived(seed, at, after=after):
        at += 1
    assert at > 8


@pytest.mark.slow
@each_side
@pytest.mark.parametrize("seed", range(12, 12 + times(138)))
async def test_many_lives_go_on_after_a_crash_at_any_commit(seed: int, after: bool) -> None:
    """The same with more shapes."""
    at = 1
    while await survived(seed, at, after=after):
        at += 1


# A run that fails, is tried again, and is cleared away


def risky(effects: Effects) -> Workflow[[], str, FlowError]:
    """Make a workflow: a step, two questions at once, a step that may fail, another question."""

    @workflow
    async def risky(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.step(effects.do, "first")
        await run.approval("one", proposes=1)
        await run.approval("two", proposes=2)
        return Ok(await run.step(effects.do, "second"))

    return risky


async def lived(orchestrator: Orchestrator, effects: Effects) -> None:
    """See a run through to its end, from wherever it stands; the second step fails the first time."""
    flow = risky(effects)
    execution: Execution[str, FlowError | UnknownRun] = await orchestrator.start(flow(), run_id="r")
    while execution.status is not RunStatus.COMPLETED:
        for pending in execution.pending:
            (await orchestrator.edit("r", pending.key, 3, by=Actor("ann"))).unwrap()
        if execution.status is RunStatus.FAILED:
            effects.failing.clear()
            execution = await orchestrator.retry("r", flow)
        else:
            execution = await orchestrator.resume("r", flow)


async def tried_and_cleared(at: int, *, after: bool) -> bool:
    """Let a process die at one of its commits while a run lives; let another one finish, and clear it away likewise."""
    clock, effects = TestClock(), Effects()
    effects.failing.add("second")
    halves, process = await Halves.in_memory(clock), Process(at, after=after)
    flow = risky(effects)
    with dying():
        async with Orchestrator(halves.used_by(process), workflows=[flow]) as orchestrator:
            await lived(orchestrator, effects)
            clock.advance("2h")
            await orchestrator.cleanup(older_than="1h")
    clock.advance("10m")
    async with Orchestrator(halves.used(), workflows=[flow]) as orchestrator:
        await orchestrator.recover()
        if (await orchestrator.runs()).items or "second" not in effects.done:
            await lived(orchestrator, effects)
            history = (await orchestrator.history("r")).unwrap()
            assert [(a.key, a.status.value) for a in history.approvals] == [("one", "edited"), ("two", "edited")]
            clock.advance("2h")
            assert await orchestrator.cleanup(older_than="1h") == 1
    for store in (halves.approvals, halves.state):
        assert (await whole(store, "r"))["r"] == (Found(0, None, (), (), None), (), ())
    assert Counter(effects.done)["first"] <= 2
    assert Counter(effects.done)["second"] <= 3
    return process.dead


@each_side
async def test_a_retry_and_a_cleanup_may_crash_at_any_commit(after: bool) -> None:
    """A run that failed is tried again with its decisions, and a run that is cleared away is gone from both halves."""
    at = 1
    while await tried_and_cleared(at, after=after):
        at += 1
    assert at > 15
