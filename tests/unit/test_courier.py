"""The courier: in which order notices go, what a failure does to the others, and what is sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from awaitly import (
    Ask,
    Changes,
    DefinitionError,
    Delivery,
    Duration,
    Move,
    NotApproved,
    NoticeKind,
    Ok,
    Orchestrator,
    Result,
    RetryLater,
    Run,
    StoreUnavailable,
    Undeliverable,
    UnknownNotice,
    workflow,
)
from awaitly.notifying.courier import Courier, named_channels
from awaitly.testing import Pause, RecordingChannel, TestClock, raising
from tests.support import SharedStore, error_of
from tests.unit.couriers import POLICY, serving


@workflow
async def asking(run: Run[NotApproved], amount: int) -> Result[int, NotApproved]:
    """Ask two people."""
    return Ok(await run.approval("manager", proposes=amount, policy=POLICY))


@workflow
async def asking_twice(run: Run[NotApproved], amount: int) -> Result[int, NotApproved]:
    """Ask two questions at once."""
    await run.approvals(Ask("first", proposes=amount), Ask("second", proposes=amount))
    return Ok(amount)


@asynccontextmanager
async def telling(store: SharedStore, *channels: RecordingChannel) -> AsyncGenerator[tuple[Orchestrator, Courier]]:
    """Open an orchestrator with channels, and a courier of its own for them."""
    async with Orchestrator(store, workflows=[asking, asking_twice], channels=channels) as orchestrator:
        yield orchestrator, Courier(store, named_channels(channels))


def kinds(channel: RecordingChannel) -> list[str]:
    """Give the kinds of what was delivered."""
    return [delivery.kind.value for delivery in channel.delivered]


async def test_people_are_told_in_order_and_with_the_receipt(store: SharedStore, clock: TestClock) -> None:
    """Needed, then what changes, then how it ended; the first receipt goes along with the later ones."""
    channel = RecordingChannel()
    async with telling(store, channel) as (orchestrator, courier):
        await orchestrator.start(asking(120), run_id="r1")
        await courier.work_off()
        await orchestrator.approve("r1", by="mona")
        await orchestrator.approve("r1", by="nora")
        await courier.work_off()
    assert kinds(channel) == ["needed", "changed", "resolved"]
    assert [d.receipt for d in channel.delivered] == [None, *[f"receipt of {channel.delivered[0].id}"] * 2]
    assert channel.delivered[0].approval is not None
    assert channel.delivered[0].approval.arguments == 120
    assert channel.delivered[2].resolution is not None
    assert channel.delivered[2].resolution.by is not None


async def test_a_notice_is_sent_once_although_it_is_looked_for_often(store: SharedStore) -> None:
    """What was sent is due no more."""
    channel = RecordingChannel()
    async with telling(store, channel) as (orchestrator, courier):
        await orchestrator.start(asking(120), run_id="r1")
        for _ in range(3):
            await courier.work_off()
    assert len(channel.tried) == 1


async def test_two_couriers_at_once_send_once(store: SharedStore) -> None:
    """Of those that see it due at the same time one takes it."""
    channel = RecordingChannel()
    async with telling(store, channel) as (orchestrator, courier):
        for number in range(10):
            await orchestrator.start(asking(number), run_id=f"r{number}")
        others = [Courier(store, named_channels([channel])) for _ in range(4)]
        await asyncio.gather(*(each.work_off() for each in (courier, *others)))
    assert sorted(d.run_id for d in channel.tried) == [f"r{number}" for number in range(10)]


async def test_a_crash_between_the_send_and_the_note_has_it_sent_again_with_the_same_id(
    store: SharedStore, clock: TestClock
) -> None:
    """At least once: the receiver knows it by its id."""
    channel = RecordingChannel()
    async with telling(store, channel) as (orchestrator, courier):
        await orchestrator.start(asking(120), run_id="r1")
        store.failpoints.arm("sent.before", raising(StoreUnavailable("died")), hit=1)
        with pytest.raises(StoreUnavailable):
            await courier.work_off()
        await courier.work_off()
        assert len(channel.tried) == 1, "it is left to whoever took it, for as long as that may take"
        clock.advance("60s")
        await courier.work_off()
        notice = (await orchestrator.notices("r1"))[0]
    assert [d.id for d in channel.tried] == [notice.id, notice.id]
    assert (notice.open, notice.attempts) == (False, 2)


async def test_a_failing_channel_does_not_hold_up_another(store: SharedStore) -> None:
    """Each is served for itself."""
    bad, good = RecordingChannel("bad"), RecordingChannel("good")
    bad.during = raising(OSError("no route"))
    async with telling(store, bad, good) as (orchestrator, courier):
        await orchestrator.start(asking(120), run_id="r1")
        await courier.work_off()
        left = {n.channel: n.error for n in await orchestrator.notices("r1")}
    assert kinds(good) == ["needed"]
    assert left == {"good": None, "bad": "OSError('no route')"}


async def test_a_hanging_channel_does_not_hold_up_another(store: SharedStore) -> None:
    """Nor those that come later."""
    stuck, good = RecordingChannel("stuck"), RecordingChannel("good")
    stuck.during = pause = Pause()
    async with telling(store, stuck, good) as (orchestrator, courier), serving(courier):
        await orchestrator.start(asking(1), run_id="r1")
        courier.look()
        await pause.reached.wait()
        await orchestrator.start(asking(2), run_id="r2")
        courier.look()
        await good.until(delivered=2)
    assert stuck.delivered == []


async def test_work_off_lets_no_channel_wait_for_another(store: SharedStore) -> None:
    """Also where it is done once: a hanging channel comes before a good one here."""
    stuck, good = RecordingChannel("a"), RecordingChannel("b")
    stuck.during = pause = Pause()
    async with telling(store, stuck, good) as (orchestrator, courier):
        await orchestrator.start(asking(1), run_id="r1")
        task = asyncio.create_task(courier.work_off())
        await good.until(delivered=1)
        pause.released.set()
        await task
    assert kinds(stuck) == ["needed"]


async def test_a_send_that_takes_too_long_is_cut_off(store: SharedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """And tried again."""
    monkeypatch.setattr("awaitly.notifying.courier.PATIENCE", timedelta(milliseconds=5))
    channel = RecordingChannel()
    channel.during = Pause()
    async with telling(store, channel) as (orchestrator, courier):
        await orchestrator.start(asking(1), run_id="r1")
        await courier.work_off()
        notice = (await orchestrator.notices("r1"))[0]
    assert (notice.open, notice.error) == (True, "TimeoutError()")


async def test_a_channel_that_cancels_itself_is_tried_again(store: SharedStore) -> None:
    """That is a failure like any other, and does not end the courier."""
    channel = RecordingChannel()
    channel.during = raising(asyncio.CancelledError())
    async with telling(store, channel) as (orchestrator, courier), serving(courier):
        await orchestrator.start(asking(1), run_id="r1")
        courier.look()
        await channel.until(tried=1)
        channel.during = None
        await orchestrator.start(asking(2), run_id="r2")
        courier.look()
        await channel.until(delivered=1)
        notice = (await orchestrator.notices("r1"))[0]
    assert (notice.error, notice.open) == ("CancelledError()", True)


async def test_a_later_notice_waits_for_an_earlier_one_about_the_same(store: SharedStore, clock: TestClock) -> None:
    """What fails is not overtaken, and is caught up with in order; other approvals are not held up."""
    channel = RecordingChannel()
    channel.during = raising(OSError("down"))
    async with telling(store, channel) as (orchestrator, courier):
        await orchestrator.start(asking(1), run_id="r1")
        await courier.work_off()
        channel.during = None
        await orchestrator.approve("r1", by="mona")
        await orchestrator.start(asking(2), run_id="r2")
        await courier.work_off()
        assert [d.run_id for d in channel.delivered] == ["r2"]
        clock.advance("10m")
        await courier.work_off()
        await courier.work_off()
    assert [(d.run_id, d.kind.value) for d in channel.delivered[1:]] == [("r1", "needed"), ("r1", "changed")]


async def test_approvals_of_one_run_do_not_wait_for_each_other(store: SharedStore) -> None:
    """Only what is about the same approval is kept in order."""
    channel = RecordingChannel()

    async def refuse_the_first() -> None:
        about = channel.tried[-1].approval
        if about is not None and about.key == "first":
            raise OSError("no")

    channel.during = refuse_the_first
    async with telling(store, channel) as (orchestrator, courier):
        await orchestrator.start(asking_twice(1), run_id="r1")
        await courier.work_off()
    assert [d.approval.key for d in channel.delivered if d.approval] == ["second"]


async def test_a_failing_day_is_caught_up_with_in_order(store: SharedStore, clock: TestClock) -> None:
    """For a day nothing comes through, while people are reminded, others are told, and somebody votes."""
    channel = RecordingChannel()
    channel.during = raising(OSError("down"))
    async with telling(store, channel) as (orchestrator, courier):
        await orchestrator.start(asking(1), run_id="r1")
        for hour in range(24):
            clock.advance("1h")
            await orchestrator.recover()
            if hour == 12:
                await orchestrator.approve("r1", by="mona")
            await courier.work_off()
        channel.during = None
        while any(n.open for n in await orchestrator.notices("r1")):
            clock.advance("10m")
            await courier.work_off()
        written = [n.kind for n in sorted(await orchestrator.notices("r1"), key=lambda n: n.number)]
    assert [d.kind for d in channel.delivered] == written
    assert {"needed", "reminder", "escalated", "changed"} == set(kinds(channel))
    assert len({d.id for d in channel.delivered}) == len(written)


@pytest.mark.parametrize("after", [timedelta(minutes=30), "30m"])
async def test_retry_later_is_heeded(store: SharedStore, clock: TestClock, after: Duration) -> None:
    """Not a second sooner."""
    channel = RecordingChannel()
    channel.during = raising(RetryLater(after))
    async with telling(store, channel) as (orchestrator, courier):
        await orchestrator.start(asking(1), run_id="r1")
        await courier.work_off()
        clock.advance("1799s")
        await courier.work_off()
        assert len(channel.tried) == 1
        clock.advance("1s")
        await courier.work_off()
    assert len(channel.tried) == 2


async def test_what_cannot_be_delivered_is_a_dead_letter_at_once(store: SharedStore, clock: TestClock) -> None:
    """It is listed with the reason, is sent again on demand, under the same id, and then listed no more."""
    channel = RecordingChannel()
    channel.during = raising(Undeliverable("no such address"))
    async with telling(store, channel) as (orchestrator, courier):
        await orchestrator.start(asking(1), run_id="r1")
        await courier.work_off()
        (letter,) = (await orchestrator.dead_letters()).items
        assert (letter.run_id, letter.channel, letter.error) == ("r1", "recording", "no such address")
        clock.advance("30d")
        await courier.work_off()
        assert len(channel.tried) == 1
        channel.during = None
        again = (await orchestrator.resend("r1", letter.key)).unwrap()
        await courier.work_off()
        assert (await orchestrator.dead_letters()).items == ()
        assert (await orchestrator.resend("r1", letter.key)).unwrap().sent_at is not None, "sent: left as it is"
    assert [d.id for d in channel.delivered] == [letter.id] == [again.id]


class Misgiving(RecordingChannel):
    """A channel that gives for a receipt what is none."""

    gives: object = None

    async def send(self, delivery: Delivery) -> Any:
        """Keep a delivery, and give that."""
        await super().send(delivery)
        return self.gives


@pytest.mark.parametrize(
    "given", [7, b"bytes", ["a text"], False, object()], ids=["number", "bytes", "list", "flag", "object"]
)
async def test_a_receipt_that_is_no_text_is_a_dead_letter_at_once(
    store: SharedStore, clock: TestClock, given: object
) -> None:
    """People were told, and are not told again; it is listed with what was wrong, and what comes after it is sent."""
    channel = Misgiving()
    channel.gives = given
    async with telling(store, channel) as (orchestrator, courier):
        await orchestrator.start(asking(1), run_id="r1")
        await courier.work_off()
        (letter,) = (await orchestrator.dead_letters()).items
        kind = type(given).__name__
        assert letter.error == f"the channel gave {kind} for a receipt, which is to be a text or None"
        clock.advance("20m")
        await courier.work_off()
        assert len(channel.tried) == 1
        channel.gives = "a text"
        (await orchestrator.approve("r1", "manager", by="ann")).unwrap()
        await courier.work_off()
        receipts = [notice.receipt for notice in await orchestrator.notices("r1")]
    assert receipts == [None, "a text"]
    assert [each.receipt for each in channel.delivered] == [None, None]


async def test_an_unknown_notice_is_not_sent_again(store: SharedStore) -> None:
    """The refusal names it."""
    async with telling(store, RecordingChannel()) as (orchestrator, _):
        await orchestrator.start(asking(1), run_id="r1")
        assert error_of(await orchestrator.resend("r1", "nothing")) == UnknownNotice("r1", "nothing")


async def test_what_fails_for_three_days_is_given_up(store: SharedStore, clock: TestClock) -> None:
    """It was tried all the time, and is a dead letter then; what comes after it goes its way."""
    channel = RecordingChannel()
    channel.during = raising(OSError("down"))
    async with telling(store, channel) as (orchestrator, courier):
        await orchestrator.start(asking_twice(1), run_id="r1")
        for _ in range(74):
            clock.advance("1h")
            await courier.work_off()
        letters = (await orchestrator.dead_letters(channel="recording")).items
        assert len(letters) == 2
        assert all(72 <= letter.attempts <= 74 for letter in letters)
        channel.during = None
        await orchestrator.approve("r1", key="first", by="mona")
        await courier.work_off()
    assert kinds(channel) == ["resolved"]


async def test_a_damaged_row_is_given_up_and_its_neighbours_are_sent(store: SharedStore) -> None:
    """Those of the same run too; it is listed as it is."""
    channel = RecordingChannel()
    async with telling(store, channel) as (orchestrator, courier):
        await orchestrator.start(asking_twice(1), run_id="r1")
        row = (await store.notices("r1"))[0]
        broken = evolve(row, version=row.version + 1, body="{broken")
        (await store.commit(Changes(move=Move.SEND, notices=(broken,)))).unwrap()
        await courier.work_off()
        (letter,) = (await orchestrator.dead_letters()).items
        assert (letter.key, letter.id, letter.kind) == (row.key, "", None)
        assert "does not decode" in letter.error
        assert len(await orchestrator.notices("r1")) == 1
    assert [d.approval.key for d in channel.delivered if d.approval] == ["second"]


async def test_a_run_deleted_while_a_notice_is_under_way_is_no_trouble(store: SharedStore, clock: TestClock) -> None:
    """Its notices are gone with it, and nothing is left to try."""
    channel = RecordingChannel()
    channel.during = pause = Pause()
    async with telling(store, channel) as (orchestrator, courier):
        await orchestrator.start(asking(1), run_id="r1")
        task = asyncio.create_task(courier.work_off())
        await pause.reached.wait()
        await orchestrator.cancel("r1", by="mona")
        clock.advance("1d")
        assert await orchestrator.cleanup(older_than="1h") == 1
        pause.released.set()
        await task
        clock.advance("1d")
        await courier.work_off()
        assert (await orchestrator.dead_letters()).items == ()
    assert [d.kind for d in channel.tried] == [NoticeKind.NEEDED]


async def test_decisions_do_not_wait_for_a_hanging_channel(store: SharedStore) -> None:
    """Twenty runs are decided while every send hangs; the channel then tells how they ended."""
    channel = RecordingChannel()
    channel.during = pause = Pause()
    async with telling(store, channel) as (orchestrator, courier), serving(courier):
        for number in range(20):
            await orchestrator.start(asking(number), run_id=f"r{number}")
        courier.look()
        await pause.reached.wait()
        for by in ("mona", "nora"):
            await asyncio.gather(*(orchestrator.approve(f"r{number}", by=by) for number in range(20)))
        assert channel.delivered == []
        assert [(await orchestrator.resume(f"r{n}")).result for n in range(20)] == [Ok(n) for n in range(20)]
        pause.released.set()
        courier.look()
        await channel.until(delivered=60)
    ends = {d.run_id: d.kind for d in channel.delivered}
    assert ends == {f"r{number}": NoticeKind.RESOLVED for number in range(20)}


async def test_a_notice_that_always_fails_does_not_slow_the_others(
    store: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its own waits; the channel does not rest for it."""
    monkeypatch.setattr("awaitly.notifying.courier._REST", (3600.0, 3600.0))
    channel = RecordingChannel()

    async def refuse_one() -> None:
        if channel.tried[-1].run_id == "bad":
            raise OSError("no")

    channel.during = refuse_one
    async with telling(store, channel) as (orchestrator, courier), serving(courier):
        await orchestrator.start(asking(0), run_id="bad")
        courier.look()
        await channel.until(tried=1)
        await orchestrator.start(asking(1), run_id="good")
        courier.look()
        await channel.until(delivered=1)
    assert [d.run_id for d in channel.delivered] == ["good"]


