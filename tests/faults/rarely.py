"""What is done rarely with a run, by a process that is killed beside its write, and again by one that is not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from attrs import evolve, frozen

from awaitly import Actor, Changes, Err, Happened, Move, Ok, Orchestrator, RunStatus, said
from awaitly.approvals.audit import verify
from awaitly.testing import FailingStore, Failpoints, kill
from tests.faults.errands import Marks, errand
from tests.faults.orders import Place
from tests.faults.processes import KILLED, ended, started
from tests.faults.stores import settled, store_at
from tests.faults.tally import TALLY

__all__ = ["RARELY", "killed_and_done_again"]

RUN, OTHER = "r", "r2"
ROOT = Actor("root", ["admin"])
_Deed = Callable[[Orchestrator], Awaitable[object]]


@frozen
class Rarely:
    """A run's shape, what is done with it, and what must have come of that once it was done again.

    `dies`: the body, counted from 1, in which the process died that began the run; 0 for none.
    """

    shape: str
    act: _Deed
    holds: Callable[[Orchestrator], Awaitable[bool]]
    damaged: bool = False
    dies: int = 0


async def _told_once(orchestrator: Orchestrator) -> bool:
    messages = (await orchestrator.history(RUN)).unwrap().messages
    return [message.name for message in messages] == ["go"]


async def _completed(orchestrator: Orchestrator, run_id: str = RUN) -> bool:
    """Resume a run until it has ended: a killed process's lease lasts for a moment."""
    async with asyncio.timeout(30):
        while True:
            status = (await orchestrator.resume(run_id)).status
            if status is not None and status is not RunStatus.RUNNING:
                return status is RunStatus.COMPLETED
            await asyncio.sleep(0.01)


async def _redacted(orchestrator: Orchestrator) -> bool:
    entries = await orchestrator.ledger(RUN)
    again = (await orchestrator.redact(RUN)).unwrap()
    return again == 0 and isinstance(verify(RUN, entries), Ok) and not any("too dear" in each.body for each in entries)


async def _gone(orchestrator: Orchestrator) -> bool:
    return isinstance(await orchestrator.status(RUN), Err) and await orchestrator.ledger(RUN) == ()


async def _is_aside(orchestrator: Orchestrator) -> bool:
    return (await orchestrator.resume(RUN)).status is RunStatus.NEEDS_REVIEW


async def _settled_once(orchestrator: Orchestrator) -> bool:
    completed, ended = await _completed(orchestrator), await orchestrator.resume(RUN)
    noted = [entry for entry in await orchestrator.ledger(RUN) if said(entry)["event"] == "settled"]
    return completed and ended.result == Ok("settled.s2") and len(noted) == 1


async def _heard_once(orchestrator: Orchestrator) -> bool:
    completed, history = await _completed(orchestrator), (await orchestrator.history(RUN)).unwrap()
    others = [item.run_id for item in (await orchestrator.runs()).items if item.run_id != RUN]
    due = [(await orchestrator.status(run_id)).unwrap().run.due_at for run_id in others]
    return completed and len(history.messages) == 1 and due == [None]


async def _enqueue(orchestrator: Orchestrator) -> object:
    return await orchestrator.enqueue(orchestrator.workflows["errand"]("s"), run_id=OTHER)


async def _schedule(orchestrator: Orchestrator) -> object:
    return await orchestrator.schedule("nightly", "0 9 * * *", orchestrator.workflows["errand"]("s"))


async def _placed_once(orchestrator: Orchestrator) -> bool:
    return [each.name for each in await orchestrator.schedules()] == ["nightly"]


RARELY = {
    "enqueue": Rarely("p", _enqueue, lambda o: _completed(o, OTHER)),
    "schedule": Rarely("s", _schedule, _placed_once),
    "tell": Rarely("c s", lambda o: o.recover(), _heard_once),
    "settle": Rarely("s o s", lambda o: o.settle(RUN, Happened("settled"), by=ROOT), _settled_once, dies=2),
    "signal": Rarely("s a s", lambda o: o.signal(RUN, "go", "x"), _told_once),
    "retry": Rarely("s f s", lambda o: o.retry(RUN), _completed),
    "fork": Rarely("s f s", lambda o: o.fork(RUN, before="risk", new_id=OTHER), lambda o: _completed(o, OTHER)),
    "redact": Rarely("a", lambda o: o.redact(RUN), _redacted),
    "cleanup": Rarely("s f s", lambda o: o.cleanup(older_than="1ms"), _gone),
    "review": Rarely("s a s", lambda o: o.resume(RUN), _is_aside, damaged=True),
}
"""By the move of the commit that each makes."""


