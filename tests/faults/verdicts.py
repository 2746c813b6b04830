"""Rounds in which people, the clock and a cancellation contend for one approval, and what must hold after each.

All is drawn from a seed but the order in which the store takes it. A round has a clock of its own, which stands still
until one of the contenders moves it to the deadline.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from random import Random
from typing import Any, TypeAlias, cast

from attrs import evolve, frozen

from awaitly import (
    Actor,
    AlreadyDecided,
    Approval,
    ApprovalStatus,
    Decision,
    Err,
    Found,
    MemoryStore,
    NotApproved,
    Notice,
    NoticeKind,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    RunStatus,
    Store,
    Workflow,
    said,
    workflow,
)
from awaitly.approvals.audit import verify
from awaitly.approvals.quorum import filled
from awaitly.durations import to_micros
from awaitly.storage.journal import RunRecord
from awaitly.testing import RecordingChannel, StoreWrapper, TestClock
from tests.faults.planting import planted
from tests.faults.stores import store_at
from tests.faults.tally import TALLY

__all__ = ["IN_MEMORY", "Timed", "contested", "opened", "voted"]

IN_MEMORY = "memory"
"""Stands for the address of a store in this process."""
_HANDS = 3
"""Orchestrators, each with a store of its own on the same rows."""
_AT_ONCE = 16
"""Rounds that go on side by side."""

CLOCK: ContextVar[TestClock] = ContextVar("the clock of a round")


class Timed(StoreWrapper):
    """A store that takes the round's clock for its own; one in memory is opened and closed by whoever made it."""

    def __init__(self, store: Store, *, shared: bool) -> None:
        super().__init__(store)
        self._shared = shared

    async def open(self) -> None:
        """Open what is not shared."""
        if not self._shared:
            await super().open()

    async def close(self) -> None:
        """Close what is not shared."""
        if not self._shared:
            await super().close()

    async def now(self) -> int:
        """Read the round's clock."""
        return to_micros(CLOCK.get()())

    async def load(self, run_id: str) -> Found:
        """Read a run, as of the round's time."""
        return evolve(await super().load(run_id), now=await self.now())

    async def approvals(self, run_id: str) -> Found:
        """Read a run's approvals, as of the round's time."""
        return evolve(await super().approvals(run_id), now=await self.now())


@asynccontextmanager
async def opened(
    address: str, workflows: Sequence[Workflow[..., Any, Any]], plant: str = "", count: int = _HANDS
) -> AsyncGenerator[list[Orchestrator]]:
    """Open some orchestrators over the same rows."""
    async with AsyncExitStack() as stack:
        memory = MemoryStore()
        await memory.open()
        stores = [memory if address == IN_MEMORY else store_at(address) for _ in range(count)]
        timed = [Timed(planted(plant, store), shared=store is memory) for store in stores]
        hands = [Orchestrator(store, workflows=workflows, channels=[RecordingChannel("people")]) for store in timed]
        yield [await stack.enter_async_context(each) for each in hands]


