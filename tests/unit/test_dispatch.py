"""Dispatching: what comes due is handed to a fleet once it stands in the store, and the fleet carries the runs."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
import pytest_asyncio
from attrs import evolve

from awaitly import (
    Dispatcher,
    Due,
    Err,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Policy,
    Priority,
    Result,
    Retry,
    Run,
    RunStatus,
    Store,
    StoreUnavailable,
    TimedOut,
    Workflow,
    step,
    workflow,
)
from awaitly.exceptions import CommitUnknown
from awaitly.storage import store as store_module
from awaitly.storage.lanes import lanes_of, queue_of
from awaitly.storage.store import Joining, Move, Waking
from awaitly.testing import FailingStore, Failpoints, Pause, StoreWrapper, TestClock, raising
from awaitly.testing.rows import approval_row, changes
from awaitly.working import dispatch as dispatch_module
from awaitly.working.dispatch import dispatching
from awaitly_sqlite import SqliteStore
from tests.support import ADMIN, Effects, FlowError, Refused

T = TypeVar("T")


class Fleet:
    """Consumers of a queue, who resume runs; it drops each `drops`-th piece of work, and keeps what is for later."""

    def __init__(self, clock: TestClock, drops: int = 0) -> None:
        self.given: list[Due] = []
        self._clock = clock
        self._drops = drops
        self._later: list[Due] = []
        self._ready: asyncio.Queue[Due] = asyncio.Queue()

    async def dispatch(self, work: Due) -> None:
        """Take a piece of work, or lose it."""
        self.given.append(work)
        if not self._drops or len(self.given) % self._drops:
            self._later.append(work)
            self._release()

    def _release(self) -> None:
        for work in [each for each in self._later if each.at <= self._clock()]:
            self._later.remove(work)
            self._ready.put_nowait(work)

    async def consume(self, orchestrator: Orchestrator) -> None:
        """Go on with one run after the other, for ever."""
        while True:
            work = await self._ready.get()
            await orchestrator.resume(work.run_id)
            self._ready.task_done()

    async def settle(self) -> None:
        """Wait until all that is due by now is done."""
        self._release()
        await self._ready.join()

    @property
    def run_ids(self) -> list[str]:
        """The runs that it was given, in that order."""
        return [work.run_id for work in self.given]


class Noting:
    """Notes what it is given, and does nothing."""

    def __init__(self) -> None:
        self.given: list[Due] = []

    async def dispatch(self, work: Due) -> None:
        """Note it."""
        self.given.append(work)


@pytest_asyncio.fixture
async def memory(clock: TestClock) -> AsyncIterator[MemoryStore]:
    """Open a store that stays open."""
    store = MemoryStore(clock=clock)
    await store.open()
    yield store
    await store.close()


class Kept(StoreWrapper):
    """A store that stays open when an orchestrator closes it."""

    def clock_now(self) -> int:
        """Read the clock of the store, which is a test's."""
        return cast("MemoryStore", self._store).clock_now()

    async def open(self) -> None:
        """Leave the opening to the fixture."""

    async def close(self) -> None:
        """Leave the closing to the fixture."""


@pytest.fixture
def noting() -> Noting:
    """Make a dispatcher."""
    return Noting()


class Hands:
    """Two processes of a fleet, each with two consumers, and somebody without any code who decides."""

    def __init__(self, store: Store, fleet: Fleet, workflows: list[Workflow[..., Any, Any]]) -> None:
        self._stack = AsyncExitStack()
        self._fleet = fleet
        self._processes = [Orchestrator(Kept(store), workflows=workflows, dispatcher=fleet) for _ in range(2)]
        self._front = Orchestrator(Kept(store), dispatcher=fleet)

    async def __aenter__(self) -> Orchestrator:
        await self._stack.enter_async_context(self._front)
        for process in self._processes:
            await self._stack.enter_async_context(process)
            for _ in range(2):
                task = asyncio.create_task(self._fleet.consume(process))
                self._stack.push_async_callback(_ended, task)
        return self._front

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() or task.exception() is None


