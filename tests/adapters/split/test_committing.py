from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from attrs import evolve

from awaitly import (
    Changes,
    CommitUnknown,
    Err,
    Found,
    Hold,
    MemoryStore,
    Move,
    Ok,
    Store,
    StoreCorrupt,
    StoreError,
    StoreUnavailable,
    StoreUnsuitable,
)
from awaitly.durations import to_micros
from awaitly.testing import CountingStore, FailingStore, Failpoints, Pause, TestClock, raising
from awaitly.testing.rows import T0, approval_row, entry_row, notice_row, run_row, step_row
from awaitly_split import SplitStore
from tests.adapters.split.support import Halves, applied, same, view

START = Changes(move=Move.START, runs=(run_row(body='"canary"'),), steps=(step_row(body='"canary"'),))
PARK = Changes(
    move=Move.PARK,
    runs=(run_row(version=2, body='"canary"'),),
    steps=(step_row(key="next", body='"canary"'),),
    approvals=(approval_row(),),
    notices=(notice_row(),),
    entries=(entry_row(),),
)
DECIDE = Changes(
    move=Move.DECIDE, approvals=(approval_row(version=2, open=False, ready=True),), entries=(entry_row(seq=2),)
)
CLAIM = Changes(
    move=Move.CLAIM, runs=(run_row(version=3),), approvals=(approval_row(version=3, open=False),), flushed=False
)
SEND = Changes(move=Move.SEND, notices=(notice_row(version=2, due_at=None),), flushed=False)
REDACT = Changes(move=Move.REDACT, redacted=(entry_row(body='"redacted"'),))
FORGET = Changes(move=Move.CLEANUP, forgotten=(Hold("run", 3),))


class Watched:
    """Two memory stores, each with failpoints and counted, and a store that joins them as one process does."""

    def __init__(self) -> None:
        self.clock = TestClock()
        self.halves = Halves(MemoryStore(clock=self.clock), MemoryStore())
        self.approvals_fail, self.state_fail = Failpoints(), Failpoints()
        self.approvals = CountingStore(FailingStore(self.halves.approvals, self.approvals_fail))
        self.state = CountingStore(FailingStore(self.halves.state, self.state_fail))
        self.store = SplitStore(approvals=self.approvals, state=self.state)

    async def after(self, *commits: Changes) -> Watched:
        """Open, make commits, and count from then on."""
        await self.store.open()
        await applied(self.store, commits)
        self.approvals.reset()
        self.state.reset()
        return self

    @property
    def written(self) -> tuple[int, int]:
        """How many commits went to each store."""
        return sum(self.approvals.commits.values()), sum(self.state.commits.values())


# How many commits


@pytest.mark.parametrize(
    ("before", "commit", "written"),
    [
        ((), START, (0, 1)),
        ((START,), Changes(move=Move.STEP, holds=(Hold("run", 1),), steps=(step_row(key="next"),)), (0, 1)),
        ((START,), Changes(move=Move.RENEW, holds=(Hold("run", 1, T0),), flushed=False), (0, 1)),
        ((START, PARK), DECIDE, (1, 0)),
        ((START, PARK), REDACT, (1, 0)),
        ((START, PARK), SEND, (1, 0)),
        ((START,), PARK, (2, 1)),
        ((START, PARK, DECIDE), CLAIM, (2, 1)),
        ((START, PARK, DECIDE, CLAIM), FORGET, (2, 1)),
    ],
    ids=["start", "step", "renew", "decide", "redact", "send", "park", "claim", "cleanup"],
)
async def test_how_many_commits_each_store_gets(
    before: tuple[Changes, ...], commit: Changes, written: tuple[int, int]
) -> None:
    """What is about one half is one commit to that store; what is about both takes two and one."""
    watched = await Watched().after(*before)
    await applied(watched.store, [commit])
    assert watched.written == written


async def test_a_commit_on_state_alone_reads_nothing() -> None:
    """The steps of a run cost what they cost without the other store."""
    watched = await Watched().after()
    await applied(watched.store, [START])
    assert not watched.approvals.reads + watched.state.reads