async def rounds(count: int, one: Callable[[int], Awaitable[None]]) -> None:
    """Go through so many rounds, some of them side by side, each with its own clock."""
    numbers = iter(range(count))

    async def some() -> None:
        for number in numbers:
            CLOCK.set(TestClock())
            await one(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(some())


# Contests of all kinds

Act: TypeAlias = Callable[[Orchestrator, str], Awaitable[object]]
ANN, BOB, CEM = Actor("ann"), Actor("bob"), Actor("cem")
DAN, RHEA = Actor("dan"), Actor("rhea")
BOT = Actor("bob", on_behalf_of="bob", via="api")
"""Acts for bob, by another way: they are one person."""
ROOT = Actor("root", ["admin"])
LONGEST = "1h"


def _policy(needs: int) -> Policy:
    return Policy(approvers=["ann", "bob", "cem"], needs=needs, expires_in=LONGEST)


def _asking(name: str, policy: Policy) -> Workflow[[], str, NotApproved]:
    @workflow(name=name)
    async def asking(run: Run[NotApproved]) -> Result[str, NotApproved]:
        return Ok(await run.approval("ok", proposes="as proposed", policy=policy))

    return asking


ALONE, TOGETHER = _asking("alone", _policy(1)), _asking("together", _policy(2))


async def _time_passes(orchestrator: Orchestrator, run_id: str) -> object:
    clock = CLOCK.get()
    clock.advance(LONGEST)
    return await orchestrator.resume(run_id)


ACTS: Sequence[tuple[str, Act]] = (
    *((f"yes {by.name}", lambda o, r, by=by: o.approve(r, "ok", by=by)) for by in (ANN, BOB, CEM, DAN)),
    ("yes bot", lambda o, r: o.approve(r, "ok", by=BOT)),
    ("no cem", lambda o, r: o.reject(r, "ok", "no", by=CEM)),
    ("no ann", lambda o, r: o.reject(r, "ok", "never", by=ANN)),
    ("edit bob", lambda o, r: o.edit(r, "ok", "as edited", by=BOB)),
    ("cancel", lambda o, r: o.cancel(r, by=RHEA)),
    ("claim", lambda o, r: o.claim(r, "ok", by=ANN)),
    ("delegate", lambda o, r: o.delegate(r, "ok", to="dan", by=ANN)),
    ("deadline", _time_passes),
)


async def contested(address: str, count: int, seed: int = 0, plant: str = "") -> Counter[str]:
    """Let all that can happen to an approval happen at once, in so many rounds; counts what became of it."""
    came: Counter[str] = Counter()
    async with opened(address, [ALONE, TOGETHER], plant) as hands:

        async def one(number: int) -> None:
            random = Random(f"{seed} {number}")
            run_id, asks = f"c{seed}-{number}", random.choice([ALONE, TOGETHER])
            await hands[0].start(asks(), run_id=run_id, requested_by=RHEA)
            if random.random() < 0.3:
                (await hands[0].delegate(run_id, "ok", to="dan", by=ANN)).unwrap()
            acts = random.sample(ACTS, random.randint(4, len(ACTS)))
            answers = await asyncio.gather(*(act(random.choice(hands), run_id) for _, act in acts))
            seen = await sight(hands[0], run_id)
            check(seen, answers)
            await hands[1].resume(run_id)
            check_run(await sight(hands[2], run_id))
            came[seen.approval.status.value] += 1

        await rounds(count, one)
    return came


# Contests of votes

_ROLES = {f"v{n}": [["ops"], ["law"], ["ops", "law"]][n % 3] for n in range(12)}
"""Twelve voters, a third of whom may take a seat of either quorum."""
_POOL = _asking("pool", Policy(approvers=list(_ROLES), needs=5))
_BOTH = _asking("both", Policy(approvers=["role:ops"], needs=3) & Policy(approvers=["role:law"], needs=2))


async def voted(address: str, count: int, seed: int = 0, plant: str = "") -> None:
    """Let twelve people, five of them by bots and by delegates as well, vote at once, in so many rounds."""
    async with opened(address, [_POOL, _BOTH], plant) as hands:

        async def one(number: int) -> None:
            random = Random(f"{seed} {number}")
            run_id, asks = f"v{seed}-{number}", random.choice([_POOL, _BOTH])
            await hands[0].start(asks(), run_id=run_id, requested_by=RHEA)
            voters = [Actor(name, roles) for name, roles in _ROLES.items()]
            givers = random.sample(voters, 3)
            for giver in givers:
                (await hands[0].delegate(run_id, "ok", to=f"for-{giver.name}", by=giver)).unwrap()
            several = [Actor(f"for-{giver.name}") for giver in givers]
            several += [Actor(v.name, v.roles, on_behalf_of=v.name, via="bot") for v in random.sample(voters, 2)]
            contenders = random.sample([*voters, *several], len(voters) + len(several))
            votes = (random.choice(hands).approve(run_id, "ok", by=by) for by in contenders)
            answers = await asyncio.gather(*votes)
            seen = await sight(hands[0], run_id)
            check(seen, answers)
            TALLY.check("the quorum closes it", seen.approval.status is ApprovalStatus.APPROVED, seen)
            if asks is _POOL:
                TALLY.check("five of twelve are exactly five", len(seen.approval.votes) == 5, seen.approval.votes)

        await rounds(count, one)


# What must hold


@frozen
class Sight:
    """What a round has come to; `told` is what the ledger says."""

    run: RunRecord
    approval: Approval
    told: tuple[dict[str, Any], ...]


async def sight(orchestrator: Orchestrator, run_id: str) -> Sight:
    """Look at a run, and check its ledger."""
    history = (await orchestrator.history(run_id)).unwrap()
    TALLY.check("the ledger verifies", isinstance(verify(run_id, history.entries), Ok), run_id)
    (approval,) = history.approvals
    told = tuple(map(said, history.entries))
    _check_outbox(approval, told, await orchestrator.notices(run_id))
    return Sight(history.run, approval, told)


def _check_outbox(a: Approval, told: Sequence[dict[str, Any]], notices: Sequence[Notice]) -> None:
    """Check that people are to be told what the ledger says: each notice of an entry, and of each end one."""
    entries = {number: each["event"] for number, each in enumerate(told, start=1)}
    named = [entries.get(notice.number) == (notice.event and notice.event.value) for notice in notices]
    TALLY.check("each notice is of an entry, and of one", all(named), (notices, told))
    numbers = [notice.number for notice in notices]
    TALLY.check("nothing is told twice", len(set(numbers)) == len(numbers), notices)
    decided = {"edited"} if a.policy.seats == 1 else set[str]()
    ends = {n for n, event in entries.items() if event in _FINAL | decided | {"superseded"}}
    resolved = {notice.number for notice in notices if notice.kind is NoticeKind.RESOLVED}
    TALLY.check("each end is told", resolved <= ends and bool(resolved) is not a.pending, (notices, told))


_FINAL = {"approved", "rejected", "expired", "cancelled"}


def check(seen: Sight, answers: Sequence[object]) -> None:
    """Check the record against the ledger, and what people were told against both."""
    a, told = seen.approval, [each for each in seen.told if each["event"] not in ("consumed", "superseded")]
    finals = [each for each in told if each["event"] in _FINAL or (each["event"], a.policy.seats) == ("edited", 1)]
    TALLY.check("there is one final decision at most", len(finals) == (not a.pending), seen)
    final = (finals[-1]["event"], finals[-1]["by"]) if finals else None
    if final is not None:
        superseded = a.status is ApprovalStatus.SUPERSEDED
        stands = a.closing and (final[0] if superseded else a.status.value, a.closing.by.name)
        TALLY.check("the ledger names the winner, last", stands == final and finals[-1] is told[-1], seen)
    edits = sum(each["event"] == "edited" for each in told)
    TALLY.check("each edit is a revision", a.revision == 1 + edits, seen)
    TALLY.check("each move is a version", a.version == _versions(seen), seen)
    _check_votes(a, told)
    _check_answers(a, final, answers)


def _versions(seen: Sight) -> int:
    """Count the writes by the ledger: a vote that decides is one with that, an expiry with its being taken up."""
    pairs = sum(map(_is_one_with, seen.told, seen.told[1:]))
    return len(seen.told) - pairs


def _is_one_with(vote: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether a vote is the one that ended it, which the ledger notes as well."""
    if (vote["event"], after["event"]) == ("expired", "consumed"):
        return True
    ends = {"voted": "approved", "opposed": "rejected"}.get(vote["event"])
    return ends == after["event"] and vote.get("by") == after.get("by")


def _check_votes(a: Approval, told: Sequence[dict[str, Any]]) -> None:
    noted: dict[str, str] = {}
    for each in told:
        if each["event"] == "edited":
            noted = {}
        elif each["event"] in ("voted", "opposed"):
            noted[_person(each)] = each["event"]
    counted = {vote.by.person: "voted" if vote.approves else "opposed" for vote in a.votes}
    if len(a.votes) > 1 or a.pending:
        TALLY.check("the ledger has the votes that count", counted == noted, (a, noted))
    yes = [vote for vote in a.votes if vote.approves]
    names = [name for vote in yes for name in {vote.by.name, vote.by.person}]
    TALLY.check("nobody is counted twice", len(names) == len(set(names)), a.votes)
    needs, fits = [quorum.needs for quorum in a.policy.quorums], [vote.fits for vote in yes]
    if a.status is ApprovalStatus.APPROVED:
        TALLY.check("its last vote fills the quorum", filled(needs, fits) and not filled(needs, fits[:-1]), a)
    elif a.pending:
        TALLY.check("votes that do not fill the quorum leave it open", not filled(needs, fits), a)


def _person(told: dict[str, Any]) -> str:
    return str(told.get("on_behalf_of") or told["by"])


def _check_answers(a: Approval, final: tuple[str, str] | None, answers: Sequence[object]) -> None:
    winners = [made for made in answers if _has_decided(made)]
    by_person = final is not None and final[0] in ("approved", "edited", "rejected")
    TALLY.check("one is told to have decided", len(winners) == by_person, (a, answers))
    refusals: list[Any] = [cast("Any", each).failure() for each in answers if isinstance(each, Err)]
    losers = {(r.status.value, r.by) for r in refusals if isinstance(r, AlreadyDecided)}
    wrong = losers - {final, ("superseded", None)}
    TALLY.check("whoever came too late is told who was first", not wrong, (a, losers))


def _has_decided(answer: object) -> bool:
    match answer:
        case Ok(Decision(replayed=False) as made):
            return made.outcome is not None
        case _:
            return False


_ENDS = {
    ApprovalStatus.APPROVED: RunStatus.COMPLETED,
    ApprovalStatus.EDITED: RunStatus.COMPLETED,
    ApprovalStatus.REJECTED: RunStatus.FAILED,
    ApprovalStatus.EXPIRED: RunStatus.FAILED,
    ApprovalStatus.CANCELLED: RunStatus.CANCELLED,
    ApprovalStatus.PENDING: RunStatus.PARKED,
}


def check_run(seen: Sight) -> None:
    """Check that the run goes on as its approval says: with the content that was decided on."""
    a, run = seen.approval, seen.run
    cancelled = a.status is ApprovalStatus.SUPERSEDED and run.status is RunStatus.CANCELLED
    TALLY.check("the run ends as its approval says", cancelled or run.status is _ENDS.get(a.status), seen)
    TALLY.check("a decision is taken up once", sum(t["event"] == "consumed" for t in seen.told) <= 1, seen)
    if run.status is RunStatus.COMPLETED:
        value = json.loads(getattr(run.result, "payload", "null"))
        TALLY.check("the run has what was approved", value == json.loads(a.content), seen)
