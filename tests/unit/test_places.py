"""Notices that go to several places: each is told, retried, given up and kept up to date for itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from awaitly import (
    Changes,
    Delivery,
    Move,
    NotApproved,
    Notice,
    Ok,
    Orchestrator,
    Result,
    RetryLater,
    Run,
    StoreUnavailable,
    Undeliverable,
    workflow,
)
from awaitly.notifying.courier import Courier, named_channels
from awaitly.storage.records import row_of_notice
from awaitly.testing import Pause, RecordingChannel, TestClock, raising
from tests.support import SharedStore
from tests.unit.couriers import POLICY, serving


@workflow
async def asking(run: Run[NotApproved]) -> Result[int, NotApproved]:
    """Ask two people."""
    return Ok(await run.approval("manager", proposes=1, policy=POLICY))


class Rooms(RecordingChannel):
    """Tells in `rooms`; those that are `away` raise something, and those that are `stuck` give no answer."""

    def __init__(self, *rooms: str) -> None:
        super().__init__("rooms")
        self.rooms: list[str] = list(rooms)
        self.away: dict[str | None, Exception] = {}
        self.stuck: dict[str | None, Pause] = {}
        self.asked: list[Delivery] = []

    async def places_for(self, delivery: Delivery) -> Iterable[str]:
        """Name the rooms, unless it is not to be had where they are."""
        self.asked.append(delivery)
        if None in self.away:
            raise self.away[None]
        return self.rooms

    async def send(self, delivery: Delivery) -> str | None:
        """Keep a delivery, and give a receipt for each."""
        if delivery.place in self.away:
            raise self.away[delivery.place]
        if delivery.place in self.stuck:
            await self.stuck[delivery.place]()
        await super().send(delivery)
        return f"{delivery.place} has {delivery.id}"

    def heard(self, room: str) -> list[str]:
        """Give the kinds of what was delivered in a room."""
        return [each.kind.value for each in self.delivered if each.place == room]


@asynccontextmanager
async def telling(store: SharedStore, channel: Rooms) -> AsyncGenerator[tuple[Orchestrator, Courier]]:
    """Open an orchestrator that tells in rooms, with a run that asks, and a courier of its own."""
    async with Orchestrator(store, workflows=[asking], channels=[channel]) as orchestrator:
        await orchestrator.start(asking(), run_id="r1")
        yield orchestrator, Courier(store, named_channels([channel]))


async def decided(orchestrator: Orchestrator) -> None:
    """Let both approve."""
    for by in ("mona", "nora"):
        (await orchestrator.approve("r1", by=by)).unwrap()


async def ended(orchestrator: Orchestrator, courier: Courier, clock: TestClock) -> tuple[Notice, ...]:
    """Let time pass until nothing is to be sent any more."""
    while any(notice.open for notice in await orchestrator.notices("r1")):
        clock.advance("10m")
        await courier.work_off()
    return await orchestrator.notices("r1")


async def test_each_place_is_told_with_its_own_receipt(each_store: SharedStore) -> None:
    """One notice, one id, and in each place one message that is updated."""
    channel = Rooms("A", "B")
    async with telling(each_store, channel) as (orchestrator, courier):
        await courier.work_off()
        await decided(orchestrator)
        await courier.work_off()
        notices = await orchestrator.notices("r1")
    first = notices[0].id
    for room in ("A", "B"):
        assert channel.heard(room) == ["needed", "changed", "resolved"]
        needed, changed, _ = (each for each in channel.delivered if each.place == room)
        assert (needed.id, needed.receipt) == (first, None)
        assert changed.receipt == f"{room} has {first}"
    assert [(n.key, n.place) for n in notices[:2]] == [("000000001 rooms", "A"), ("000000001.1 rooms", "B")]
    assert len({n.id for n in notices}) == 3


@pytest.mark.parametrize("rooms", ["A", "AB", "ABCDE"])
async def test_places_cost_no_commit_of_their_own(each_store: SharedStore, rooms: str) -> None:
    """Two for each place: one that takes it, in which the first names the others, and one that notes it."""
    async with telling(each_store, Rooms(*rooms)) as (_, courier):
        each_store.reset()
        await courier.work_off()
        assert each_store.written == 2 * len(rooms)


async def test_whoever_was_told_is_not_told_again(each_store: SharedStore, clock: TestClock) -> None:
    """By no other process either: it tries the place that failed, and no other."""
    channel, fresh = Rooms("A", "B", "C"), Rooms("A", "B", "C")
    channel.away["B"] = OSError("no route")
    async with telling(each_store, channel) as (orchestrator, courier):
        await courier.work_off()
        assert [each.place for each in channel.delivered] == ["A", "C"]
        clock.advance("10m")
        await Courier(each_store, named_channels([fresh])).work_off()
        assert not any(notice.open for notice in await orchestrator.notices("r1"))
    assert [each.place for each in fresh.delivered] == ["B"]
    assert {each.id for each in (*channel.delivered, *fresh.delivered)} == {fresh.delivered[0].id}


@pytest.mark.parametrize(("point", "hit", "times"), [("sent.before", 1, "AAB"), ("send.after", 1, "AB")])
async def test_a_crash_repeats_no_place_but_the_one_under_way(
    each_store: SharedStore, clock: TestClock, point: str, hit: int, times: str
) -> None:
    """What the other places were, or are to be, told stands as it did."""
    channel = Rooms("A", "B")
    async with telling(each_store, channel) as (orchestrator, courier):
        each_store.failpoints.arm(point, raising(StoreUnavailable("died")), hit=hit)
        with pytest.raises(StoreUnavailable):
            await courier.work_off()
        await courier.work_off()
        assert "B" in [each.place for each in channel.delivered], "it does not wait for the one that died"
        clock.advance("60s")
        await courier.work_off()
        assert not any(notice.open for notice in await orchestrator.notices("r1"))
    assert "".join(sorted(each.place or "" for each in channel.delivered)) == times
    assert len({each.id for each in channel.delivered}) == 1


async def test_a_decision_reaches_a_place_although_another_fails(each_store: SharedStore, clock: TestClock) -> None:
    """At once; the other is told of all that it missed once it works, in order."""
    channel = Rooms("A", "B")
    channel.away["B"] = OSError("no route")
    async with telling(each_store, channel) as (orchestrator, courier):
        await courier.work_off()
        await decided(orchestrator)
        await courier.work_off()
        assert channel.heard("A") == ["needed", "changed", "resolved"]
        assert channel.delivered[-1].receipt is not None
        channel.away.clear()
        await ended(orchestrator, courier, clock)
    assert channel.heard("B") == ["needed", "changed", "resolved"]
    assert len(channel.delivered) == 6


async def test_a_place_that_fails_for_a_day_catches_up_in_order(each_store: SharedStore, clock: TestClock) -> None:
    """While the other hears of each reminder, vote and escalation when it comes; each place of each once."""
    channel = Rooms("B", "A")
    channel.away["B"] = OSError("no route")
    async with telling(each_store, channel) as (orchestrator, courier):
        for hour in range(24):
            clock.advance("1h")
            await orchestrator.recover()
            if hour == 12:
                await orchestrator.approve("r1", by="mona")
            await courier.work_off()
            told = [notice for notice in await orchestrator.notices("r1") if notice.place == "A"]
            assert not any(notice.open for notice in told)
        assert channel.heard("B") == []
        channel.away.clear()
        written = [notice.kind.value for notice in await ended(orchestrator, courier, clock) if notice.place == "A"]
    assert channel.heard("A") == channel.heard("B") == written
    assert {"needed", "reminder", "escalated", "changed"} == set(written)


async def test_a_dead_letter_names_its_place_and_goes_there_alone(each_store: SharedStore, clock: TestClock) -> None:
    """The place beside it hears of everything, and of nothing twice."""
    channel = Rooms("A", "B")
    channel.away["B"] = Undeliverable("no such room")
    async with telling(each_store, channel) as (orchestrator, courier):
        await courier.work_off()
        (letter,) = (await orchestrator.dead_letters()).items
        assert (letter.place, letter.error, letter.channel) == ("B", "no such room", "rooms")
        await decided(orchestrator)
        await courier.work_off()
        assert channel.heard("A") == ["needed", "changed", "resolved"]
        assert [each.place for each in (await orchestrator.dead_letters()).items] == ["B"] * 3
        channel.away.clear()
        again = (await orchestrator.resend("r1", letter.key)).unwrap()
        assert (again.place, again.open) == ("B", True)
        await courier.work_off()
        assert len((await orchestrator.dead_letters()).items) == 2
    assert (channel.delivered[-1].place, channel.delivered[-1].id) == ("B", letter.id)
    assert len(channel.delivered) == 4


async def test_what_fails_for_three_days_is_given_up_in_that_place(each_store: SharedStore, clock: TestClock) -> None:
    """And nowhere else; each place is asked for its own time."""
    channel = Rooms("A", "B", "C")
    channel.away = {"B": OSError("no route"), "C": RetryLater(timedelta(hours=20))}
    async with telling(each_store, channel) as (orchestrator, courier):
        for _ in range(74):
            clock.advance("1h")
            await courier.work_off()
        tries = {notice.place: (notice.attempts, notice.dead) for notice in await orchestrator.notices("r1")}
    assert tries["A"] == (1, False)
    assert tries["B"][1]
    assert tries["B"][0] > 60
    assert tries["C"] == (4, False)


async def test_a_place_that_is_named_later_begins_there(each_store: SharedStore) -> None:
    """It waits for nothing that others were to be told before, and channels hear who was told."""
    channel = Rooms("A", "B")
    channel.away["A"] = OSError("no route")
    async with telling(each_store, channel) as (orchestrator, courier):
        await courier.work_off()
        channel.rooms = ["A", "C"]
        await orchestrator.approve("r1", by="mona")
        await courier.work_off()
    assert channel.heard("C") == ["changed"]
    assert [each.told for each in channel.asked] == [(), ("A", "B")]


async def test_where_it_goes_is_asked_once(each_store: SharedStore, clock: TestClock) -> None:
    """The places of a notice stay, whatever the channel would name by then."""
    channel = Rooms("A", "B")
    channel.away["B"] = OSError("no route")
    async with telling(each_store, channel) as (orchestrator, courier):
        await courier.work_off()
        channel.rooms = ["C"]
        channel.away.clear()
        await ended(orchestrator, courier, clock)
    assert [each.place for each in channel.delivered] == ["A", "B"]
    assert len(channel.asked) == 1


async def test_what_cannot_be_asked_holds_up_the_rest_and_is_asked_again(
    each_store: SharedStore, clock: TestClock
) -> None:
    """Nobody knows yet where it goes, so nothing later about the same may overtake it anywhere."""
    channel = Rooms("A", "B")
    channel.away[None] = OSError("the directory is down")
    async with telling(each_store, channel) as (orchestrator, courier):
        await courier.work_off()
        (notice,) = await orchestrator.notices("r1")
        assert (notice.attempts, notice.error) == (1, "OSError('the directory is down')")
        await decided(orchestrator)
        await courier.work_off()
        assert channel.delivered == []
        channel.away.clear()
        await ended(orchestrator, courier, clock)
    for room in ("A", "B"):
        assert channel.heard(room) == ["needed", "changed", "resolved"]


async def test_what_goes_nowhere_is_a_dead_letter_as_a_whole(each_store: SharedStore) -> None:
    """Sent again, it goes wherever the channel knows to by then."""
    channel = Rooms("A", "B")
    channel.away[None] = Undeliverable("nobody is known")
    async with telling(each_store, channel) as (orchestrator, courier):
        await courier.work_off()
        (letter,) = (await orchestrator.dead_letters()).items
        assert (letter.place, letter.error) == (None, "nobody is known")
        channel.away.clear()
        await orchestrator.resend("r1", letter.key)
        await courier.work_off()
        assert (await orchestrator.dead_letters()).items == ()
    assert [(each.place, each.id) for each in channel.delivered] == [("A", letter.id), ("B", letter.id)]


async def test_a_notice_for_no_place_counts_as_sent(each_store: SharedStore) -> None:
    """The channel has said that nobody is to be told."""
    channel = Rooms()
    async with telling(each_store, channel) as (orchestrator, courier):
        await courier.work_off()
        (notice,) = await orchestrator.notices("r1")
    assert (notice.open, notice.dead, notice.sent_at is not None, channel.tried) == (False, False, True, [])


@pytest.mark.parametrize("names", [[None, "B"], [12345, "B"], [b"A", "B"], "AB"])
async def test_what_names_no_places_is_as_an_error_of_the_channel(
    each_store: SharedStore, clock: TestClock, names: Any
) -> None:
    """Nobody is told by a name that could not be read back; once there are names, all are."""
    channel = Rooms()
    channel.rooms = names
    async with telling(each_store, channel) as (orchestrator, courier):
        await courier.work_off()
        (notice,) = await orchestrator.notices("r1")
        assert (notice.open, notice.attempts, notice.place, channel.delivered) == (True, 1, None, [])
        assert "places are named by texts" in (notice.error or "")
        channel.rooms = ["A", "B"]
        await ended(orchestrator, courier, clock)
    assert [each.place for each in channel.delivered] == ["A", "B"]


async def test_a_place_that_is_named_twice_is_told_once(each_store: SharedStore) -> None:
    """Whatever its name is."""
    odd = "\u202e two\nlines \ud800" + "x" * 5_000
    channel = Rooms("A", odd, "A", odd)
    async with telling(each_store, channel) as (_, courier):
        await courier.work_off()
    assert [each.place for each in channel.delivered] == ["A", odd]


async def test_many_couriers_at_once_tell_each_place_once(each_store: SharedStore) -> None:
    """Of those that see it due at the same time one names its places."""
    channel = Rooms("A", "B", "C")
    async with telling(each_store, channel) as (orchestrator, courier):
        others = [Courier(each_store, named_channels([channel])) for _ in range(4)]
        await asyncio.gather(*(each.work_off() for each in (courier, *others)))
        assert len(await orchestrator.notices("r1")) == 3
    assert sorted(each.place or "" for each in channel.delivered) == ["A", "B", "C"]


async def test_a_place_that_hangs_does_not_hold_up_another(
    each_store: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of two takes a notice and gives no answer: the other hears of that, and of the decision."""
    monkeypatch.setattr("awaitly.notifying.courier.PATIENCE", timedelta(hours=1))
    monkeypatch.setattr("awaitly.notifying.courier._HASTE", 0.01)
    channel = Rooms("A", "B")
    channel.stuck["A"] = pause = Pause()
    async with telling(each_store, channel) as (orchestrator, courier), serving(courier):
        courier.look()
        await channel.until(delivered=1)
        await decided(orchestrator)
        courier.look()
        await channel.until(delivered=3)
        assert channel.heard("B") == ["needed", "changed", "resolved"]
        assert pause.reached.is_set()
        pause.released.set()
        await channel.until(delivered=6)
    assert channel.heard("A") == channel.heard("B")


