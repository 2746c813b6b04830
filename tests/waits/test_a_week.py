"""A week in which nobody decides, with real workers over a clock that tests move: what is told, and exactly when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from awaitly import (
    Actor,
    ApprovalExpired,
    ApprovalStatus,
    AuditEvent,
    Escalation,
    Expired,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    RunStatus,
    Worker,
    as_timedelta,
    from_micros,
    said,
    to_micros,
    workflow,
)
from awaitly.durations import Duration
from awaitly.storage.store import Changes, Conflict, Move, Store
from awaitly.testing import CountingStore, TestClock
from awaitly.testing.clock import START
from awaitly_sqlite import SqliteStore
from tests.support import error_of

HOUR = timedelta(hours=1)
LADDER = (
    Escalation("30m", ["role:lead"], repeat=2, every="15m"),
    Escalation("24h", ["role:head"]),
    Escalation("53h", ["role:director"]),
    Escalation("72h", ["role:board"], replaces=True),
)
POLICY = Policy(approvers=["mona"], expires_in="7d", remind_every="2h", escalations=LADDER)

Told = tuple[timedelta, str, str | None]


@workflow
async def week(run: Run[NotApproved]) -> Result[str, NotApproved]:
    """Ask, for a week at most."""
    return Ok(await run.approval("it", proposes="go", policy=POLICY))


@workflow
async def two_weeks(run: Run[NotApproved]) -> Result[object, NotApproved]:
    """Ask two people at once, the second with reminders of their own and no end."""
    daily = Policy(approvers=["nora"], remind_every="1d")
    asked = run.approval("it", proposes=1, policy=POLICY), run.approval("a", proposes=2, policy=daily)
    return Ok(await run.gather(*asked))


class Kept(CountingStore):
    """Stays open when an orchestrator closes it, and tells of each commit."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.moved = asyncio.Event()

    async def open(self) -> None:
        """Leave the opening to the fixture."""

    async def close(self) -> None:
        """Leave the closing to the fixture."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit, and tell."""
        made = await super().commit(changes)
        self.moved.set()
        return made


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: TestClock) -> AsyncIterator[Kept]:
    """Give each kind of store, on the test's clock."""
    inner = MemoryStore(clock=clock) if request.param == "memory" else SqliteStore(tmp_path / "runs.db", clock=clock)
    await inner.open()
    yield Kept(inner)
    await inner.close()


@asynccontextmanager
async def at_work(store: Kept, *, knows: bool = True) -> AsyncGenerator[tuple[Orchestrator, Worker]]:
    """Have a worker, which knows the workflows or does not."""
    orchestrator = Orchestrator(store, workflows=[week, two_weeks] if knows else [])
    async with orchestrator, orchestrator.working() as worker:
        yield orchestrator, worker


async def worked_off(store: Kept, clock: TestClock) -> None:
    """Wait until nothing is due any more."""
    while True:
        store.moved.clear()
        if not await store.due(to_micros(clock()), 1):
            return
        await store.moved.wait()


async def pass_until(end: Duration, store: Kept, clock: TestClock, worker: Worker) -> None:
    """Go from one due time to the next, and let the worker do what is due there."""
    last = to_micros(START + as_timedelta(end))
    while (moment := await store.next_due(to_micros(clock()))) is not None and moment <= last:
        clock.set(from_micros(moment))
        worker.look()
        await worked_off(store, clock)
    clock.set(START + as_timedelta(end))


async def told(store: Kept, key: str = "it") -> list[Told]:
    """Give what the ledger says of an approval: how long after the asking, what, and why."""
    found = [said(entry) for entry in await store.entries("r")]
    return [
        (from_micros(each["at"]) - START, each["event"], each.get("reason")) for each in found if each["key"] == key
    ]


def reminders(first: int, last: int) -> list[Told]:
    """Give what the reminders between two hours say."""
    return [(hour * HOUR, "reminded", None) for hour in range(first, last + 1, 2)]


def level(hours: float, number: int, nth: str = "") -> Told:
    """Give what the telling of a level says."""
    return hours * HOUR, "escalated", f"level {number}{nth}"


