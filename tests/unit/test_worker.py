"""Workers in process: what goes on by itself, in which order, how it stops, and what it leaves alone."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from awaitly import (
    DefinitionError,
    Execution,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Policy,
    Priority,
    PromiseRejected,
    Result,
    Run,
    RunStatus,
    Store,
    StoreUnavailable,
    sync,
    workflow,
)
from awaitly.durations import to_micros
from awaitly.storage.store import Found, Wakes
from awaitly.testing import CountingStore, TestClock
from awaitly_sqlite import SqliteStore
from tests.support import FlowError


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Give each kind of store that wakes, on the machine's own clock."""
    yield MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "runs.db")


@pytest.fixture(autouse=True)
def told_or_never(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers look by themselves once an hour alone: what happens sooner they were told, or it was its time."""
    monkeypatch.setattr("awaitly.working.worker._LOOK_AGAIN", 3600.0)


@workflow
async def asking(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
    """Ask once."""
    return Ok(await run.approval("manager", proposes=amount))


@workflow
async def hearing(run: Run[PromiseRejected]) -> Result[str, PromiseRejected]:
    """Wait for a signal, then for a promise."""
    heard = (await run.wait_for("paid", str)).value_or("nothing")
    return Ok(heard + await run.promise("signed", str))


@workflow
async def napping(run: Run[NotApproved], length: str) -> Result[str, NotApproved]:
    """Let a time pass."""
    await run.sleep(length)
    return Ok("awake")


async def ended(orchestrator: Orchestrator, run_id: str) -> Execution[object, object]:
    """Wait for a run's end; fails where it does not come."""
    execution = await orchestrator.wait(run_id, timeout="20s")
    assert execution.status is not None
    assert execution.status.ended, execution
    return execution


async def until(holds: Callable[[], bool]) -> None:
    """Let the others run until something holds."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.005)


async def test_decided_runs_go_on_by_themselves(kept: Store) -> None:
    """Approved, edited and rejected: nobody has to resume."""
    async with Orchestrator(kept, workflows=[asking]) as orchestrator, orchestrator.working():
        for run_id in ("a", "e", "r"):
            await orchestrator.start(asking(1), run_id=run_id)
        await orchestrator.approve("a", by="ann")
        await orchestrator.edit("e", None, 2, by="ann")
        await orchestrator.reject("r", by="ann")
        assert (await ended(orchestrator, "a")).result == Ok(1)
        assert (await ended(orchestrator, "e")).result == Ok(2)
        assert (await ended(orchestrator, "r")).status is RunStatus.FAILED


async def test_signals_and_promises_wake_their_runs(kept: Store) -> None:
    """An enqueued run begins by itself, and goes on with each thing that it is told."""
    async with Orchestrator(kept, workflows=[hearing]) as orchestrator, orchestrator.working():
        (await orchestrator.enqueue(hearing(), run_id="h")).unwrap()
        (await orchestrator.signal("h", "paid", "ten ")).unwrap()
        waiting = await orchestrator.wait("h", timeout="0.3s")
        assert waiting.status is RunStatus.PARKED
        (await orchestrator.resolve("signed@h", "ok")).unwrap()
        assert (await ended(orchestrator, "h")).result == Ok("ten ok")


async def test_times_come_within_a_tenth_of_a_second(kept: Store) -> None:
    """A run that parked on a time goes on at that time, without anybody's word, and not earlier."""
    async with Orchestrator(kept, workflows=[napping], inline="1ms") as orchestrator, orchestrator.working():
        await orchestrator.enqueue(napping("0.5s"), run_id="n")
        await ended(orchestrator, "n")
        history = (await orchestrator.history("n")).unwrap()
        slept = next(one for one in history.steps if one.key == "sleep")
        late = (slept.ended_at - slept.started_at).total_seconds() - 0.5
        assert 0 <= late < 0.1


class Order:
    """A workflow that notes in which order its runs began, and may be held up in its step."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[str] = []
        self.go = asyncio.Event()
        self.go.set()

        @workflow
        async def ordered(run: Run[FlowError], name: str) -> Result[str, FlowError]:
            """Do one thing."""
            return Ok(await run.step(self.do, name))

        self.workflow = ordered

    async def do(self, name: str) -> Result[str, FlowError]:
        """Note it, and wait until it may go on."""
        self.began.append(name)
        await self.go.wait()
        self.ended.append(name)
        return Ok(name)


async def test_urgent_runs_come_first_and_begun_ones_before_all(kept: Store) -> None:
    """A worker takes what has begun before anything new, and then by priority."""
    order = Order()

    @workflow
    async def second(run: Run[FlowError], name: str) -> Result[str, FlowError]:
        await run.approval("manager", proposes=1)
        return Ok(await run.step(order.do, name))

    async with Orchestrator(kept, workflows=[order.workflow, second]) as orchestrator:
        await orchestrator.start(second("begun"), run_id="b")
        for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH):
            await orchestrator.enqueue(order.workflow(priority.value), run_id=priority.value, priority=priority)
        await orchestrator.approve("b", by="ann")
        await orchestrator.work(once=True, concurrency=1)
    assert order.began == ["begun", "high", "normal", "low"]


class Hurried(MemoryStore):
    """A store by whose clock each look takes a second: what comes every second is always due again."""

    def __init__(self) -> None:
        self.clock = TestClock()
        super().__init__(clock=self.clock)

    async def due(self, now: int, limit: int, lanes: Sequence[str] | None = None) -> tuple[str, ...]:
        """Name what is due, a second later."""
        return await super().due(max(now, to_micros(self.clock.advance("1s"))), limit, lanes)


@workflow
async def nagging(run: Run[FlowError]) -> Result[int, FlowError]:
    """Ask, and remind every second."""
    return Ok(await run.approval("manager", proposes=1, policy=Policy(remind_every="1s")))


@workflow
async def simple(_: Run[FlowError]) -> Result[int, FlowError]:
    """End at once."""
    return Ok(1)


async def test_what_has_begun_does_not_keep_new_runs_waiting_for_ever() -> None:
    """Runs whose reminders come faster than they can be written leave room for one that is to begin."""
    async with Orchestrator(Hurried(), workflows=[nagging, simple]) as orchestrator:
        for number in range(3):
            await orchestrator.start(nagging(), run_id=f"n{number}")
        (await orchestrator.enqueue(simple(), run_id="new", priority=Priority.LOW)).unwrap()
        async with orchestrator.working(concurrency=1):
            await ended(orchestrator, "new")


async def test_a_worker_keeps_to_its_queues(kept: Store) -> None:
    """What stands in another queue is for other workers."""
    order = Order()
    async with Orchestrator(kept, workflows=[order.workflow]) as orchestrator:
        for queue in ("default", "mail", "slow"):
            await orchestrator.enqueue(order.workflow(queue), run_id=queue, queue=queue)
        await orchestrator.work(once=True)
        assert order.began == ["default"]
        await orchestrator.work(once=True, queues=["mail", "slow"])
        assert sorted(order.began) == ["default", "mail", "slow"]


async def test_no_more_than_the_concurrency_execute_at_a_time(kept: Store) -> None:
    """The others begin as room is made."""
    order = Order()
    order.go.clear()
    async with Orchestrator(kept, workflows=[order.workflow]) as orchestrator:
        for number in range(5):
            await orchestrator.enqueue(order.workflow(str(number)), run_id=str(number))
        async with orchestrator.working(concurrency=2) as worker:
            await until(lambda: len(order.began) == 2)
            await asyncio.sleep(0.05)  # time enough for a third to begin
            assert len(order.began) == 2
            assert len(worker.executing) == 2
            order.go.set()
            for number in range(5):
                await ended(orchestrator, str(number))


async def test_once_works_off_what_is_due_with_all_that_comes_of_it(kept: Store) -> None:
    """Children that a run launches are worked off too, and their parent goes on; then the worker returns."""
    order = Order()

    @workflow
    async def parent(run: Run[FlowError]) -> Result[str, FlowError]:
        return Ok(await run.child(order.workflow("child")))

    async with Orchestrator(kept, workflows=[order.workflow, parent]) as orchestrator:
        await orchestrator.enqueue(parent(), run_id="p")
        await orchestrator.work(once=True)
        assert (await orchestrator.resume("p")).result == Ok("child")


async def test_once_leaves_what_is_due_later(kept: Store) -> None:
    """It waits for no time."""
    async with Orchestrator(kept, workflows=[napping], inline="1ms") as orchestrator:
        await orchestrator.enqueue(napping("1h"), run_id="n")
        await orchestrator.work(once=True)
        assert (await orchestrator.status("n")).unwrap().run.status is RunStatus.PARKED


async def test_an_idle_worker_leaves(kept: Store) -> None:
    """Once nothing was due for so long; whatever it did before that starts the time anew."""
    order = Order()
    async with Orchestrator(kept, workflows=[order.workflow]) as orchestrator:
        working = asyncio.create_task(orchestrator.work(idle_exit="0.4s"))
        await asyncio.sleep(0.25)
        await orchestrator.enqueue(order.workflow("a"), run_id="a")
        await ended(orchestrator, "a")
        came = time.monotonic()
        await working
        assert time.monotonic() - came > 0.3


async def test_a_worker_that_executes_is_not_idle(kept: Store) -> None:
    """However long it takes."""
    order = Order()
    order.go.clear()
    async with Orchestrator(kept, workflows=[order.workflow]) as orchestrator:
        await orchestrator.enqueue(order.workflow("a"), run_id="a")
        working = asyncio.create_task(orchestrator.work(idle_exit="50ms"))
        await until(lambda: order.began == ["a"])
        done, _ = await asyncio.wait([working], timeout=0.3)
        assert not done
        order.go.set()
        await working
        assert order.ended == ["a"]


async def test_a_worker_that_can_do_nothing_with_what_is_due_is_idle(
    kept: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it tries."""
    monkeypatch.setattr("awaitly.working.worker._STRANGE", 0.05)
    monkeypatch.setattr("awaitly.working.worker._STRANGEST", 0.05)
    async with Orchestrator(kept) as orchestrator:
        await orchestrator.enqueue(asking(1), run_id="a")
        await orchestrator.work(idle_exit="0.4s")


# Stopping


async def test_stopping_lets_a_step_finish(kept: Store) -> None:
    """Within the grace what executes ends, and what is due meanwhile is not begun."""
    order = Order()
    order.go.clear()
    async with Orchestrator(kept, workflows=[order.workflow]) as orchestrator:
        await orchestrator.enqueue(order.workflow("a"), run_id="a")
        async with orchestrator.working(concurrency=2) as worker:
            await until(lambda: order.began == ["a"])
            worker.stop()
            await orchestrator.enqueue(order.workflow("b"), run_id="b")
            await asyncio.sleep(0.05)  # time enough for it to begin
            order.go.set()
        assert order.began == order.ended == ["a"]
        assert (await orchestrator.resume("a")).result == Ok("a")


async def test_what_outlasts_the_grace_is_given_back(kept: Store) -> None:
    """At once and with what it recorded, for any other to go on with."""
    order = Order()

    @workflow
    async def two(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.step(order.do, "first")
        order.go.clear()
        return Ok(await run.step(order.do, "second"))

    async with Orchestrator(kept, workflows=[two]) as orchestrator:
        await orchestrator.enqueue(two(), run_id="t")
        async with orchestrator.working(grace="50ms"):
            await until(lambda: order.began == ["first", "second"])
        assert (await orchestrator.status("t")).unwrap().run.status is RunStatus.QUEUED
        order.go.set()
        going = asyncio.create_task(orchestrator.resume("t"))
        await until(lambda: order.began == ["first", "second", "second"])
        order.go.set()
        assert (await going).result == Ok("second")


async def test_stopping_a_worker_gives_back_its_own_runs_alone(kept: Store) -> None:
    """What the application itself executes over the same orchestrator goes on."""
    order = Order()
    order.go.clear()
    async with Orchestrator(kept, workflows=[order.workflow]) as orchestrator:
        own = asyncio.create_task(orchestrator.start(order.workflow("own"), run_id="own"))
        await orchestrator.enqueue(order.workflow("its"), run_id="its")
        async with orchestrator.working(grace="1ms"):
            await until(lambda: sorted(order.began) == ["its", "own"])
        order.go.set()
        assert (await own).result == Ok("own")
        assert order.ended == ["own"]


async def test_a_cancelled_worker_has_its_grace_and_a_second_cancellation_ends_that(kept: Store) -> None:
    """Cancelling `work()` is how it is stopped."""
    order = Order()
    order.go.clear()
    async with Orchestrator(kept, workflows=[order.workflow]) as orchestrator:
        await orchestrator.enqueue(order.workflow("a"), run_id="a")
        working = asyncio.create_task(orchestrator.work())
        await until(lambda: order.began == ["a"])
        working.cancel()
        done, _ = await asyncio.wait([working], timeout=0.05)
        assert not done
        working.cancel()
        await asyncio.wait([working])
        assert working.cancelled()
        assert (await orchestrator.status("a")).unwrap().run.status is RunStatus.QUEUED


async def test_closing_the_orchestrator_ends_its_workers(kept: Store) -> None:
    """Also where nobody has left `working`."""
    order = Order()
    order.go.clear()
    async with Orchestrator(kept, workflows=[order.workflow]) as orchestrator:
        await orchestrator.enqueue(order.workflow("a"), run_id="a")
        working = asyncio.create_task(orchestrator.work())
        await until(lambda: order.began == ["a"])
    await working
    assert not order.ended


async def test_a_worker_works_once(kept: Store) -> None:
    """What has stopped is not begun again."""
    async with Orchestrator(kept) as orchestrator:
        worker = orchestrator.working()
        await worker.run(once=True)
        with pytest.raises(DefinitionError, match="works once"):
            await worker.run(once=True)


async def test_an_orchestrator_that_is_not_open_has_no_worker(kept: Store) -> None:
    """Neither before it was opened nor after it was closed; that is told at once."""
    orchestrator = Orchestrator(kept, workflows=[asking])
    for _ in range(2):
        with pytest.raises(DefinitionError, match="the orchestrator is not open"):
            async with orchestrator.working():
                pass
        with pytest.raises(DefinitionError, match="the orchestrator is not open"):
            await orchestrator.work()
        async with orchestrator, orchestrator.working():
            pass


async def test_nonsense_is_refused(kept: Store) -> None:
    """Before anything begins."""
    orchestrator = Orchestrator(kept)
    with pytest.raises(ValueError, match="at least one"):
        orchestrator.working(concurrency=0)
    with pytest.raises(ValueError, match="at least one"):
        orchestrator.working(queues=[])
    with pytest.raises(TypeError, match="in a list"):
        orchestrator.working(queues="mail")


# What cannot go on here


async def test_unknown_workflows_are_left_for_others_and_told_once(
    kept: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """They hold nothing up, however many stand before the others; one line names each workflow."""
    order = Order()
    async with Orchestrator(kept, workflows=[order.workflow]) as orchestrator:
        for number in range(100):
            await orchestrator.enqueue(asking(number), run_id=f"a{number}", priority=Priority.HIGH)
        await orchestrator.enqueue(order.workflow("z"), run_id="z")
        async with orchestrator.working(concurrency=1) as worker:
            assert (await ended(orchestrator, "z")).result == Ok("z")
            assert worker.unknown == {"asking"}
        assert (await orchestrator.status("a7")).unwrap().run.status is RunStatus.QUEUED
    told = [record.getMessage() for record in caplog.records if "event=unknown_workflow" in record.getMessage()]
    assert len(told) == 1
    assert "workflow=asking" in told[0]


async def test_another_version_is_left_for_others(kept: Store, caplog: pytest.LogCaptureFixture) -> None:
    """A run of a version that this worker was not given stays as it was."""

    @workflow(name="asking", version="2")
    async def newer(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        return Ok(amount)

    async with Orchestrator(kept, workflows=[newer]) as orchestrator:
        for number in range(3):
            await orchestrator.enqueue(asking(number), run_id=f"a{number}")
        worker = orchestrator.working()
        await worker.run(once=True)
        assert worker.unknown == {"asking@1"}
        assert (await orchestrator.status("a0")).unwrap().run.status is RunStatus.QUEUED
    assert sum("event=unknown_workflow" in record.getMessage() for record in caplog.records) == 1


class Refusing(CountingStore):
    """Raises where a run of a certain name is to be loaded, or at any look."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.refused = ""
        self.loads = 0
        self.away = False

    async def load(self, run_id: str) -> Found:
        """Raise for the one."""
        if run_id == self.refused:
            self.loads += 1
            raise StoreUnavailable(run_id)
        return await super().load(run_id)

    async def due(self, now: int, limit: int, lanes: Sequence[str] | None = None) -> tuple[str, ...]:
        """Raise while it is away."""
        if self.away:
            raise StoreUnavailable("away")
        return await super().due(now, limit, lanes)


async def test_a_run_that_cannot_be_loaded_is_tried_ever_less(kept: Store) -> None:
    """Its neighbours go on meanwhile, and the store is not asked without a pause."""
    order, store = Order(), Refusing(kept)
    store.refused = "bad"
    async with Orchestrator(store, workflows=[order.workflow]) as orchestrator:
        await orchestrator.enqueue(order.workflow("bad"), run_id="bad")
        await orchestrator.enqueue(order.workflow("good"), run_id="good")
        async with orchestrator.working():
            await ended(orchestrator, "good")
            await asyncio.sleep(0.5)
            assert 2 <= store.loads <= 6
            store.refused = ""
            assert (await ended(orchestrator, "bad")).result == Ok("bad")


class Odd(BaseException):
    """No `Exception`."""


def cancel_oneself() -> None:
    """Cancel the task that runs here."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


def raise_odd() -> None:
    """Raise what is no `Exception`."""
    raise Odd


@pytest.mark.parametrize("do", [cancel_oneself, raise_odd])
@pytest.mark.parametrize("inside_a_step", [True, False])
async def test_a_run_that_ends_its_own_task_is_tried_ever_less(
    kept: Store, do: Callable[[], None], *, inside_a_step: bool
) -> None:
    """Also where nothing was recorded; the worker goes on with others."""
    times: list[float] = []

    async def body() -> Result[int, FlowError]:
        times.append(time.monotonic())
        do()
        await asyncio.sleep(0)
        return Ok(1)

    @workflow
    async def poisonous(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.step(body) if inside_a_step else (await body()).unwrap())

    order = Order()
    async with (
        Orchestrator(kept, workflows=[poisonous, order.workflow], lease="50ms") as orchestrator,
        orchestrator.working(),
    ):
        await orchestrator.enqueue(poisonous(), run_id="p")
        await until(lambda: len(times) == 4)
        await orchestrator.enqueue(order.workflow("a"), run_id="a")
        await ended(orchestrator, "a")
        assert times[3] - times[2] > times[1] - times[0] >= 0.04


async def test_a_workflow_that_cancels_what_it_awaits_has_failed(kept: Store) -> None:
    """Nobody cancelled the run: what its own code raises ends it."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        other = asyncio.ensure_future(asyncio.sleep(9))
        other.cancel()
        await other
        return Ok(1)

    async with Orchestrator(kept, workflows=[flow]) as orchestrator, orchestrator.working():
        await orchestrator.enqueue(flow(), run_id="f")
        execution = await ended(orchestrator, "f")
        assert "CancelledError" in str(execution.result.failure())


async def test_a_store_that_is_away_is_waited_for(kept: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The worker says so once, and goes on when it is back; one that works `once` raises."""
    caplog.set_level(logging.INFO)
    order, store = Order(), Refusing(kept)
    async with Orchestrator(store, workflows=[order.workflow]) as orchestrator:
        await orchestrator.enqueue(order.workflow("a"), run_id="a")
        store.away = True
        with pytest.raises(StoreUnavailable):
            await orchestrator.work(once=True)
        caplog.clear()
        async with orchestrator.working():
            await until(lambda: "store_away" in caplog.text)
            store.away = False
            await ended(orchestrator, "a")
    assert caplog.text.count("event=store_away") == caplog.text.count("event=store_back") == 1


async def test_a_run_in_other_hands_is_not_asked_for_without_a_pause(kept: Store) -> None:
    """A signal makes a run due that executes elsewhere; a worker beside lets it be, and takes it up afterwards."""
    gate = asyncio.Event()
    began = asyncio.Event()

    async def hold() -> Result[int, NotApproved]:
        began.set()
        await gate.wait()
        return Ok(1)

    @workflow
    async def held(run: Run[NotApproved]) -> Result[str, NotApproved]:
        await run.step(hold)
        return Ok((await run.wait_for("go", str)).value_or("nothing"))

    store = CountingStore(kept)
    async with Orchestrator(store, workflows=[held]) as orchestrator:
        going = asyncio.create_task(orchestrator.start(held(), run_id="h"))
        await began.wait()
        (await orchestrator.signal("h", "go", "now")).unwrap()
        async with orchestrator.working():
            store.reset()
            await asyncio.sleep(0.5)
            assert store.reads["load"] <= 6
            gate.set()
            await going
            assert (await ended(orchestrator, "h")).result == Ok("now")


async def test_two_workers_execute_no_run_twice(tmp_path: Path) -> None:
    """They share what is due, over one file."""
    order = Order()
    path = tmp_path / "runs.db"
    async with (
        Orchestrator(SqliteStore(path), workflows=[order.workflow]) as one,
        Orchestrator(SqliteStore(path), workflows=[order.workflow]) as two,
    ):
        names = [f"r{number}" for number in range(60)]
        async with one.working(concurrency=5), two.working(concurrency=5):
            for name in names:
                await one.enqueue(order.workflow(name), run_id=name)
            for name in names:
                await ended(one, name)
    assert sorted(order.began) == sorted(names)


# What it costs, and what it tells


async def test_a_parked_run_costs_nothing(kept: Store) -> None:
    """No task and no thread is there for it: as many as without any run."""
    async with Orchestrator(kept, workflows=[asking, hearing]) as orchestrator, orchestrator.working() as worker:
        await orchestrator.enqueue(asking(0), run_id="first")
        await parked(orchestrator, "first")
        await until(lambda: not worker.executing)
        before = len(asyncio.all_tasks()), threading.active_count()
        for number in range(50):
            await orchestrator.enqueue(asking(number) if number % 2 else hearing(), run_id=f"r{number}")
        for number in range(50):
            await parked(orchestrator, f"r{number}")
        await until(lambda: not worker.executing)
        assert (len(asyncio.all_tasks()), threading.active_count()) == before


async def parked(orchestrator: Orchestrator, run_id: str) -> None:
    """Wait until a run has parked."""
    async with asyncio.timeout(20):
        while (await orchestrator.status(run_id)).unwrap().run.status is not RunStatus.PARKED:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_worker_with_nothing_to_do_hardly_looks(kept: Store) -> None:
    """One look at its begin and one once it listens; then it waits to be told."""
    store = Waking(kept)
    async with Orchestrator(store, workflows=[asking]) as orchestrator, orchestrator.working():
        await asyncio.sleep(0.5)
        assert store.reads["due"] <= 4


class Waking(CountingStore):
    """Counts, and wakes as the store around which it stands does."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.listening = store.listening  # type: ignore[attr-defined]


async def test_a_step_that_blocks_the_loop_is_named_once(kept: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The warning names run, step and place, while the step still blocks."""

    async def grinding() -> Result[int, FlowError]:
        time.sleep(1.7)  # noqa: ASYNC251  (what must not be done)
        return Ok(1)

    @workflow
    async def blocking(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.step(grinding))

    async with Orchestrator(kept, workflows=[blocking]) as orchestrator:
        await orchestrator.enqueue(blocking(), run_id="b")
        async with orchestrator.working():
            await ended(orchestrator, "b")
    told = [record.getMessage() for record in caplog.records if "event=blocked" in record.getMessage()]
    assert len(told) == 1
    assert "run=b step=grinding" in told[0]
    assert "test_worker.py" in told[0]


async def test_a_plain_step_that_takes_long_is_no_block(kept: Store, caplog: pytest.LogCaptureFixture) -> None:
    """It runs in a thread."""

    def grinding() -> Result[int, FlowError]:
        time.sleep(1.5)
        return Ok(1)

    @workflow
    async def waiting(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.step(grinding))

    async with Orchestrator(kept, workflows=[waiting]) as orchestrator:
        await orchestrator.enqueue(waiting(), run_id="w")
        await orchestrator.work(once=True)
        assert (await orchestrator.resume("w")).result == Ok(1)
    assert "event=blocked" not in caplog.text


async def test_each_execution_is_one_line_without_values(kept: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The line has the run, its workflow, its status and the seconds; no argument and no result."""
    caplog.set_level(logging.INFO, "awaitly.worker")
    order = Order()
    async with Orchestrator(kept, workflows=[order.workflow]) as orchestrator:
        await orchestrator.enqueue(order.workflow("secret"), run_id="r 1")
        await orchestrator.work(once=True)
    lines = [record.getMessage() for record in caplog.records if "event=executed" in record.getMessage()]
    assert len(lines) == 1
    assert lines[0].startswith('event=executed run="r 1" workflow=ordered status=completed seconds=0.')
    assert "secret" not in caplog.text


def test_plain_code_has_workers_too(tmp_path: Path) -> None:
    """On the orchestrator's own thread, while the caller does something else."""

    @workflow
    async def plain(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        return Ok(await run.approval("manager", proposes=amount))

    with sync.Orchestrator(SqliteStore(tmp_path / "runs.db"), workflows=[plain]) as orchestrator:
        orchestrator.start(plain(1), run_id="a")
        with orchestrator.working() as worker:
            orchestrator.approve("a", by="ann")
            assert orchestrator.wait("a", timeout="20s").result == Ok(1)
            assert worker.unknown == frozenset()
        orchestrator.start(plain(2), run_id="b")
        orchestrator.approve("b", by="ann")
        orchestrator.work(once=True)
        assert orchestrator.resume("b").result == Ok(2)


async def test_a_worker_looks_when_it_is_told_that_a_clock_was_moved(clock: TestClock) -> None:
    """A test's clock wakes nobody; `look` does."""
    async with (
        Orchestrator(MemoryStore(clock=clock), workflows=[napping]) as orchestrator,
        orchestrator.working() as one,
    ):
        await orchestrator.enqueue(napping("3d"), run_id="n")
        await parked(orchestrator, "n")
        clock.advance("3d")
        one.look()
        assert (await ended(orchestrator, "n")).result == Ok("awake")


class Swarming(CountingStore):
    """Tells its listeners of some other run a thousand times a second."""

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Wakes]:
        """Listen to what does not matter."""
        yield self

    async def next(self, timeout: float) -> frozenset[str]:
        """Name a run for nothing."""
        await asyncio.sleep(min(0.001, timeout))
        return frozenset({"other"})


async def test_a_tick_comes_while_the_run_of_the_one_before_executes(clock: TestClock) -> None:
    """However long a run takes, the schedule that it is of goes on in the same worker."""
    order = Order()
    order.go.clear()
    async with Orchestrator(MemoryStore(clock=clock), workflows=[order.workflow]) as orchestrator:
        scheduled = await orchestrator.schedule("m", "* * * * *", order.workflow("a"))
        clock.set(scheduled.at)
        async with orchestrator.working() as worker:
            for _ in range(4):
                before = len(order.began)
                worker.look()
                await until(lambda: len(order.began) > before)  # noqa: B023  (it is over before the next turn)
                clock.advance("1m")
            order.go.set()
        assert order.ended == ["a"] * 4


async def test_a_swarm_of_news_does_not_make_a_worker_look_all_the_time() -> None:
    """What others do with their runs costs an idle worker at most a hundred looks in a second."""
    store = Swarming(MemoryStore())
    async with Orchestrator(store) as orchestrator, orchestrator.working():
        await asyncio.sleep(0.5)
        assert 2 <= store.reads["due"] <= 60