async def test_a_queue_behind_a_place_that_hangs_holds_up_nobody(
    each_store: SharedStore, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it is: more is due there, for longer, than a courier looks at at a time."""
    monkeypatch.setattr("awaitly.notifying.courier.PATIENCE", timedelta(hours=1))
    monkeypatch.setattr("awaitly.notifying.courier._HASTE", 0.01)
    channel = Rooms("A")
    channel.away["A"] = RetryLater(timedelta(seconds=1))
    async with telling(each_store, channel) as (orchestrator, courier):
        for number in range(40):
            (await orchestrator.comment("r1", text=f"remark {number}", by="mona")).unwrap()
        await courier.work_off()
        channel.away.clear()
        channel.stuck["A"] = pause = Pause()
        clock.advance("10m")
        async with serving(courier):
            courier.look()
            await pause.reached.wait()
            channel.rooms = ["B"]
            await decided(orchestrator)
            courier.look()
            await channel.until(delivered=2)
            assert channel.heard("B") == ["changed", "resolved"]
            pause.released.set()
            await channel.until(delivered=43)
    assert channel.heard("A") == ["needed", *["changed"] * 40]


async def test_what_is_put_off_as_it_need_not_be_any_more_goes_at_once(each_store: SharedStore) -> None:
    """Another courier puts a vote off because the question is being sent, and writes that after it was."""
    channel = Rooms("A")
    channel.stuck["A"] = sending = Pause()
    async with telling(each_store, channel) as (orchestrator, courier):
        first = asyncio.create_task(courier.work_off())
        await sending.reached.wait()
        await orchestrator.approve("r1", by="mona")
        each_store.failpoints.arm("send.before", writing := Pause(), hit=1)
        each_store.failpoints.arm("sent.after", raising(StoreUnavailable("died once it was noted")), hit=1)
        second = asyncio.create_task(Courier(each_store, named_channels([channel])).work_off())
        await writing.reached.wait()
        sending.released.set()
        with pytest.raises(StoreUnavailable):
            await first
        writing.released.set()
        await second
        await courier.work_off()
    assert channel.heard("A") == ["needed", "changed"]


async def test_a_courier_that_ends_leaves_no_send_behind(
    each_store: SharedStore, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that hangs is given up with it, and somebody else sends that."""
    monkeypatch.setattr("awaitly.notifying.courier._HASTE", 0.01)
    channel, noted = Rooms("A", "B"), asyncio.Event()
    channel.stuck["A"] = Pause()

    async def note() -> None:
        noted.set()

    each_store.failpoints.arm("sent.after", note)
    async with telling(each_store, channel) as (orchestrator, courier):
        before = asyncio.all_tasks()
        async with serving(courier):
            courier.look()
            await noted.wait()
        assert asyncio.all_tasks() == before
        channel.stuck.clear()
        await ended(orchestrator, courier, clock)
    assert [each.place for each in channel.delivered] == ["B", "A"]


async def test_a_message_from_before_there_were_places_is_updated(each_store: SharedStore) -> None:
    """The receipt of the whole channel goes along, for each place to find its own in it, until it has one."""
    channel = Rooms("A", "B")
    async with telling(each_store, channel) as (orchestrator, courier):
        (notice,) = await orchestrator.notices("r1")
        sent = evolve(notice, version=2, due_at=None, sent_at=notice.at, receipt="A:1 B:2")
        (await each_store.commit(Changes(move=Move.SENT, notices=(row_of_notice(sent),)))).unwrap()
        await decided(orchestrator)
        await courier.work_off()
    assert [each.receipt for each in channel.asked] == ["A:1 B:2"] * 2
    for room in ("A", "B"):
        changed, resolved = (each for each in channel.delivered if each.place == room)
        assert (changed.receipt, resolved.receipt) == ("A:1 B:2", f"{room} has {changed.id}")
