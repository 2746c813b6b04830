"""Runs that others may have died of execute alone, and nobody else waits for long."""

from __future__ import annotations

import asyncio

import pytest

from awaitly import MemoryStore, NotApproved, Ok, Orchestrator, Result, Run, workflow
from awaitly.working.solitude import Solitude, Turn

PATIENCE = 30.0


class Hands:
    """The hands of a clock."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def hands() -> Hands:
    """Give a clock that is moved by hand."""
    return Hands()


@pytest.fixture
def solitude(hands: Hands) -> Solitude:
    """Give one for which nobody waits."""
    return Solitude(PATIENCE, hands)


def test_where_nobody_waits_anything_may_begin(solitude: Solitude) -> None:
    """Whatever executes."""
    assert solitude.turn({"a"}, others=True) == Turn(others=True)
    assert solitude.holding({"a"}) == 0


def test_a_turn_comes_once_nothing_executes(solitude: Solitude, hands: Hands) -> None:
    """Until then nothing begins; and nothing begins beside it."""
    solitude.ask("x")
    assert solitude.turn({"a"}, others=True) == Turn(pause=PATIENCE)
    hands.now += 10
    assert solitude.holding({"a"}) == PATIENCE - 10
    assert solitude.turn({"a"}, others=True) == Turn(pause=PATIENCE - 10)
    assert solitude.turn((), others=True) == Turn("x", pause=PATIENCE)
    assert solitude.turn({"x"}, others=True) == Turn(pause=PATIENCE)


def test_only_one_has_its_turn_at_a_time(solitude: Solitude, hands: Hands) -> None:
    """In the order in which they asked."""
    for name in ("x", "y", "x"):
        solitude.ask(name)
    turns = list[str | None]()
    for _ in range(2):
        turn = solitude.turn((), others=False)
        turns.append(turn.alone)
        assert solitude.turn({str(turn.alone)}, others=False).alone is None
        hands.now += 1
        solitude.over(str(turn.alone))
    assert turns == ["x", "y"]
    assert len(solitude) == 0


def test_after_a_turn_the_others_have_as_much_time(solitude: Solitude, hands: Hands) -> None:
    """Counted from when they were held up; where there are no others, nobody waits for nobody."""
    solitude.ask("x")
    solitude.ask("y")
    solitude.turn({"a"}, others=True)
    hands.now += 4
    assert solitude.turn((), others=True).alone == "x"
    hands.now += 6
    solitude.over("x")
    assert solitude.turn((), others=True) == Turn(others=True, pause=10)
    hands.now += 9
    assert solitude.turn({"b"}, others=False) == Turn(others=True, pause=1)
    assert solitude.turn((), others=False).alone == "y"


def test_what_executes_for_too_long_is_not_waited_for(solitude: Solitude, hands: Hands) -> None:
    """The others begin again for as long as the patience, then it is tried once more."""
    solitude.ask("x")
    solitude.turn({"long"}, others=True)
    hands.now += PATIENCE
    assert solitude.turn({"long"}, others=True) == Turn(others=True, pause=PATIENCE)
    assert solitude.holding({"long"}) == 0
    hands.now += PATIENCE
    assert solitude.turn({"long"}, others=True) == Turn(pause=PATIENCE)
    assert solitude.turn((), others=True).alone == "x"


def test_a_turn_lasts_as_long_as_the_patience_at_most(solitude: Solitude, hands: Hands) -> None:
    """Then others begin beside it."""
    solitude.ask("x")
    solitude.turn((), others=True)
    hands.now += PATIENCE
    assert solitude.turn({"x"}, others=True) == Turn(others=True)
    solitude.over("x")
    assert solitude.turn((), others=True) == Turn(others=True)


def test_those_that_are_not_due_any_more_are_forgotten(solitude: Solitude) -> None:
    """Somebody else was quicker."""
    solitude.ask("x")
    solitude.ask("y")
    solitude.keep(("y", "z"))
    assert ("x" in solitude, "y" in solitude, len(solitude)) == (False, True, 1)


def test_the_end_of_another_ends_no_turn(solitude: Solitude) -> None:
    """It was not alone."""
    solitude.ask("x")
    solitude.turn((), others=True)
    solitude.over("a")
    assert solitude.turn({"x"}, others=True).others is False


class Died(BaseException):
    """No `Exception`: the run is left to its lease, as where its process dies."""


class Crowd:
    """One run that kills three times, many others beside it, and what they saw of each other."""

    def __init__(self) -> None:
        self.executing = set[str]()
        self.tries = list[int]()
        self.beside = list[frozenset[str]]()
        self.recorded, self.more = asyncio.Event(), asyncio.Event()

        @workflow
        async def killing(run: Run[NotApproved]) -> Result[int, NotApproved]:
            await run.step(self.try_it)
            return Ok(await run.step(self.note_recorded))

        @workflow
        async def busy(run: Run[NotApproved], name: str) -> Result[int, NotApproved]:
            return Ok(await run.step(self.be_busy, name))

        self.killing, self.busy = killing, busy

    async def try_it(self) -> Result[int, NotApproved]:
        """Die three times; then look for a while who executes."""
        self.tries.append(len(self.executing))
        if len(self.tries) <= 3:
            raise Died
        for _ in range(5):
            await asyncio.sleep(0.01)
            self.beside.append(frozenset(self.executing))
        return Ok(1)

    async def note_recorded(self) -> Result[int, NotApproved]:
        """Go on once another has begun."""
        self.recorded.set()
        await self.more.wait()
        return Ok(2)

    async def be_busy(self, name: str) -> Result[int, NotApproved]:
        """Take a moment."""
        self.executing.add(name)
        if self.recorded.is_set():
            self.more.set()
        await asyncio.sleep(0.02)
        self.executing.remove(name)
        return Ok(3)

    async def keep_busy(self, orchestrator: Orchestrator) -> None:
        """Let there always be others."""
        number = 0
        while not self.more.is_set():
            (await orchestrator.enqueue(self.busy(f"b{number}"), run_id=f"b{number}")).unwrap()
            number += 1
            await asyncio.sleep(0.01)


async def test_a_run_that_others_died_of_executes_alone_until_it_records_a_step(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Others execute all the time; at its fourth try none does, and none begins before its step is recorded."""
    crowd = Crowd()
    caplog.set_level("INFO", "awaitly.worker")
    async with (
        Orchestrator(MemoryStore(), workflows=[crowd.killing, crowd.busy], lease="0.5s") as orchestrator,
        orchestrator.working(concurrency=3),
        asyncio.timeout(20),
    ):
        (await orchestrator.enqueue(crowd.killing(), run_id="k")).unwrap()
        await crowd.keep_busy(orchestrator)
        assert (await orchestrator.wait("k")).result == Ok(2)
    assert max(crowd.tries[:3]) > 0
    assert crowd.tries[3:] == [0]
    assert set(crowd.beside) == {frozenset[str]()}
    assert sum("event=alone run=k workflow=killing recoveries=2" in text for text in caplog.messages) == 1