async def test_each_store_keeps_its_own_half() -> None:
    """No text of a run or a step comes into the approvals store; no approval, notice or entry into the state store."""
    halves = await Halves.in_memory(TestClock())
    await applied(halves.used(), [START, evolve(PARK, redacted=REDACT.redacted), DECIDE, REDACT])
    state = await halves.state.load("run")
    assert (state.approvals, await halves.state.entries("run"), await halves.state.notices("run")) == ((), (), ())
    approvals = await halves.approvals.load("run")
    assert approvals.steps == ()
    assert "canary" not in str(approvals)


async def test_an_entry_is_redacted_beside_whatever_else() -> None:
    """With a run that moves on, or where all that stands under an id without a run is forgotten."""
    store = (await Halves.in_memory(TestClock())).used()
    await applied(store, [START, PARK, evolve(CLAIM, approvals=(), redacted=REDACT.redacted)])
    assert await store.entries("run") == REDACT.redacted
    without_run = Changes(move=Move.DECIDE, entries=(entry_row("gate"),))
    gone = (entry_row("gate", body='"redacted"'),)
    await applied(store, [without_run, evolve(FORGET, redacted=gone, forgotten=(Hold("gate", 0),))])
    assert await store.entries("gate") == ()


async def test_commit_records_do_not_pile_up() -> None:
    """Each takes the place of the one before; nobody sees it beside the steps."""
    halves = await Halves.in_memory(TestClock())
    store = halves.used()
    await applied(store, [START, PARK, DECIDE, CLAIM])
    assert len((await halves.state.load("run")).steps) == 3
    assert [step.key for step in (await store.load("run")).steps] == ["pay", "next"]


async def test_a_refused_commit_leaves_nothing() -> None:
    """Whichever half refuses it: both are as they were, and the next commit is taken."""
    bad_runs, bad_approvals = (run_row(version=3),), (approval_row(version=2),)
    for bad in (
        evolve(PARK, runs=bad_runs),
        evolve(PARK, approvals=bad_approvals),
        evolve(PARK, notices=(notice_row(version=2),)),
        evolve(PARK, notices=(notice_row(), notice_row())),
        evolve(PARK, redacted=(entry_row(seq=2),)),
        evolve(PARK, redacted=(evolve(entry_row(), hash="another"),)),
    ):
        halves = await Halves.in_memory(TestClock())
        store = halves.used()
        await applied(store, [START])
        before = await view(store, "run")
        assert isinstance(await store.commit(bad), Err)
        assert await view(store, "run") == before
        await applied(store, [PARK])


async def test_a_notice_that_moved_on_refuses_the_whole_commit() -> None:
    """Also what the state store would take: nothing is written, whether the notice is meant as new or as the next."""
    store = (await Halves.in_memory(TestClock())).used()
    await applied(store, [START, PARK, SEND])
    before = await view(store, "run")
    for stale in (notice_row(), notice_row(version=2), notice_row(version=4)):
        assert isinstance(await store.commit(evolve(CLAIM, approvals=(), notices=(stale,))), Err)
        assert await view(store, "run") == before
    await applied(store, [evolve(CLAIM, approvals=(), notices=(notice_row(version=3),))])
    assert await store.notices("run") == (notice_row(version=3),)


async def test_only_a_commit_with_notices_reads_any() -> None:
    """And only where something may stand: not for the first question of a run, which most often tells somebody."""
    watched = await Watched().after(START, PARK, DECIDE)
    first = evolve(START, runs=(), steps=(step_row("other"),), notices=(notice_row("other"),))
    second = evolve(first, steps=(step_row("other", "next"),), notices=(notice_row("other", "2"),))
    reads: list[int] = []
    for commit in (CLAIM, first, second):
        await applied(watched.store, [commit])
        reads.append(watched.approvals.reads["notices"])
    assert reads == [0, 0, 1]