async def load(order: str) -> Result[str, Refused]:
    """Give the order back."""
    return Ok(order)


@workflow
async def refund(run: Run[FlowError], order: str) -> Result[str, FlowError]:
    """One step, one question, one step."""
    loaded = await run.step(load, order)
    agreed = await run.approval("manager", proposes=loaded, policy=Policy(expires_in="7d"))
    return Ok(await run.step(load, agreed))


@workflow
async def sleeping(run: Run[Refused]) -> Result[str, Refused]:
    """Let three days pass."""
    await run.sleep("3d")
    return Ok("awake")


@workflow
async def listening(run: Run[Any]) -> Result[str, Any]:
    """Wait for a signal, for an hour at most."""
    match await run.wait_for("go", str, timeout="1h"):
        case Ok(said):
            return Ok(said)
        case Err(TimedOut()):
            return Ok("nobody said anything")


@workflow
async def family(run: Run[Any]) -> Result[list[str], Any]:
    """Have three children at once."""
    orders = [run.child(refund(f"o{number}"), queue="small") for number in range(3)]
    return Ok(list(await run.gather(orders)))


async def status_of(orchestrator: Orchestrator, run_id: str) -> RunStatus:
    """Give where a run stands."""
    return (await orchestrator.status(run_id)).unwrap().run.status


async def test_a_fleet_carries_a_run_from_its_start_to_its_end(memory: MemoryStore, clock: TestClock) -> None:
    """Nobody but the fleet's tasks executes anything: neither whoever enqueues nor whoever approves has the code."""
    fleet = Fleet(clock)
    async with Hands(memory, fleet, [refund]) as front:
        (await front.enqueue(refund("o1"), run_id="r")).unwrap()
        await fleet.settle()
        assert await status_of(front, "r") is RunStatus.PARKED
        (await front.approve("r", "manager", by="ann")).unwrap()
        await fleet.settle()
        assert await status_of(front, "r") is RunStatus.COMPLETED
    assert fleet.given == [
        Due("r", clock(), "default"),
        Due("r", clock() + timedelta(days=7), "default"),
        Due("r", clock(), "default"),
    ]


async def test_a_time_that_comes(memory: MemoryStore, clock: TestClock) -> None:
    """A sleep and a timeout are dispatched with their time, and are over then."""
    fleet = Fleet(clock)
    async with Hands(memory, fleet, [sleeping, listening]) as front:
        (await front.enqueue(sleeping(), run_id="s")).unwrap()
        (await front.enqueue(listening(), run_id="l", at=clock() + timedelta(days=1))).unwrap()
        begun = clock()
        await fleet.settle()
        assert fleet.given[-1] == Due("s", begun + timedelta(days=3), "default")
        clock.advance("1d")
        await fleet.settle()
        assert fleet.given[-1] == Due("l", begun + timedelta(days=1, hours=1), "default")
        clock.advance("1d")
        await fleet.settle()
        assert (await front.status("l")).unwrap().run.result is not None
        assert await status_of(front, "s") is RunStatus.PARKED
        clock.advance("1d")
        await fleet.settle()
        assert await status_of(front, "s") is RunStatus.COMPLETED


async def test_a_schedule_rings(memory: MemoryStore, clock: TestClock) -> None:
    """It is dispatched with its next tick, again and again, and so is the run that comes of it."""
    fleet = Fleet(clock)
    async with Hands(memory, fleet, [listening]) as front:
        await front.schedule("hourly", "0 * * * *", listening(), queue="small")
        (first,) = fleet.given
        assert (first.queue, first.at) == ("small", clock() + timedelta(hours=1))
        for _ in range(3):
            clock.advance("1h")
            await fleet.settle()
        begun = [run for run in (await front.runs(workflow="listening")).items if run.status is not RunStatus.SCHEDULED]
        assert len(begun) == 3