async def test_a_store_that_is_away_for_a_while_ends_no_courier(store: SharedStore) -> None:
    """It looks again when it is told to."""
    channel = RecordingChannel()
    async with telling(store, channel) as (orchestrator, courier), serving(courier):
        away = asyncio.Event()

        async def refuse() -> None:
            away.set()
            raise StoreUnavailable("away")

        store.failpoints.arm("send.before", refuse, hit=1)
        await orchestrator.start(asking(1), run_id="r1")
        courier.look()
        await away.wait()
        courier.look()
        await channel.until(delivered=1)
    assert kinds(channel) == ["needed"]


async def test_a_worker_delivers(store: SharedStore) -> None:
    """It hears of a notice as of everything else, and of what a decision brings."""
    channel = RecordingChannel()
    async with telling(store, channel) as (orchestrator, _), orchestrator.working():
        await orchestrator.start(asking(1), run_id="r1")
        await channel.until(delivered=1)
        await orchestrator.approve("r1", by="mona")
        await orchestrator.approve("r1", by="nora")
        await channel.until(delivered=3)
    assert kinds(channel) == ["needed", "changed", "resolved"]


def test_two_channels_of_one_name_are_refused() -> None:
    """Their notices could not be told apart; nor is a channel without a name one."""
    with pytest.raises(DefinitionError, match="two channels are called 'mail'"):
        named_channels([RecordingChannel("mail"), RecordingChannel("mail")])
    with pytest.raises(DefinitionError):
        named_channels([RecordingChannel("")])