# Many at once


async def test_a_slow_committer_begins_again() -> None:
    """One whose intent was refused meanwhile makes its commit anew, and once."""
    watched, pause = await Watched().after(START), Pause()
    watched.state_fail.arm("park.before", pause, hit=1)
    slow = asyncio.create_task(watched.store.commit(PARK))
    await pause.reached.wait()
    watched.clock.advance("1m")
    other = watched.halves.used()
    assert (await other.load("run")).run == START.runs[0]
    pause.released.set()
    assert await slow == Ok(None)
    found = await other.load("run")
    assert (found.run, found.approvals, found.head) == (PARK.runs[0], PARK.approvals, entry_row())


async def test_a_slow_committer_is_not_waited_for_by_readers() -> None:
    """They see the run as it was before."""
    watched, pause = await Watched().after(START), Pause()
    before = await watched.halves.used().load("run")
    watched.state_fail.arm("park.before", pause, hit=1)
    slow = asyncio.create_task(watched.store.commit(PARK))
    await pause.reached.wait()
    assert same(await watched.halves.used().load("run"), before)
    assert await watched.halves.used().entries("run") == ()
    pause.released.set()
    assert await slow == Ok(None)


async def test_a_committer_waits_for_another_process() -> None:
    """As long as the grace lasts, whoever writes about the same approvals lets the other one finish."""
    watched, pause = await Watched().after(START), Pause()
    watched.state_fail.arm("park.before", pause, hit=1)
    first = asyncio.create_task(watched.store.commit(PARK))
    await pause.reached.wait()
    second = asyncio.create_task(watched.halves.used().commit(DECIDE))
    done, _ = await asyncio.wait([second], timeout=0.02)
    assert not done
    pause.released.set()
    assert [await first, await second] == [Ok(None), Ok(None)]


async def test_a_clock_that_stands_still_stops_nobody() -> None:
    """The grace is over, too, once somebody has waited for so long."""
    watched, pause = await Watched().after(START), Pause()
    watched.state_fail.arm("park.before", pause, hit=1)
    slow = asyncio.create_task(watched.store.commit(PARK))
    await pause.reached.wait()
    hasty = SplitStore(approvals=watched.halves.approvals, state=watched.halves.state, grace="10ms")
    assert await hasty.commit(Changes(move=Move.DECIDE, approvals=(approval_row(key="cfo"),))) == Ok(None)
    pause.released.set()
    assert await slow == Ok(None)
    assert {row.key for row in (await hasty.load("run")).approvals} == {"manager", "cfo"}


async def test_a_cancelled_commit_goes_on() -> None:
    """Closing the store waits for it."""
    watched, pause = await Watched().after(START), Pause()
    watched.state_fail.arm("park.after", pause)
    task = asyncio.create_task(watched.store.commit(PARK))
    await pause.reached.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    asyncio.get_running_loop().call_soon(pause.released.set)
    await watched.store.close()
    await watched.halves.approvals.open()
    assert (await watched.halves.approvals.load("run")).approvals == PARK.approvals


async def test_the_failure_of_a_cancelled_commit_is_nobodys() -> None:
    """Where the caller is gone, so is the question how it ended."""
    watched, pause = await Watched().after(START), Pause()

    async def fails_late() -> None:
        await pause()
        raise StoreUnavailable("gone")

    watched.state_fail.arm("park.before", fails_late)
    task = asyncio.create_task(watched.store.commit(PARK))
    await pause.reached.wait()
    task.cancel()
    pause.released.set()
    await asyncio.wait([task])
    await watched.store.close()
    assert task.cancelled()


# Stores that fail


async def test_a_state_store_that_fails_undoes_the_commit() -> None:
    """Its exception is passed on, nothing of the commit stands, and nobody has to wait for the grace to be over."""
    watched = await Watched().after(START)
    before = await view(watched.store, "run")
    watched.state_fail.arm("park.before", raising(StoreUnavailable("gone")), hit=1)
    with pytest.raises(StoreUnavailable, match="gone"):
        await watched.store.commit(PARK)
    assert await view(watched.store, "run") == before
    await applied(watched.store, [PARK])