async def test_a_deadline_that_passes(memory: MemoryStore, clock: TestClock) -> None:
    """The run hears of it from the fleet."""
    fleet = Fleet(clock)
    async with Hands(memory, fleet, [refund]) as front:
        (await front.enqueue(refund("o1"), run_id="r")).unwrap()
        await fleet.settle()
        clock.advance("7d")
        await fleet.settle()
        assert await status_of(front, "r") is RunStatus.FAILED


async def test_children_and_their_parent(memory: MemoryStore, clock: TestClock) -> None:
    """Each child is work of its queue, and the end of the last one is work for the parent."""
    fleet = Fleet(clock)
    async with Hands(memory, fleet, [family, refund]) as front:
        (await front.enqueue(family(), run_id="f")).unwrap()
        await fleet.settle()
        waiting = (await front.pending()).items
        assert len(waiting) == 3
        for pending in waiting:
            (await front.approve(pending.run_id, pending.key, by="ann")).unwrap()
        await fleet.settle()
        assert await status_of(front, "f") is RunStatus.COMPLETED
    assert {work.queue for work in fleet.given if work.run_id != "f"} == {"small"}
    assert {work.queue for work in fleet.given if work.run_id == "f"} == {"default"}


async def test_a_fleet_that_loses_every_third_message_costs_only_time(memory: MemoryStore, clock: TestClock) -> None:
    """What is lost is found by `recover()`, whoever calls it, and nothing is done twice."""
    fleet, effects = Fleet(clock, drops=3), Effects()

    @workflow
    async def paying(run: Run[FlowError], number: int) -> Result[int, FlowError]:
        await run.step(effects.do, f"load {number}")
        (await run.wait_for("go", str)).unwrap()
        await run.sleep("1h")
        return Ok(await run.step(effects.pay, number))

    run_ids = [f"r{number}" for number in range(20)]
    async with Hands(memory, fleet, [paying]) as front:
        for number, run_id in enumerate(run_ids):
            (await front.enqueue(paying(number), run_id=run_id)).unwrap()
        await fleet.settle()
        for run_id in run_ids:
            (await front.signal(run_id, "go", "on")).unwrap()
        await fleet.settle()
        clock.advance("1h")
        await fleet.settle()
        assert {await status_of(front, run_id) for run_id in run_ids} != {RunStatus.COMPLETED}
        for _ in range(3):
            clock.advance("1h")
            await fleet.settle()
            async with Orchestrator(Kept(memory), workflows=[paying]) as sweeper:
                await sweeper.recover()
        assert {await status_of(front, run_id) for run_id in run_ids} == {RunStatus.COMPLETED}
    assert sorted(effects.done) == sorted([f"load {n}" for n in range(20)] + [f"pay {n}" for n in range(20)])


async def test_what_came_while_the_run_executed_is_dispatched_when_it_parks(
    memory: MemoryStore, clock: TestClock, noting: Noting
) -> None:
    """A decision, or a signal, that came then is work only once somebody else may take the run."""
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> Result[int, Refused]:
        began.set()
        await go_on.wait()
        return Ok(1)

    @workflow
    async def long(run: Run[Any]) -> Result[int, Any]:
        await run.decision("first", proposes=1)
        await run.step(slow)
        (await run.wait_for("go", str, timeout="1d")).unwrap()
        return Ok(1)

    async with Orchestrator(Kept(memory), workflows=[long], dispatcher=noting) as orchestrator:
        await orchestrator.start(long(), run_id="r")
        executing = asyncio.create_task(orchestrator.approve("r", by="ann", resume=long))
        await began.wait()
        noting.given.clear()
        (await orchestrator.signal("r", "go", "x")).unwrap()
        assert noting.given == []
        go_on.set()
        (await executing).unwrap()
        assert Due("r", clock(), "default") in noting.given


async def test_what_a_parked_run_does_not_wait_for_is_no_work(memory: MemoryStore, noting: Noting) -> None:
    """It is kept for later, and nobody is troubled."""
    async with Orchestrator(Kept(memory), workflows=[listening], dispatcher=noting) as orchestrator:
        await orchestrator.start(listening(), run_id="r")
        noting.given.clear()
        (await orchestrator.signal("r", "other", "x")).unwrap()
        assert noting.given == []
        (await orchestrator.signal("r", "go", "x")).unwrap()
    assert [work.run_id for work in noting.given] == ["r"]