def in_order(*parts: list[Told]) -> list[Told]:
    """Put what is told into its order: at one time a level comes before a reminder."""
    return sorted((each for part in parts for each in part), key=lambda each: (each[0], each[1]))


DECIDED_BY_TIME: list[Told] = [
    (168 * HOUR, "expired", f"nobody decided by {(START + 168 * HOUR).isoformat(timespec='seconds')}"),
    (168 * HOUR, "consumed", None),
]
FIRST_TWO = [level(0.5, 1), level(0.75, 1, ", for the 2. time"), level(24, 2)]


async def test_everything_is_told_at_its_time(store: Kept, clock: TestClock) -> None:
    """A reminder every two hours, four levels, the first twice, and the expiry: each to the microsecond, each once."""
    async with at_work(store) as (orchestrator, worker):
        await orchestrator.start(week(), run_id="r")
        await pass_until("7d", store, clock, worker)
        failed = error_of((await orchestrator.wait("r", timeout="20s")).result)
        assert failed == ApprovalExpired("r", "it", START + 168 * HOUR)
        assert isinstance(await orchestrator.verify("r"), Ok)
    levels = [*FIRST_TWO, level(53, 3), level(72, 4)]
    assert await told(store) == [
        (timedelta(), "asked", None),
        *in_order(reminders(2, 166), levels),
        *DECIDED_BY_TIME,
    ]


async def test_what_was_missed_while_no_worker_ran_is_made_up_for_once(store: Kept, clock: TestClock) -> None:
    """The reminders of five hours become one, a level is climbed on return, and after that all keep to their hours."""
    async with at_work(store) as (orchestrator, worker):
        await orchestrator.start(week(), run_id="r")
        await pass_until(timedelta(hours=52.5), store, clock, worker)
    clock.set(START + 57.5 * HOUR)
    async with at_work(store) as (orchestrator, worker):
        await worked_off(store, clock)
        await pass_until("7d", store, clock, worker)
        await orchestrator.wait("r", timeout="20s")
    late: list[Told] = [level(57.5, 3), (57.5 * HOUR, "reminded", None)]
    assert await told(store) == [
        (timedelta(), "asked", None),
        *in_order(reminders(2, 52), FIRST_TWO, late, reminders(58, 166), [level(72, 4)]),
        *DECIDED_BY_TIME,
    ]


async def test_levels_that_were_missed_together_are_told_once_each(store: Kept, clock: TestClock) -> None:
    """In their order, and the reminder after them; whoever may decide is whom the last level leaves."""
    async with at_work(store) as (orchestrator, _):
        await orchestrator.start(week(), run_id="r")
    clock.set(START + 80 * HOUR)
    async with at_work(store) as (orchestrator, _):
        await worked_off(store, clock)
        assert await told(store) == [
            (timedelta(), "asked", None),
            level(80, 1, ", for the 2. time"),
            *(level(80, number) for number in (2, 3, 4)),
            (80 * HOUR, "reminded", None),
        ]
        refused = (await orchestrator.approve("r", by="mona")).failure()
        assert str(refused) == "mona may not do this on approval 'it' of run r: it takes role:board"
        for someone, may in (("mona", False), (Actor("dan", ["director"]), False), (Actor("bea", ["board"]), True)):
            assert isinstance(await orchestrator.approve("r", by=someone), Ok) is may
        assert (await orchestrator.wait("r", timeout="20s")).result == Ok("go")


