from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awaitly import Changes, Conflict, Err, Hold, MemoryStore, Move, Result, Store
from awaitly.testing import StoreWrapper
from awaitly.testing.rows import T0, approval_row, entry_row, run_row, step_row
from awaitly_split import SplitStore
from tests.adapters.split.scheduling import Gated, Schedule, Tape
from tests.faults.lengths import at_length
from tests.faults.linearizing import EMPTY, Answer, Call, Read, Row, asked, linearizable, on_rows

Make: TypeAlias = Callable[[Store, Store], Store]

START = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)
FIRST = (
    Changes(move=Move.START, runs=(run_row(),), steps=(step_row(key="a"),)),
    Changes(
        move=Move.PARK,
        runs=(run_row(version=2),),
        approvals=(approval_row(), approval_row(key="cfo", asked_at=T0 + 1)),
        entries=(entry_row(), entry_row(seq=2)),
    ),
)
"""What stands before anybody does anything."""


@st.composite
def commits(draw: st.DrawFn) -> Changes:
    """Draw a commit that has a chance: on one half or on both, at versions that may stand by then."""
    kind = draw(st.sampled_from(["decide", "both", "both", "both", "run", "step", "forget"]))
    version, body = draw(st.integers(2, 4)), draw(st.sampled_from(["1", "2"]))
    if kind == "forget":
        return Changes(move=Move.CLEANUP, forgotten=(Hold("run", version),))
    if kind == "step":
        drops = draw(st.sampled_from([(), (("run", "a"),)]))
        steps = (step_row(key=draw(st.sampled_from("abc")), body=body),)
        return Changes(move=Move.STEP, holds=(Hold("run", version),), dropped=drops, steps=steps)
    run = run_row(version=version + 1, body=body, due_at=draw(st.sampled_from([None, T0])))
    if kind == "run":
        return Changes(move=Move.CLAIM, runs=(run,))
    asked_at = {"manager": T0, "cfo": T0 + 1, "new": T0 + 2}
    key = draw(st.sampled_from(["manager", "manager", "cfo", "new"]))
    approval = approval_row(
        key=key, version=draw(st.integers(1, 2)) + (key != "new"), asked_at=asked_at[key], body=body
    )
    entries = tuple(entry_row(seq=seq, body=body) for seq in draw(st.sampled_from([(), (3,), (3,), (4,), (3, 4)])))
    both = Changes(move=Move.END, runs=(run,), approvals=(approval,), entries=entries)
    if kind == "decide":
        return evolve(both, move=Move.DECIDE, runs=())
    if draw(st.integers(0, 3)) == 0:
        held = Hold("run", version, draw(st.sampled_from([None, T0 + 5])))
        return evolve(both, runs=(), holds=(held,), steps=(step_row(key=draw(st.sampled_from("ab")), body=body),))
    return both


reads = st.sampled_from([Read("load"), Read("load"), Read("approvals"), Read("entries")])
processes = st.lists(st.lists(commits() | commits() | reads, min_size=1, max_size=3), min_size=2, max_size=3)
names = st.sampled_from("abc")
some = st.tuples(names, st.integers(1, 9)).map(lambda drawn: drawn[0] * drawn[1])
others_late = names.map(lambda name: f"{name}{name}-" * 16)
spells = st.one_of(some, some, others_late, st.sampled_from(["A", "B", "-", "--------"]))
tapes = st.lists(spells, max_size=24).map("".join)
"""Some pass several gates in a row, some go on for so long that the grace of others is over, some die."""


def split(approvals: Store, state: Store) -> Store:
    """Join two stores, with a grace that ends soon."""
    return SplitStore(approvals=approvals, state=state, grace="4ms")


async def acted(schedule: Schedule, make: Make, work: list[list[Row]]) -> list[Call[Row, Answer]]:
    """Let each process do its deeds, and at last one that is alone look at what there is."""

    def clock() -> datetime:
        return START + timedelta(seconds=schedule.moment)

    halves = MemoryStore(clock=clock), MemoryStore()
    for half in halves:
        await half.open()
    calls: list[Call[Row, Answer]] = []
    times = iter(range(10_000))

    async def process(name: str, deeds: list[Row]) -> None:
        approvals, state = (Gated(half, schedule, name) for half in halves)
        store = make(approvals, state)
        for deed in deeds:
            call = Call[Row, Answer](deed, next(times))
            calls.append(call)
            call.answer = await asked(store, deed)
            call.end = next(times)

    for commit in FIRST:
        assert await asked(make(*halves), commit) is True
    tasks = {name: asyncio.create_task(process(name, deeds)) for name, deeds in zip("abc", work, strict=False)}
    while waiting := [task for name, task in tasks.items() if name not in schedule.dead and not task.done()]:
        await asyncio.wait(waiting, timeout=0.0005)
    for task in tasks.values():
        if task.done():
            task.result()
    await process("z", [Read("load"), Read("approvals"), Read("entries")])
    return calls


def whole(work: list[list[Row]], tape: Tape, make: Make = split) -> bool:
    """Whether what the processes were told, as the tape had them meet, fits a store that does one thing at a time."""
    schedule = Schedule(tape)
    calls = schedule.run(lambda: acted(schedule, make, work))
    rows = EMPTY
    for commit in FIRST:
        _, rows = on_rows(rows, commit)
    return linearizable(calls, rows, on_rows)


LENGTH = at_length(300, 3_000)
quietly = settings(
    max_examples=LENGTH, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@quietly
@given(work=processes, tape=tapes)
def test_two_stores_act_as_one(work: list[list[Row]], tape: Tape) -> None:
    """However committers, readers and the dead meet, all answers fit one store that does one thing after the other."""
    assert whole(work, tape)


# The same look at stores with a bug


class Torn(StoreWrapper):
    """Joins two stores without a protocol: first one half, then the other."""

    def __init__(self, approvals: Store, state: Store) -> None:
        super().__init__(SplitStore(approvals=approvals, state=state))

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit in two parts."""
        first = await super().commit(evolve(changes, approvals=(), entries=()))
        if isinstance(first, Err):
            return first
        return await super().commit(Changes(move=changes.move, approvals=changes.approvals, entries=changes.entries))


PARK = evolve(FIRST[1], runs=(run_row(version=3),), approvals=(approval_row(version=2),), entries=(entry_row(seq=3),))


def test_a_torn_commit_is_noticed() -> None:
    """The same look sees it where commits are made in two parts, and a process dies between them."""
    assert not all(whole([[PARK], [Read("load")]], "a" * passed + "A", Torn) for passed in range(12))