@pytest.mark.parametrize("error", [CommitUnknown("who knows"), StoreUnavailable("gone")])
async def test_a_state_store_whose_answer_is_lost_gets_the_other_half_too(error: StoreError) -> None:
    """Its exception is passed on; what it has taken stands in both stores."""
    watched = await Watched().after(START)
    watched.state_fail.arm("park.after", raising(error), hit=1)
    with pytest.raises(type(error)):
        await watched.store.commit(PARK)
    assert (await watched.halves.approvals.load("run")).approvals == PARK.approvals
    assert (await watched.store.load("run")).run == PARK.runs[0]


async def test_a_commit_that_stands_is_not_said_to_have_failed() -> None:
    """Where the approvals store fails after the state store has taken its part, the outcome is `CommitUnknown`."""
    watched = await Watched().after(START)
    watched.approvals_fail.arm("park.before", raising(StoreUnavailable("gone")), hit=2)
    with pytest.raises(CommitUnknown, match="its approvals follow"):
        await watched.store.commit(PARK)
    found = await watched.store.load("run")
    assert (found.run, found.approvals) == (PARK.runs[0], PARK.approvals)


async def test_an_intent_that_may_stand_or_not_is_no_commit() -> None:
    """Where the approvals store does not know whether it took the intent, the commit is known not to be made."""
    watched = await Watched().after(START)
    before = await view(watched.store, "run")
    watched.approvals_fail.arm("park.after", raising(CommitUnknown("who knows")), hit=1)
    with pytest.raises(StoreUnavailable, match="it can be tried again"):
        await watched.store.commit(PARK)
    assert await view(watched.store, "run") == before
    watched.clock.advance("1m")
    await applied(watched.store, [PARK])


async def test_both_stores_away_leave_it_to_whoever_comes() -> None:
    """The first exception is passed on; once both are back and the grace is over the commit was never made."""
    watched = await Watched().after(START)
    before = await view(watched.store, "run")
    watched.state_fail.arm("park.before", raising(StoreUnavailable("gone")))
    with pytest.raises(StoreUnavailable, match="gone"):
        await watched.store.commit(PARK)
    watched.state_fail.disarm("park.before")
    watched.clock.advance("1m")
    assert await view(watched.halves.used(), "run") == before


# What is due


async def test_decisions_without_a_run_are_in_nobodys_way() -> None:
    """However many come first, a run with a decision is named within the limit."""
    halves = await Halves.in_memory(TestClock())
    store = halves.used()
    for number in range(40):
        await applied(store, [Changes(move=Move.DECIDE, approvals=(approval_row(f"gate-{number}", ready=True),))])
    for name in ("x", "y", "z"):
        await applied(
            store, [Changes(move=Move.START, runs=(run_row(name),), approvals=(approval_row(name, ready=True),))]
        )
    assert await store.due(T0, 1) == ("x",)
    assert await store.due(T0, 2) == ("x", "y")
    assert await store.due(T0, 100) == ("x", "y", "z")


async def test_a_damaged_row_leaves_its_neighbours_alone() -> None:
    """A run whose own row in the approvals store does not decode says so; others are due all the same."""
    watched, pause = await Watched().after(START), Pause()
    watched.state_fail.arm("park.before", pause)
    left = asyncio.create_task(watched.store.commit(PARK))
    await pause.reached.wait()
    other = watched.halves.used()
    await applied(other, [Changes(move=Move.START, runs=(run_row("b"),), approvals=(approval_row("b", ready=True),))])
    row = (await watched.halves.approvals.load("run")).run
    assert row is not None
    damaged = evolve(row, version=row.version + 1, body=row.body[:-1])
    await applied(watched.halves.approvals, [Changes(move=Move.STEP, runs=(damaged,))])
    with pytest.raises(StoreCorrupt, match="restore it from a backup"):
        await other.load("run")
    watched.clock.advance("1m")
    assert await other.due(to_micros(watched.clock()), 9) == ("b",)
    left.cancel()
    await asyncio.wait([left])


