"""A parked run is looked at in time: whatever happens to it, and whatever gets in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from random import Random
from typing import Any, TypeAlias

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from awaitly import (
    Conflict,
    Err,
    Escalation,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    RunStatus,
    workflow,
)
from awaitly.approvals.ladder import next_time
from awaitly.durations import from_micros, to_micros
from awaitly.storage.records import approval_of, is_message
from awaitly.storage.store import Changes
from awaitly.testing import FailingStore, Failpoints, Pause, TestClock
from tests.support import ADMIN, ALICE, Refused

Error: TypeAlias = NotApproved | Refused
Act: TypeAlias = Callable[[Orchestrator], Coroutine[Any, Any, object]]
LADDER = [Escalation("1h", ["carol"]), Escalation("2h", ["dora"], repeat=2, every="30m")]
LEFT = Policy(expires_in="6h", remind_every="45m", escalations=LADDER, questions_stop_clock=True)
RIGHT = Policy(needs=2)
DEEDS = (
    *("answer", "approve", "approve and go on", "cancel", "claim", "edit", "inquire"),
    *("reassign", "reject", "retry", "work"),
)
HELD = [("work", "remind.before"), ("work", "park.before"), ("work", "claim.before"), ("answer", "decide.before")]
"""What can be held, and before which commit."""
HAND, NUMBER, KEY = st.integers(0, 1), st.integers(0, 1), st.sampled_from(["left", "left", "right"])
TURNS = 200
"""Of the loop: in memory, whatever is not held is over by then."""


class Watched(MemoryStore):
    """After each commit notes whether a parked run is looked at later than something of it is due."""

    def __init__(self, clock: TestClock) -> None:
        super().__init__(clock=clock)
        self.late: list[str] = []

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit, and look."""
        committed = await super().commit(changes)
        if isinstance(committed, Ok):
            await self._look(changes)
        return committed

    async def _look(self, changes: Changes) -> None:
        found = await self.load(changes.run_id)
        run = found.run
        if run is None or run.status != RunStatus.PARKED.value:
            return
        approvals = [approval_of(row) for row in found.approvals if not is_message(row)]
        due = min([time for approval in approvals if (time := next_time(approval)) is not None], default=None)
        if due is not None and (run.due_at is None or run.due_at > to_micros(due)):
            at = None if run.due_at is None else from_micros(run.due_at)
            self.late.append(f"after {changes.move.value} {run.run_id} is looked at {at}, and is due {due}")


class Held(FailingStore):
    """One orchestrator's way to the store, which it neither opens nor closes; its clock is the store's."""

    def __init__(self, store: Watched, failpoints: Failpoints) -> None:
        super().__init__(store, failpoints)
        self._watched = store

    async def open(self) -> None:
        """Leave the opening to the machine."""

    async def close(self) -> None:
        """Leave the closing to the machine."""

    def clock_now(self) -> int:
        """Read the store's clock."""
        return self._watched.clock_now()


