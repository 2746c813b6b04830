"""A family of workflows, made at random and parked at random places: the doctor cries no wolf, and misses none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, TypeAlias

from attrs import evolve, frozen
from hypothesis import event, given, settings
from hypothesis import strategies as st

from awaitly import (
    Err,
    MemoryStore,
    NeedsReview,
    Ok,
    Orchestrator,
    Result,
    Retry,
    Run,
    RunStatus,
    Verdict,
    WaitKind,
    Workflow,
    WorkflowChanged,
    step,
    workflow,
)
from awaitly.replaying.promises import promise_id
from awaitly.testing import CountingStore, TestClock

Flow: TypeAlias = Workflow[..., Any, Any]


@frozen
class Call:
    """One call of a program: its kind, a number that no other has, and the programs inside it."""

    kind: str
    n: int
    parts: tuple[Program, ...] = ()


Program: TypeAlias = tuple[Call, ...]


async def echo(n: int) -> Result[int, Any]:
    """Give a number back."""
    return Ok(n)


async def refuse(n: int) -> Result[int, str]:
    """Give a number back as an error."""
    return Err(str(n))


async def raise_always(n: int) -> Result[int, Any]:
    """Raise."""
    raise ValueError(n)


failing = step(raise_always, retry=Retry(attempts=2, base="1h", jitter=False))


@workflow
async def little(run: Run[Any], n: int) -> Result[int, Any]:
    """Ask, as another run."""
    await run.decision("little", proposes=n)
    return Ok(n)


def keep(run: Run[Any], n: int) -> Awaitable[Any]:
    """Wait for a promise."""
    return run.promise(f"kept {n}", int).result(timeout="5h")


WAITS: dict[str, Callable[[Run[Any], int], Awaitable[Any]]] = {
    "ask": lambda run, n: run.decision(f"ask {n}", proposes=n),
    "sleep": lambda run, n: run.sleep(f"{n + 1}h"),
    "hear": lambda run, n: run.wait_for(f"heard {n}", int, timeout=None if n % 2 else "5h"),
    "keep": keep,
    "child": lambda run, n: run.attempt_child(little(n)),
}
DOES: dict[str, Callable[[Run[Any], int], Awaitable[Any]]] = {
    **WAITS,
    "step": lambda run, n: run.step(echo, n),
    "attempt": lambda run, n: run.attempt(refuse, n),
    "failing": lambda run, n: run.attempt(failing, n),
}


async def do(run: Run[Any], program: Program) -> int:
    """Do what a program says."""
    for call in program:
        match call.kind:
            case "gather":
                await run.gather([do(run, part) for part in call.parts])
            case "race":
                await run.race([WAITS[one.kind](run, one.n) for one in call.parts[0]])
            case "loop":
                await do(run, call.parts[0])
                await do(run, call.parts[0])
            case "now":
                run.now()
                run.uuid()
            case "patched":
                if run.patched(f"patch {call.n}"):
                    await run.step(echo, call.n)
            case kind:
                await DOES[kind](run, call.n)
    return len(program)


def member(program: Program) -> Flow:
    """Make the workflow of a program; all have one name."""

    async def code(run: Run[Any]) -> Result[int, Any]:
        return Ok(await do(run, program))

    return workflow(name="member")(code)


# Drawing programs, and what happens to their runs

PLAIN = st.sampled_from([*DOES, "now", "patched"])


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Draw a program of a few calls, with branches in branches, of which the first is never empty.

    A gather of nothing leaves nothing behind, so nobody can tell that a question has taken its place.
    """
    numbers = count(1)

    def plain() -> Call:
        return Call(draw(PLAIN), next(numbers))

    def some(depth: int, most: int, *, least: int = 1) -> Program:
        return tuple(one(depth) for _ in range(draw(st.integers(least, most))))

    def one(depth: int) -> Call:
        kind = draw(st.sampled_from(["plain", "plain", "gather", "race", "loop"] if depth < 2 else ["plain"]))
        number = next(numbers)
        match kind:
            case "gather":
                others = [some(depth + 1, 3, least=0) for _ in range(draw(st.integers(0, 2)))]
                return Call(kind, number, (some(depth + 1, 3), *others))
            case "race":
                waits = draw(st.lists(st.sampled_from([*WAITS]), min_size=1, max_size=3))
                return Call(kind, number, (tuple(Call(wait, next(numbers)) for wait in waits),))
            case "loop" if not depth:
                return Call(kind, number, (tuple(plain() for _ in range(draw(st.integers(1, 2)))),))
            case _:
                return plain()

    return some(0, 4)


MOVES = st.lists(st.tuples(st.sampled_from(["approve", "reject", "tell", "wait", "go"]), st.integers(0, 9)), max_size=8)
Moves: TypeAlias = list[tuple[str, int]]


async def happen(orchestrator: Orchestrator, clock: TestClock, move: str, number: int) -> None:
    """Let something happen in the store."""
    pending = (await orchestrator.pending()).items
    match move:
        case "approve" if pending:
            one = pending[number % len(pending)]
            await orchestrator.approve(one.run_id, one.key, by="ann")
        case "reject" if pending:
            one = pending[number % len(pending)]
            await orchestrator.reject(one.run_id, one.key, by="ann")
        case "tell":
            await tell(orchestrator, number)
        case "wait":
            clock.advance(f"{number + 1}h")
        case _:
            await orchestrator.recover()