async def test_a_vote_at_the_deadline_is_too_late_though_no_worker_ran(store: Kept, clock: TestClock) -> None:
    """The store's clock decides; whoever works next writes the expiry, once."""
    async with at_work(store) as (orchestrator, _):
        await orchestrator.start(week(), run_id="r")
    bea = Actor("bea", ["board"])
    async with Orchestrator(store) as deciding:
        clock.set(START + 168 * HOUR - timedelta(microseconds=1))
        assert (await deciding.pending()).items[0].key == "it"
        clock.set(START + 168 * HOUR)
        late = Expired("r", "it", START + 168 * HOUR)
        assert (await deciding.approve("r", by=bea)).failure() == late
        assert (await deciding.reject("r", by=bea)).failure() == late
        assert (await deciding.edit("r", "it", "stop", by=bea)).failure() == late
        assert (await deciding.pending()).items == ()
        assert await told(store) == [(timedelta(), "asked", None)]
    clock.advance("3d")
    for _ in range(2):
        async with at_work(store) as (orchestrator, _):
            await orchestrator.wait("r", timeout="20s")
            await worked_off(store, clock)
    assert [(at, event) for at, event, _ in await told(store)] == [
        (timedelta(), "asked"),
        (240 * HOUR, "expired"),
        (240 * HOUR, "consumed"),
    ]


async def test_a_vote_just_before_the_deadline_counts(store: Kept, clock: TestClock) -> None:
    """With every level climbed by then that no worker has told."""
    async with at_work(store) as (orchestrator, _):
        await orchestrator.start(week(), run_id="r")
    clock.set(START + 168 * HOUR - timedelta(microseconds=1))
    async with Orchestrator(store) as deciding:
        decision = (await deciding.approve("r", by=Actor("bea", ["board"]))).unwrap()
        assert decision.status is ApprovalStatus.APPROVED
    events = [event for _, event, _ in await told(store)]
    assert events == ["asked", *["escalated"] * 4, "approved"]


# Without the workflow


async def test_a_worker_without_the_workflow_tells_all_the_same(store: Kept, clock: TestClock) -> None:
    """Reminders and levels need no code; the expiry waits for a worker that has it."""
    async with Orchestrator(store, workflows=[week]) as orchestrator:
        await orchestrator.start(week(), run_id="r")
    async with at_work(store, knows=False) as (_, worker):
        store.reset()
        await pass_until(timedelta(hours=167.5), store, clock, worker)
        levels = [*FIRST_TWO, level(53, 3), level(72, 4)]
        assert await told(store) == [(timedelta(), "asked", None), *in_order(reminders(2, 166), levels)]
        assert store.commits == {Move.REMIND: 83 + 3}
    clock.set(START + 168 * HOUR)
    async with at_work(store) as (orchestrator, _):
        assert (await orchestrator.wait("r", timeout="20s")).status is RunStatus.FAILED


async def test_a_worker_without_the_workflow_does_not_spin(store: Kept, clock: TestClock) -> None:
    """Neither while the run waits nor once it is due for good: it tries once, and looks no more often than idle."""
    async with Orchestrator(store, workflows=[week]) as orchestrator:
        await orchestrator.start(week(), run_id="r")
    for hours in (2.0, 2.5, 168.0, 200.0):
        clock.set(START + hours * HOUR)
        store.reset()
        async with Orchestrator(store) as orchestrator:
            await orchestrator.work(idle_exit="300ms")
        assert store.reads["load"] <= 3, hours
        assert store.reads["due"] <= 20, hours
        assert store.commits == ({Move.REMIND: 1} if hours == 2.0 else {})


async def test_reminders_go_on_beside_a_question_that_is_past_its_deadline(store: Kept, clock: TestClock) -> None:
    """A run that nobody here can go on with is due for good, and what it asks besides is not forgotten."""
    async with Orchestrator(store, workflows=[two_weeks]) as orchestrator:
        await orchestrator.start(two_weeks(), run_id="r")
    async with at_work(store, knows=False) as (_, worker):
        await pass_until(timedelta(hours=167.5), store, clock, worker)
        for day in range(7, 11):
            while worker.executing:  # noqa: ASYNC110  (nothing tells of it; it leaves alone what it cannot go on with)
                await asyncio.sleep(0)
            clock.set(START + timedelta(days=day))
            store.moved.clear()
            worker.look()
            await store.moved.wait()
    days = [at for at, event, _ in await told(store, "a") if event == AuditEvent.REMINDED.value]
    assert days == [timedelta(days=day) for day in range(1, 11)]