class Times(RuleBasedStateMachine):
    """One run and its forks, of two branches: both ask, one sleeps, and both have steps that may fail or take long."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = TestClock()
        self.store = Watched(self.clock)
        self.failpoints = Failpoints()
        self.fails = False
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.tasks: list[asyncio.Future[object]] = []
        self.runs: list[str] = []

        async def work() -> Result[str, Refused]:
            await self.go_on.wait()
            return Err(Refused("it was to fail")) if self.fails else Ok("done")

        async def left(run: Run[Error]) -> str:
            return await run.approval("left", proposes="x", policy=LEFT) + await run.step(work)

        async def right(run: Run[Error]) -> str:
            await run.sleep("50m")
            return await run.step(work) + await run.approval("right", proposes="y", policy=RIGHT)

        @workflow
        async def branching(run: Run[Error]) -> Result[str, Error]:
            first = await run.step(work)
            return Ok(first + "".join(await run.gather(left(run), right(run))))

        self.branching = branching
        ways = [Held(self.store, self.failpoints) for _ in range(2)]
        self.hands = [Orchestrator(way, workflows=[branching], lease="30m") for way in ways]

    @initialize()
    def start(self) -> None:
        """Begin."""
        for opening in (self.store.open, *(hand.__aenter__ for hand in self.hands)):
            self.runner.run(opening())
        self.start_another()

    def do(self, hand: int, act: Act) -> None:
        """Do something until it is over or is held; what is said to it does not matter."""
        self.runner.run(self._begun(act(self.hands[hand])))

    async def _begun(self, doing: Coroutine[Any, Any, object]) -> None:
        self.tasks.append(asyncio.ensure_future(doing))
        await _idle()

    @invariant()
    def nothing_is_late(self) -> None:
        """Each parked run said, after each commit, when something of it is due."""
        assert not self.store.late

    def teardown(self) -> None:
        """Let all be over."""
        self.fails = False
        self.steps_go_on()
        for hand in self.hands:
            self.runner.run(hand.__aexit__(None, None, None))
        self.runner.run(_over(self.tasks))
        self.runner.close()
        self.nothing_is_late()

    # What happens

    def at(self, number: int) -> str:
        """Give the id of a run: the last, or the one before."""
        return self.runs[-1 - number % len(self.runs)]

    def act(self, what: str, hand: int, number: int, key: str, by: str = "carol") -> None:
        """Let something happen to a run."""
        run_id, branching = self.at(number), self.branching
        acts: dict[str, Act] = {
            "answer": lambda o: o.answer(run_id, key, text="so", by=ALICE),
            "approve": lambda o: o.approve(run_id, key, by=by),
            "approve and go on": lambda o: o.approve(run_id, key, by=by, resume=branching),
            "cancel": lambda o: o.cancel(run_id, by=ADMIN),
            "claim": lambda o: o.claim(run_id, key, by=by),
            "edit": lambda o: o.edit(run_id, key, f"{by}'s", by=by),
            "inquire": lambda o: o.inquire(run_id, key, text="why?", by=by),
            "reassign": lambda o: o.reassign(run_id, key, to=["carol", "dora"], by=ADMIN),
            "reject": lambda o: o.reject(run_id, key, by=by),
            "retry": lambda o: o.retry(run_id),
            "work": lambda o: o.resume(run_id),
        }
        self.do(hand, acts[what])

    @rule(what=st.sampled_from(DEEDS), hand=HAND, number=NUMBER, key=KEY, by=st.sampled_from(["bob", "carol", "dora"]))
    def deed(self, what: str, hand: int, number: int, key: str, by: str) -> None:
        """Do one thing."""
        self.act(what, hand, number, key, by)

    @rule(hand=HAND)
    def work(self, hand: int) -> None:
        """Do all that is due, as a worker does."""
        self.do(hand, lambda o: o.recover())

    @rule()
    def start_another(self) -> None:
        """Start another run, and let it come to where both of its branches ask."""
        self.runs.append(f"r{len(self.runs)}")
        self.do(0, lambda o: o.start(self.branching(), run_id=self.runs[-1], requested_by=ALICE))
        self.time_passes(51)
        self.work(0)

    @rule(number=NUMBER, before=st.sampled_from(["work", "left"]))
    def fork(self, number: int, before: str) -> None:
        """Fork a run, and leave it be."""
        old, new = self.at(number), f"r{len(self.runs)}"
        self.runs.append(new)
        self.do(0, lambda o: o.fork(old, before=before, new_id=new))

    @rule(minutes=st.sampled_from([1, 30, 45, 60, 90, 400]))
    def time_passes(self, minutes: int) -> None:
        """Move the clock."""
        self.clock.advance(timedelta(minutes=minutes))

    @rule(
        number=NUMBER,
        key=KEY,
        still=st.booleans(),
        held=st.sampled_from(HELD),
        meanwhile=st.sampled_from(["answer", "inquire", "work"]),
    )
    def race(self, number: int, key: str, still: bool, held: tuple[str, str], meanwhile: str) -> None:
        """Hold somebody before a commit until somebody else has done something, maybe after time has stood still."""
        (first, name), pause = held, Pause()
        if still:
            self.act("inquire", 0, number, key)
            self.time_passes(400)
        self.failpoints.arm(name, pause, hit=1)
        self.act(first, 0, number, key)
        self.failpoints.disarm(name)
        self.act(meanwhile, 1, number, key)
        pause.released.set()
        self.runner.run(_idle())

    @rule(fails=st.booleans())
    def steps_fail(self, fails: bool) -> None:
        """Let steps fail from now on, or no more."""
        self.fails = fails

    @rule()
    def steps_take_long(self) -> None:
        """Let steps that begin now go on until they are told otherwise."""
        self.go_on.clear()

    @rule()
    def steps_go_on(self) -> None:
        """Let all steps come to their end."""
        self.go_on.set()
        self.runner.run(_idle())


async def _idle() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def _over(tasks: list[asyncio.Future[object]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


def test_a_parked_run_is_never_looked_at_too_late() -> None:
    """After every commit it is due no later than the next time of its approvals, whatever was raced with what."""
    run_state_machine_as_test(Times, settings=settings(max_examples=15, stateful_step_count=25, deadline=None))


@pytest.mark.parametrize("seed", range(5))
def test_a_parked_run_is_not_looked_at_too_late_after_many_races(seed: int) -> None:
    """The same where every other thing that happens is a race."""
    random = Random(seed)
    for _ in range(6):
        machine = Times()
        machine.start()
        for _ in range(20):
            _take_a_step(machine, random)
            machine.nothing_is_late()
        machine.teardown()


def _take_a_step(machine: Times, random: Random) -> None:
    number, key = random.randint(0, 1), random.choice(["left", "left", "right"])
    match random.choice(["deed", "work", "time", "another", "race", "race", "race"]):
        case "deed":
            machine.deed(random.choice(DEEDS), 0, number, key, "bob")
        case "work":
            machine.work(0)
        case "time":
            machine.time_passes(random.choice([1, 45, 90, 400]))
        case "another":
            machine.start_another()
        case _:
            meanwhile = random.choice(["answer", "inquire", "work"])
            machine.race(number, key, random.random() < 0.5, random.choice(HELD), meanwhile)