def _orchestrator(place: Place, failpoints: Failpoints, *, spoils: bool = False) -> Orchestrator:
    flow = errand(Marks(Path(place.marks), spoils=spoils))
    return Orchestrator(FailingStore(store_at(place.store), failpoints), workflows=[flow], lease="0.1s")


def killed_and_done_again(place: Place, move: str, side: str) -> None:
    """Let a process be killed beside the write, do the same again in this one, and check what came of it."""
    asyncio.run(_prepared(place, RARELY[move]))
    code = ended(started(be_killed, place, move, side))
    TALLY.check("a victim dies where it should", code == KILLED, (move, side, code))
    settled(place.store)
    TALLY.check("what is rarely done is done once", asyncio.run(_done_again(place, RARELY[move])), (move, side))
    marks = Counter(mark for mark in Marks.read(Path(place.marks)) if not mark.startswith("f"))
    TALLY.check("no recorded step ran again", set(marks.values()) <= {1}, marks)
    TALLY.happened("kills beside what is rarely done")


async def _prepared(place: Place, rarely: Rarely) -> None:
    if rarely.dies:
        await _left_in_doubt(place, rarely)
        return
    async with _orchestrator(place, Failpoints(), spoils=True) as orchestrator:
        flow = errand(Marks(Path(place.marks), spoils=True))
        await orchestrator.start(flow(rarely.shape), run_id=RUN, requested_by="zoe")
        if rarely.shape == "a":
            (await orchestrator.reject(RUN, reason="too dear", by="ann")).unwrap()
    if rarely.damaged:
        store = store_at(place.store)
        await store.open()
        run = (await store.load(RUN)).run
        assert run is not None
        damaged = evolve(run, version=run.version + 1, body="{")
        (await store.commit(Changes(move=Move.CLAIM, runs=(damaged,)))).unwrap()
        await store.close()


async def _left_in_doubt(place: Place, rarely: Rarely) -> None:
    """Let the process that begins the run be killed in a body, and another set the run aside."""
    process = started(be_killed_in_a_body, place, rarely.shape, rarely.dies)
    assert await asyncio.to_thread(ended, process) == KILLED
    await asyncio.to_thread(settled, place.store)
    async with _orchestrator(place, Failpoints()) as orchestrator, asyncio.timeout(30):
        while not await _is_aside(orchestrator):  # noqa: ASYNC110  (a lease ends by time alone)
            await asyncio.sleep(0.01)


async def _done_again(place: Place, rarely: Rarely) -> bool:
    async with _orchestrator(place, Failpoints()) as orchestrator:
        await rarely.act(orchestrator)
        return await rarely.holds(orchestrator)


def be_killed_in_a_body(place: Place, shape: str, body: int) -> None:
    """Be the process that begins the run, and is killed once the n-th body has left its mark."""
    asyncio.run(_killed_in_a_body(place, shape, body))


async def _killed_in_a_body(place: Place, shape: str, body: int) -> None:
    marks = Marks(Path(place.marks))
    marks.after = {body: kill}
    flow = errand(marks)
    async with Orchestrator(store_at(place.store), workflows=[flow], lease="0.1s") as orchestrator:
        await orchestrator.start(flow(shape), run_id=RUN, requested_by="zoe")


def be_killed(place: Place, move: str, side: str) -> None:
    """Be the process that is killed."""
    asyncio.run(_killed(place, move, side))


async def _killed(place: Place, move: str, side: str) -> None:
    failpoints = Failpoints()
    failpoints.arm(f"{move}.{side}", kill)
    async with _orchestrator(place, failpoints) as orchestrator:
        await RARELY[move].act(orchestrator)
