"""People who are told by processes that are killed before and after each send, and what they must have heard."""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from attrs import evolve

from awaitly import (
    Changes,
    Conflict,
    Delivery,
    Move,
    NotApproved,
    NoticeKind,
    Ok,
    Orchestrator,
    Result,
    Run,
    Store,
    workflow,
)
from awaitly.approvals.notices import Notice
from awaitly.testing import FailingStore, Failpoints, StoreWrapper, TestClock, kill
from tests.faults.orders import Place
from tests.faults.processes import KILLED, ended, started
from tests.faults.stores import settled, store_at
from tests.faults.tally import TALLY
from tests.faults.verdicts import CLOCK, Timed

__all__ = ["MOMENTS", "PLACES", "lived"]

MOMENTS = {"send.before": 1, "send.after": 1, "begun": 1, "done": 2, "sent.before": 2, "sent.after": 1}
"""When a process is killed, and how often people then hear of the same: beside the commit that takes a notice, as the
send has begun, as it is done, and beside the commit that notes it."""
PLACES = ("here", "there")
"""Where the same is told, one after the other, by a channel that has two places."""
_RUN = "r"
_APPLICATION = re.compile(r"application_name=\w+")
_PATIENCE = timedelta(seconds=61)
"""After this, others send what was taken and not noted."""


class Reaching:
    """A channel that writes the ids down, on the disk; it may end its process before or after it does so a time."""

    name = "marks"

    def __init__(self, path: str, moment: str = "", hit: int = 0) -> None:
        self._path = path
        self._moment = moment
        self._left = hit

    async def send(self, delivery: Delivery) -> str | None:
        """Write it down."""
        self._left -= 1
        if self._moment == "begun" and not self._left:
            await kill()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{delivery.id} {delivery.kind.value} {delivery.place}\n".encode())
        os.fsync(descriptor)
        os.close(descriptor)
        if self._moment == "done" and not self._left:
            await kill()
        return _receipt(delivery.id, delivery.place)


class ReachingTwo(Reaching):
    """The same in two places."""

    async def places_for(self, delivery: Delivery) -> Iterable[str]:
        """Name them."""
        return PLACES


class Hasty(StoreWrapper):
    """A store with a bug: a notice that is taken counts as sent."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit, without what is still to be sent."""
        if changes.move is Move.SEND:
            changes = evolve(changes, notices=tuple(evolve(row, due_at=None) for row in changes.notices))
        return await super().commit(changes)


@workflow
async def asking(run: Run[NotApproved]) -> Result[int, NotApproved]:
    """Ask once."""
    return Ok(await run.approval("boss", proposes=1))


async def lived(place: Place, moment: str, *, hit: int = 0, hasty: bool = False) -> None:
    """Let people be told of a question and of its answer, by processes that are killed at a moment, and by others.

    With `hit` they are told in two places, and it is the moment of the first, or of the second.
    """
    CLOCK.set(clock := TestClock())
    store = Timed(store_at(place.store), shared=False)
    channel = ReachingTwo(place.marks) if hit else Reaching(place.marks)
    async with Orchestrator(store, workflows=[asking], channels=[channel]) as orchestrator:
        await orchestrator.start(asking(), run_id=_RUN)
        await _told_by_the_dying(place, moment, hit, clock(), hasty=hasty)
        await _told_by_others(orchestrator, clock)
        (await orchestrator.approve(_RUN, by="ann")).unwrap()
        await _told_by_the_dying(place, moment, hit, clock(), hasty=hasty)
        await _told_by_others(orchestrator, clock)
        where = {name: n for n, name in enumerate(PLACES, 1)} if hit else {None: 0}
        times = {str(name): MOMENTS[moment] if n == hit else 1 for name, n in where.items()}
        check(await orchestrator.notices(_RUN), place, times)


async def _told_by_the_dying(place: Place, moment: str, hit: int, now: datetime, *, hasty: bool) -> None:
    theirs = evolve(place, store=_APPLICATION.sub(r"\g<0>-dying", place.store))  # our own connections stay
    process = started(tell_and_be_killed, theirs, moment, hit, now, hasty)
    code = await asyncio.to_thread(ended, process)
    TALLY.check("whoever tells people is killed as they do", code == KILLED, (moment, code))
    TALLY.happened("kills beside a send")
    await asyncio.to_thread(settled, theirs.store)


async def _told_by_others(orchestrator: Orchestrator, clock: TestClock) -> None:
    """Let time pass and others tell what is left, until nothing is."""
    for _ in range(5):
        clock.advance(_PATIENCE)
        await orchestrator.work(once=True)
        if not any(notice.open for notice in await orchestrator.notices(_RUN)):
            return


def check(notices: tuple[Notice, ...], place: Place, times: dict[str, int]) -> None:
    """Check that all was told in each place, under its own id, in order, and no oftener than the kills explain."""
    lines = [line.split() for line in _lines(Path(place.marks))]
    heard = Counter((line[0], line[2]) for line in lines)
    due = [(each.id, str(each.place)) for each in notices]
    TALLY.check("every notice arrives at least once", all(heard[each] for each in due), (notices, heard))
    TALLY.check("a notice has the same id each time", set(heard) == set(due), (notices, heard))
    for where, often in times.items():
        kinds = list(dict.fromkeys(line[1] for line in lines if line[2] == where))
        TALLY.check("notices arrive in order", kinds == [NoticeKind.NEEDED.value, NoticeKind.RESOLVED.value], kinds)
        counts = {count for (_, name), count in heard.items() if name == where}
        TALLY.check("a notice arrives no oftener than kills explain", counts == {often}, heard)
    receipts = {each.receipt for each in notices}
    TALLY.check("what was sent is noted", receipts == {_receipt(each.id, each.place) for each in notices}, notices)


def _receipt(delivery_id: str, place: str | None) -> str:
    return f"receipt of {delivery_id}" if place is None else f"receipt of {delivery_id} {place}"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def tell_and_be_killed(place: Place, moment: str, hit: int, now: datetime, hasty: bool) -> None:
    """Be a process that tells people what is due, and is killed at a moment."""
    asyncio.run(_telling(place, moment, hit, now, hasty=hasty))


async def _telling(place: Place, moment: str, hit: int, now: datetime, *, hasty: bool) -> None:
    CLOCK.set(TestClock(now))
    failpoints, nth = Failpoints(), hit or 1
    if moment in Failpoints.names():
        failpoints.arm(moment, kill, hit=nth)
    inner: Store = store_at(place.store)
    store = Timed(FailingStore(Hasty(inner) if hasty else inner, failpoints), shared=False)
    channel = ReachingTwo(place.marks, moment, nth) if hit else Reaching(place.marks, moment, nth)
    async with Orchestrator(store, workflows=[asking], channels=[channel]) as orchestrator:
        await orchestrator.work(once=True)