async def tell(orchestrator: Orchestrator, number: int) -> None:
    """Send the run what it waits for, a signal or the fate of a promise."""
    waits = (await orchestrator.status("r")).unwrap().run.awaiting
    if not waits:
        return
    wait = waits[number % len(waits)]
    if wait.kind.value == "signal":
        await orchestrator.signal("r", wait.name, number, key=str(number))
    if wait.kind.value == "promise":
        await orchestrator.resolve(promise_id("r", wait.key), number)


@asynccontextmanager
async def lived(program: Program, moves: Moves, *, look: bool) -> AsyncGenerator[tuple[CountingStore, TestClock]]:
    """Give a store in which a run of a program has lived through some moves; `look`: the doctor sees it at each."""
    clock = TestClock()
    store = CountingStore(MemoryStore(clock=clock))
    flow = member(program)
    async with Orchestrator(store, workflows=[flow, little]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        for move, number in moves:
            if look:
                await check_fits(orchestrator, store)
            await happen(orchestrator, clock, move, number)
        if look:
            await check_fits(orchestrator, store)
        yield store, clock


async def check_fits(orchestrator: Orchestrator, store: CountingStore) -> None:
    """See that the doctor finds nothing, and writes nothing."""
    store.reset()
    async for said in orchestrator.doctor():
        event(f"{said.status.value} {said.verdict.value}")
        assert said.verdict is Verdict.FITS, said
    assert not store.commits


@settings(max_examples=200, deadline=None)
@given(programs(), MOVES)
def test_unchanged_code_always_fits(program: Program, moves: Moves) -> None:
    """Wherever a run is parked, whatever it waits for and whatever of that has come."""

    async def live() -> None:
        async with lived(program, moves, look=True):
            pass

    asyncio.run(live())


CHANGES = st.tuples(st.sampled_from(["add", "drop", "renumber", "swap", "replace"]), st.integers(0, 9), PLAIN)


def changed(program: Program, how: str, where: int, kind: str) -> Program:
    """Change a program in one place, inside its branches where there are some."""
    at = where % len(program)
    calls = list(program)
    if calls[at].kind == "gather" and where % 2 and calls[at].parts[0]:
        first = changed(calls[at].parts[0], how, where // 2, kind)
        calls[at] = evolve(calls[at], parts=(first, *calls[at].parts[1:]))
        return tuple(calls)
    match how:
        case "add":
            calls.insert(at, Call(kind, 99))
        case "drop":
            del calls[at]
        case "renumber":
            calls[at] = evolve(calls[at], n=98)
        case "swap":
            calls[at], calls[at - 1] = calls[at - 1], calls[at]
        case _:
            calls[at] = Call(kind, 97)
    return tuple(calls)


@settings(max_examples=300, deadline=None)
@given(programs(), MOVES, CHANGES)
def test_what_fits_goes_on_and_what_has_drifted_does_not(
    program: Program, moves: Moves, change: tuple[str, int, str]
) -> None:
    """Under changed code the doctor says what a resume then finds; one that only waits is not resumed."""
    new = member(changed(program, *change))

    async def live() -> None:
        async with (
            lived(program, moves, look=False) as (store, _),
            Orchestrator(store, workflows=[new, little]) as orchestrator,
        ):
            said = {each.run_id: each async for each in orchestrator.doctor()}.get("r")
            if said is None:
                return
            event(f"{said.status.value} {said.verdict.value}")
            before = (await store.load("r")).run
            answer = (await orchestrator.resume("r")).result
            drifted = isinstance(answer, Err) and isinstance(answer.failure(), WorkflowChanged | NeedsReview)
            waits = (await store.load("r")).run == before and not drifted and said.status is RunStatus.PARKED
            if said.verdict is Verdict.FITS:
                assert not drifted, answer
            elif said.change is not None and not said.change.found.startswith("nothing there"):
                assert drifted or waits, (said, answer)

    asyncio.run(live())


async def all_comes(orchestrator: Orchestrator, clock: TestClock) -> AsyncGenerator[Result[Any, Any]]:
    """Let all come that the run waits for, again and again; gives how it stands each time."""
    for number in range(12):
        run = (await orchestrator.status("r")).unwrap().run
        for one in (await orchestrator.pending()).items:
            await orchestrator.approve(one.run_id, one.key, by="ann")
        for wait in run.awaiting:
            if wait.kind is WaitKind.SIGNAL:
                await orchestrator.signal("r", wait.name, number, key=f"late {number} {wait.key}")
            if wait.kind is WaitKind.PROMISE:
                await orchestrator.resolve(promise_id("r", wait.key), number)
        clock.advance("120h")
        await orchestrator.recover()
        yield (await orchestrator.resume("r")).result


@settings(max_examples=200, deadline=None)
@given(programs(), MOVES, CHANGES)
def test_what_fits_goes_on_to_its_end(program: Program, moves: Moves, change: tuple[str, int, str]) -> None:
    """Whatever comes afterwards; of a recorded step that the code has lost, the run is not to end without a word."""
    new = member(changed(program, *change))

    async def live() -> None:
        async with (
            lived(program, moves, look=False) as (store, clock),
            Orchestrator(store, workflows=[new, little]) as orchestrator,
        ):
            said = {each.run_id: each async for each in orchestrator.doctor()}.get("r")
            if said is None:
                return
            event(f"{said.status.value} {said.verdict.value}")
            recorded = {each.key for each in (await orchestrator.history("r")).unwrap().steps}
            answers = [answer async for answer in all_comes(orchestrator, clock)]
            drifted = [
                a for a in answers if isinstance(a, Err) and isinstance(a.failure(), WorkflowChanged | NeedsReview)
            ]
            if said.verdict is Verdict.FITS:
                assert not drifted, drifted
            elif said.change is not None and said.change.key in recorded:
                assert drifted, (said, answers)

    asyncio.run(live())
