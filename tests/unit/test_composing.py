"""What a delivery says: as things stand when it is sent, and nothing that is redacted."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import pytest_asyncio
from attrs import evolve

from awaitly import (
    ApprovalStatus,
    Changes,
    ConsoleChannel,
    Delivery,
    Err,
    Escalation,
    Move,
    NotApproved,
    NoticeKind,
    NotificationChannel,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    gated_step,
    workflow,
)
from awaitly.notifying.courier import Courier, named_channels
from awaitly.storage.records import row_of_notice
from awaitly.testing import RecordingChannel, TestClock
from tests.support import MANAGER, SharedStore

SECRET = "DE89370400440532013000"
POLICY = Policy(approvers=["role:manager"], editors=["erin"], escalations=(Escalation(after="1h", to=["carol"]),))


async def pay(iban: str, amount: int) -> Result[int, str]:
    """Fail with what must not be read."""
    return Err(f"{iban} is blocked")


paying = gated_step(
    pay,
    key="pay",
    describe=lambda iban, amount: f"Pay {amount} to {iban}",
    redact=["iban"],
    policy=POLICY,
)


@workflow
async def buying(run: Run[str | NotApproved], amount: int) -> Result[int, str | NotApproved]:
    """Pay once allowed."""
    return Ok(await run.step(paying, SECRET, amount))


class Told:
    """An orchestrator with two channels, and what came by them."""

    def __init__(self, store: SharedStore) -> None:
        self.stream = io.StringIO()
        self.channel = RecordingChannel()
        channels: list[NotificationChannel] = [self.channel, ConsoleChannel(self.stream)]
        self.orchestrator = Orchestrator(store, workflows=[buying], channels=channels)
        self._courier = Courier(store, named_channels(channels))

    async def last(self) -> Delivery:
        """Send what is due, and give the last of it."""
        await self._courier.work_off()
        return self.channel.delivered[-1]


@pytest_asyncio.fixture
async def told(store: SharedStore) -> AsyncIterator[Told]:
    """Start a run that asks whether to pay."""
    told = Told(store)
    async with told.orchestrator:
        await told.orchestrator.start(buying(10), run_id="r1")
        yield told


async def test_a_late_notice_says_how_things_stand(told: Told) -> None:
    """The question is answered already when the notice of it goes out: it says so, and offers nothing to decide."""
    await told.orchestrator.reject("r1", by=MANAGER, reason="no")
    await told.last()
    first = told.channel.delivered[0]
    assert first.kind is NoticeKind.NEEDED
    assert first.resolution is not None
    assert (first.resolution.status, first.resolution.reason) == (ApprovalStatus.REJECTED, "no")
    assert first.audience == ("role:manager",), "those who could have decided are told"


async def test_nothing_that_is_redacted_is_told(told: Told, store: SharedStore) -> None:
    """Not by arguments, summaries, edits, reasons, nor in why a run needs review, on any way."""
    first = await told.last()
    assert first.approval is not None
    assert first.approval.summary == "Pay 10 to [redacted]"
    (await told.orchestrator.edit("r1", "pay", {"iban": SECRET + "9", "amount": 11}, by="erin")).unwrap()
    edited = await told.last()
    assert edited.changes, "that it was edited is told"
    (await told.orchestrator.reject("r1", by=MANAGER, reason=f"{SECRET}9 is blocked, and so is {SECRET}")).unwrap()
    ended = await told.last()
    assert ended.resolution is not None
    assert ended.resolution.reason == "[redacted] is blocked, and so is [redacted]"
    assert SECRET not in repr(told.channel.delivered)
    assert SECRET not in told.stream.getvalue()
    assert SECRET not in "".join(row.body for row in await store.notices("r1"))


async def test_a_damaged_run_is_told_without_what_its_approvals_redact(told: Told, store: SharedStore) -> None:
    """A record that does not decode is quoted in the reason."""
    run = (await store.load("r1")).run
    assert run is not None
    await store.change_run(evolve(run, version=run.version + 1, body=f"{{{SECRET}"))
    await told.orchestrator.resume("r1")
    last = await told.last()
    assert (last.kind, last.approval) == (NoticeKind.REVIEW, None)
    assert last.reason
    assert SECRET not in repr(last)


async def test_an_escalation_names_whom_it_newly_concerns(told: Told, clock: TestClock) -> None:
    """And who may decide by then."""
    clock.advance("1h")
    await told.orchestrator.recover()
    last = await told.last()
    assert (last.kind, last.to) == (NoticeKind.ESCALATED, ("carol",))
    assert {"role:manager", "carol"} <= {*last.audience, *last.to}


async def test_an_approval_that_is_gone_is_no_news(told: Told, store: SharedStore) -> None:
    """Its notice is a dead letter at once, and is not told as something else."""
    notice = (await told.orchestrator.notices("r1"))[0]
    gone = evolve(notice, about="nothing", number=notice.number + 1, version=1)
    (await store.commit(Changes(move=Move.SEND, notices=(row_of_notice(gone),)))).unwrap()
    await told.last()
    (letter,) = (await told.orchestrator.dead_letters()).items
    assert letter.error == "its approval is gone"
    assert len(told.channel.tried) == 1