# Stores that do not fit


def test_one_store_is_not_split() -> None:
    """The same object twice is refused."""
    store = MemoryStore()
    with pytest.raises(ValueError, match="joins two stores"):
        SplitStore(approvals=store, state=store)


async def test_stores_that_were_used_alone_are_refused() -> None:
    """Runs in the approvals store, or approvals in the state store, are `StoreUnsuitable` where they are met."""
    halves = await Halves.in_memory(TestClock())
    await applied(halves.approvals, [START])
    with pytest.raises(StoreUnsuitable, match="in which no runs were kept"):
        await halves.used().load("run")
    halves = await Halves.in_memory(TestClock())
    await applied(halves.state, [DECIDE.__class__(move=Move.DECIDE, approvals=(approval_row(),))])
    with pytest.raises(StoreUnsuitable, match="in which no approvals were kept"):
        await halves.used().load("run")


async def test_approvals_written_past_it_are_noticed() -> None:
    """Where that keeps a commit from being ended, it is `StoreCorrupt` and not an endless attempt."""
    watched, pause = await Watched().after(START), Pause()
    watched.state_fail.arm("park.after", pause)
    task = asyncio.create_task(watched.store.commit(PARK))
    await pause.reached.wait()
    await applied(watched.halves.approvals, [Changes(move=Move.DECIDE, approvals=(approval_row(),))])
    pause.released.set()
    with pytest.raises(CommitUnknown):
        await task
    with pytest.raises(StoreCorrupt, match="past SplitStore"):
        await watched.halves.used().load("run")


# Opening and closing


class Door(MemoryStore):
    """Notes how often it is opened and closed."""

    def __init__(self, broken: bool = False) -> None:
        super().__init__()
        self.moves: Counter[str] = Counter()
        self._broken = broken

    async def open(self) -> None:
        """Open, or fail."""
        if self._broken:
            raise StoreUnavailable("broken")
        self.moves["open"] += 1
        await super().open()

    async def close(self) -> None:
        """Close."""
        self.moves["close"] += 1
        await super().close()


async def test_it_opens_both_and_closes_both() -> None:
    """Once, however often it is asked to."""
    doors = Door(), Door()
    store = SplitStore(approvals=doors[0], state=doors[1])
    for _ in range(2):
        await store.open()
    for _ in range(2):
        await store.close()
    assert [door.moves for door in doors] == [Counter(open=1, close=1)] * 2


async def test_where_one_cannot_be_opened_the_other_is_closed() -> None:
    """Nothing is left open, and nothing is closed that was not opened."""
    doors = Door(), Door(broken=True)
    store = SplitStore(approvals=doors[0], state=doors[1])
    with pytest.raises(StoreUnavailable, match="broken"):
        await store.open()
    await store.close()
    assert [door.moves for door in doors] == [Counter(open=1, close=1), Counter()]


async def test_the_approvals_store_tells_the_time() -> None:
    """Deadlines are judged there."""
    halves = await Halves.in_memory(TestClock())
    store = halves.used()
    now = await halves.approvals.now()
    assert (await store.now(), (await store.load("run")).now, (await store.approvals("run")).now) == (now, now, now)


def test_it_shows_its_halves() -> None:
    """For logs and error messages."""
    store: Store = SplitStore(approvals=MemoryStore(), state=MemoryStore())
    assert repr(store).startswith("SplitStore(approvals=<")


async def test_nothing_is_left_of_a_run_that_is_forgotten() -> None:
    """Neither its own rows nor those that this adapter keeps for itself, in either store."""
    halves = await Halves.in_memory(TestClock())
    await applied(halves.used(), [START, PARK, DECIDE, CLAIM, FORGET])
    for half in (halves.approvals, halves.state):
        assert same(await half.load("run"), Found(0, None, (), (), None))