async def test_one_vote_of_two_is_no_work(memory: MemoryStore, noting: Noting) -> None:
    """The run can go on when the second one is in."""

    @workflow
    async def two(run: Run[NotApproved]) -> Result[int, NotApproved]:
        return Ok(await run.approval("both", proposes=1, policy=Policy(needs=2)))

    async with Orchestrator(Kept(memory), workflows=[two], dispatcher=noting) as orchestrator:
        await orchestrator.start(two(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert noting.given == []
        (await orchestrator.approve("r", by="bob")).unwrap()
    assert [work.run_id for work in noting.given] == ["r"]


async def test_a_run_that_goes_on_where_it_was_decided_is_no_work(memory: MemoryStore, noting: Noting) -> None:
    """Neither the decision nor the end leaves anything to do."""
    async with Orchestrator(Kept(memory), workflows=[refund], dispatcher=noting) as orchestrator:
        await orchestrator.start(refund("o1"), run_id="r")
        noting.given.clear()
        (await orchestrator.approve("r", by="ann", resume=refund)).unwrap()
    assert noting.given == []


async def test_a_run_set_aside_or_cancelled_is_no_work(memory: MemoryStore, noting: Noting) -> None:
    """Only a person moves the one, and the other is over."""
    async with Orchestrator(Kept(memory), workflows=[refund], dispatcher=noting) as orchestrator:
        for run_id in ("r", "s"):
            await orchestrator.start(refund("o1"), run_id=run_id)
        row = (await memory.load("r")).run
        assert row is not None
        (await memory.commit(changes(Move.STEP, runs=(evolve(row, version=row.version + 1, body="{"),)))).unwrap()
        noting.given.clear()
        await orchestrator.resume("r")
        assert await status_of(orchestrator, "r") is RunStatus.NEEDS_REVIEW
        (await orchestrator.approve("r", by="ann")).unwrap()
        (await orchestrator.cancel("s", by=ADMIN)).unwrap()
    assert noting.given == []


async def test_the_next_attempts_of_a_step_and_of_a_run(memory: MemoryStore, clock: TestClock, noting: Noting) -> None:
    """Both are dispatched with the time at which they are to be made."""
    retry = Retry(attempts=2, base="1h", jitter=False, on=[Refused])
    effects = Effects()
    effects.failing.add("pay")

    @workflow
    async def trying(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(await run.step(step(effects.pay, retry=retry), 1))

    @workflow(retry=retry)
    async def again(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(await run.step(effects.pay, 1))

    async with Orchestrator(Kept(memory), workflows=[trying, again], dispatcher=noting) as orchestrator:
        await orchestrator.start(trying(), run_id="s")
        await orchestrator.start(again(), run_id="r")
    assert noting.given == [Due(run_id, clock() + timedelta(hours=1), "default") for run_id in ("s", "r")]


async def test_what_is_given_back_is_work_at_once(memory: MemoryStore, clock: TestClock, noting: Noting) -> None:
    """An orchestrator that is closed leaves its runs to the fleet."""
    began = asyncio.Event()

    async def endless() -> Result[int, Refused]:
        began.set()
        await asyncio.Event().wait()
        return Ok(1)

    @workflow
    async def long(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(await run.step(endless))

    async with Orchestrator(Kept(memory), workflows=[long], dispatcher=noting) as orchestrator:
        executing = asyncio.create_task(orchestrator.start(long(), run_id="r"))
        await began.wait()
        assert noting.given == []
    await executing
    assert noting.given == [Due("r", clock(), "default")]


# Before, after and instead of a commit


class Looking:
    """Notes what stood in the store when it was given work."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.seen: list[tuple[str, str]] = []

    async def dispatch(self, work: Due) -> None:
        """Look."""
        found = await self._store.load(work.run_id)
        self.seen.append((work.run_id, "nothing" if found.run is None else found.run.status))


async def test_no_work_is_dispatched_before_its_commit_stands(memory: MemoryStore) -> None:
    """Whoever takes it at once finds the run."""
    looking = Looking(memory)
    async with Orchestrator(Kept(memory), workflows=[refund], dispatcher=looking) as orchestrator:
        (await orchestrator.enqueue(refund("o1"), run_id="q")).unwrap()
        await orchestrator.start(refund("o1"), run_id="r")
    assert looking.seen == [("q", "queued"), ("r", "parked")]


async def test_nothing_is_dispatched_while_a_commit_is_under_way(memory: MemoryStore, noting: Noting) -> None:
    """Only its `Ok` lets it go."""
    failpoints, pause = Failpoints(), Pause()
    failpoints.arm("enqueue.before", pause)
    store = Kept(FailingStore(memory, failpoints))
    async with Orchestrator(dispatcher=noting, store=store) as orchestrator:
        enqueuing = asyncio.create_task(orchestrator.enqueue(refund("o1")))
        await pause.reached.wait()
        assert noting.given == []
        pause.released.set()
        (await enqueuing).unwrap()
    assert len(noting.given) == 1


async def test_a_commit_that_was_refused_is_not_dispatched(memory: MemoryStore, noting: Noting) -> None:
    """An id that is taken, and a row that somebody else has moved."""
    async with Orchestrator(Kept(memory), workflows=[refund], dispatcher=noting) as orchestrator:
        for _ in range(2):
            (await orchestrator.enqueue(refund("o1"), run_id="r")).unwrap()
        assert isinstance(await orchestrator.enqueue(refund("o2"), run_id="r"), Err)
    assert len(noting.given) == 1
    store = dispatching(memory, noting)
    stale = changes(Move.DECIDE, approvals=(approval_row("r", "manager", version=7, ready=True),))
    assert isinstance(await store.commit(stale), Err)
    assert len(noting.given) == 1


@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_commit_of_which_nobody_knows_is_not_dispatched(side: str, memory: MemoryStore, noting: Noting) -> None:
    """Whether it stands or not, `recover()` finds what there is."""
    failpoints = Failpoints()
    failpoints.arm(f"enqueue.{side}", raising(CommitUnknown("lost")))
    async with Orchestrator(Kept(FailingStore(memory, failpoints)), dispatcher=noting) as orchestrator:
        with pytest.raises(CommitUnknown):
            await orchestrator.enqueue(refund("o1"), run_id="r")
    assert noting.given == []


# Dispatchers that fail


class Failing:
    """Raises whatever it is told to."""

    def __init__(self, make: Callable[[], Awaitable[None]]) -> None:
        self._make = make

    async def dispatch(self, work: Due) -> None:
        """Fail."""
        await self._make()


async def _hang() -> None:
    await asyncio.Event().wait()


FAILURES: dict[str, Callable[[], Awaitable[None]]] = {
    "raises": raising(ConnectionError("the broker is down")),
    "is cancelled within": raising(asyncio.CancelledError()),
    "never answers": _hang,
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_a_dispatcher_that_fails_is_logged(
    failure: Callable[[], Awaitable[None]],
    memory: MemoryStore,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The verbs do what they do without one, and `recover()` goes on with the run."""
    monkeypatch.setattr(dispatch_module, "_PATIENCE", 0.01)
    async with Orchestrator(Kept(memory), workflows=[refund], dispatcher=Failing(failure)) as orchestrator:
        (await orchestrator.enqueue(refund("o1"), run_id="r")).unwrap()
        await orchestrator.recover()
        (await orchestrator.approve("r", by="ann")).unwrap()
        (execution,) = await orchestrator.recover()
        assert execution.result == Ok("o1")
    records = [record for record in caplog.records if record.name == "awaitly"]
    assert [record.getMessage() for record in records] == ["run r was not dispatched"] * 3
    assert {record.levelno for record in records} == {logging.ERROR}


async def test_whoever_is_cancelled_while_work_is_dispatched_is_cancelled(memory: MemoryStore) -> None:
    """The commit stands all the same."""
    reached = asyncio.Event()

    async def wait() -> None:
        reached.set()
        await asyncio.Event().wait()

    async with Orchestrator(Kept(memory), dispatcher=Failing(wait)) as orchestrator:
        enqueuing = asyncio.create_task(orchestrator.enqueue(refund("o1"), run_id="r"))
        await reached.wait()
        enqueuing.cancel()
        await asyncio.wait([enqueuing])
        assert enqueuing.cancelled()
        assert await status_of(orchestrator, "r") is RunStatus.QUEUED


async def test_a_store_that_fails_at_the_look_after_a_commit(
    memory: MemoryStore, noting: Noting, caplog: pytest.LogCaptureFixture
) -> None:
    """The decision stands and is given as such; its run is left to `recover()`."""

    class Once(Kept):
        down = False

        async def reading(self, name: str, read: Awaitable[T]) -> T:
            if self.down and name == "load":
                await read
                raise StoreUnavailable("down")
            return await super().reading(name, read)

    store = Once(memory)
    async with Orchestrator(store, workflows=[refund], dispatcher=noting) as orchestrator:
        await orchestrator.start(refund("o1"), run_id="r")
        noting.given.clear()
        store.down = True
        (await orchestrator.approve("r", by="ann")).unwrap()
    assert noting.given == []
    assert "run r may be due, and was not dispatched" in caplog.text


# What a store can do besides


def abilities() -> list[type]:
    """Give the Protocols of what a store may be able to do besides."""
    found = [each for _, each in inspect.getmembers(store_module, inspect.isclass)]
    return [each for each in found if getattr(each, "_is_runtime_protocol", False)]


class Able(StoreWrapper):
    """A store that can do whatever a store can do."""


for _ability in abilities():
    for _name in [name for name in vars(_ability) if not name.startswith("_")]:
        setattr(Able, _name, StoreWrapper.now)


@pytest.mark.parametrize("ability", abilities(), ids=lambda each: each.__name__)
def test_what_a_store_can_do_besides_it_still_can(ability: type, tmp_path: Path, noting: Noting) -> None:
    """And what it cannot, it still cannot."""
    for store in (MemoryStore(), SqliteStore(tmp_path / "runs.db"), StoreWrapper(MemoryStore()), Able(MemoryStore())):
        assert isinstance(dispatching(store, noting), ability) == isinstance(store, ability)
    assert isinstance(dispatching(Able(MemoryStore()), noting), ability)


def test_there_are_abilities() -> None:
    """The list that the test above goes through is not empty."""
    assert {Joining, Waking} <= set(abilities())


async def test_what_joins_the_callers_transaction_is_not_dispatched(memory: MemoryStore, noting: Noting) -> None:
    """Nobody here knows when that transaction stands, if ever."""

    class CanJoin(Kept):
        def joined(self, connection: object) -> Store:
            return Kept(memory)

    async with Orchestrator(CanJoin(memory), workflows=[refund], dispatcher=noting) as orchestrator:
        (await orchestrator.enqueue(refund("o1"), run_id="r", connection=object())).unwrap()
        await orchestrator.start(refund("o1"), run_id="s", connection=object())
        assert noting.given == []
        (await orchestrator.enqueue(refund("o1"), run_id="t")).unwrap()
    assert [work.run_id for work in noting.given] == ["t"]


@pytest.mark.parametrize("queue", ["default", "small", "a:b", "0:x", " "])
def test_the_queue_of_a_lane(queue: str) -> None:
    """Every lane of a queue leads back to it."""
    assert {queue_of(lane) for lane in lanes_of([queue])} == {queue}
    assert len(lanes_of([queue])) == 1 + len(Priority)


def test_a_class_with_the_one_method_is_a_dispatcher() -> None:
    """The type checkers see that it has all that a dispatcher must have."""
    dispatcher: Dispatcher = Noting()
    assert isinstance(dispatcher, Noting)
