"""Rounds in which workers chime while people decide, ask and answer, and what the ledger must say of it afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from awaitly import (
    Actor,
    Approval,
    ApprovalStatus,
    Escalation,
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
from awaitly.durations import from_micros
from awaitly.storage.journal import RunRecord
from awaitly.testing import FailingStore, Failpoints, TestClock, kill
from tests.faults.stores import store_at
from tests.faults.tally import TALLY
from tests.faults.verdicts import BOT, CEM, CLOCK, RHEA, Act, Sight, Timed, opened, rounds, sight

__all__ = ["CHIMES", "asking", "check_chimes", "chimed", "chimes_and_is_killed"]

CHIMES = ("remind.before", "remind.after")
"""Where workers are killed as they chime."""
EVERY, LEVELS = timedelta(minutes=40), {"level 1", "level 2", "level 2, for the 2. time"}
LADDER = Policy(
    approvers=["ann", "bob", "cem"],
    needs=2,
    expires_in="5h",
    remind_every=EVERY,
    escalations=[Escalation("1h", ["dan"]), Escalation("2h", ["role:ops"], repeat=2, every="30m")],
    questions_stop_clock=True,
)


@workflow
async def asking(run: Run[NotApproved]) -> Result[str, NotApproved]:
    """Ask once."""
    return Ok(await run.approval("ok", proposes="as proposed", policy=LADDER))


DECIDING: Sequence[Act] = (
    lambda o, r: o.approve(r, "ok", by="ann"),
    lambda o, r: o.approve(r, "ok", by=BOT),
    lambda o, r: o.approve(r, "ok", by="dan"),
    lambda o, r: o.reject(r, "ok", "no", by=CEM),
    lambda o, r: o.edit(r, "ok", "as edited", by="bob"),
    lambda o, r: o.cancel(r, by=RHEA),
)
TALKING: Sequence[Act] = (
    lambda o, r: o.claim(r, "ok", by="ann"),
    lambda o, r: o.inquire(r, "ok", text="why?", by="bob"),
    lambda o, r: o.answer(r, "ok", text="so", by=RHEA),
    lambda o, r: o.comment(r, "ok", text="hm", by=Actor("bob")),
)
DEEDS = (*DECIDING, *TALKING, *TALKING, *TALKING)


async def chimed(address: str, count: int, seed: int = 0, plant: str = "") -> Counter[str]:
    """Let time pass in jumps, and at each of them workers and people do what they do at once, in so many rounds."""
    came: Counter[str] = Counter()
    async with opened(address, [asking], plant) as hands:

        async def one(number: int) -> None:
            random, clock, run_id = Random(f"{seed} {number}"), CLOCK.get(), f"w{seed}-{number}"
            await hands[0].start(asking(), run_id=run_id, requested_by=RHEA)
            while clock() < TestClock()() + timedelta(hours=6):
                clock.advance(timedelta(minutes=random.choice([5, 20, 40, 60, 125])))
                deeds = random.sample(DEEDS, random.choice([0, 1, 1, 2]))
                acts = [
                    *(hand.resume(run_id) for hand in hands),
                    *(deed(random.choice(hands), run_id) for deed in deeds),
                ]
                random.shuffle(acts)
                await asyncio.gather(*acts)
                await hands[0].resume(run_id)
                check_chimes(await sight(hands[1], run_id), clock())
            came.update([(await sight(hands[0], run_id)).approval.status.value])

        await rounds(count, one)
    return came


def check_chimes(seen: Sight, now: datetime) -> None:
    """Check that all that was due was told, once each, and nothing after the end; and when the next is."""
    a, run = seen.approval, seen.run
    levels = [str(each["reason"]) for each in seen.told if each["event"] == "escalated"]
    TALLY.check("each level is told once at most", len(levels) == len(set(levels)) and LEVELS.issuperset(levels), seen)
    periods = _periods(seen.told)
    TALLY.check("each reminder is told once at most", len(periods) == len(set(periods)), (periods, seen))
    order = [each["event"] for each in seen.told]
    ends = [order.index(event) for event in ("approved", "rejected", "expired", "cancelled") if event in order]
    late = {"escalated", "reminded"}.intersection(order[min(ends) :] if ends else ())
    TALLY.check("nobody is told of what is over", not late, order)
    if run.status is RunStatus.PARKED:
        TALLY.check("what has come was told", _is_up_to_date(a, run, now), seen)
    else:
        TALLY.check("a run that is over has no question left", not a.pending, seen)


def _periods(told: Sequence[dict[str, Any]]) -> list[int]:
    """Give of each reminder how many times it should have come before, by the time that did not stand still."""
    asked, stopped, since, found = from_micros(told[0]["at"]), timedelta(), None, list[int]()
    for each in told:
        at = from_micros(each["at"])
        match each["event"]:
            case "inquired":
                since = at
            case "answered" if since is not None:
                stopped, since = stopped + (at - since), None
            case "reminded":
                found.append((at - asked - stopped) // EVERY)
            case _:
                pass
    return found


def _is_up_to_date(a: Approval, run: RunRecord, now: datetime) -> bool:
    """Whether nothing is overdue, and the run is looked at as soon as something is."""
    if a.status is not ApprovalStatus.PENDING:
        return True
    time = next_time(a)
    return time is None or (run.due_at is not None and now < time and run.due_at <= time)


# Killed


def chimes_and_is_killed(address: str, failpoint: str, moment: datetime) -> None:
    """Be a process that is killed beside the commit of a chime."""
    asyncio.run(_killed(address, failpoint, moment))


async def _killed(address: str, failpoint: str, moment: datetime) -> None:
    CLOCK.set(TestClock(moment))
    failpoints = Failpoints()
    failpoints.arm(failpoint, kill)
    store = Timed(FailingStore(store_at(address), failpoints), shared=False)
    async with Orchestrator(store, workflows=[asking]) as orchestrator:
        await orchestrator.resume("r")
