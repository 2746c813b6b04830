"""Signals: before, during and after the wait; by name and by key; too late; of the wrong type."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import frozen

from awaitly import (
    AlreadySent,
    DefinitionError,
    Err,
    InvalidPayload,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Result,
    Retry,
    Run,
    RunEnded,
    RunStatus,
    Sent,
    TimedOut,
    UnknownRun,
    Waiting,
    WaitKind,
    workflow,
)
from awaitly.storage.records import quarantined
from awaitly.storage.store import Changes, Move
from awaitly.testing import TestClock
from awaitly.verbs.messenger import Messenger
from tests.support import Effects, Refused, SharedStore, error_of


@frozen
class Payment:
    """What the signal brings."""

    amount: int


@workflow
async def paid(run: Run[Refused]) -> Result[str, Refused]:
    """Wait for a payment, for an hour."""
    match await run.wait_for("paid", Payment, timeout="1h"):
        case Ok(payment):
            return Ok(f"paid {payment.amount}")
        case Err(TimedOut()):
            return Ok("nobody paid")


@workflow
async def twice(run: Run[Refused]) -> Result[list[str], Refused]:
    """Wait twice for signals of one name, each for an hour."""
    return Ok([str(await run.wait_for("go", str, timeout="1h")) for _ in range(2)])


async def test_a_signal_ends_the_wait_that_the_run_is_parked_on(store: SharedStore) -> None:
    """It wakes the run; the value comes as the type that the workflow named."""
    async with Orchestrator(store, workflows=[paid]) as orchestrator:
        parked = await orchestrator.start(paid(), run_id="r")
        assert isinstance(error_of(parked.result), Waiting)
        assert error_of(parked.result).what is WaitKind.SIGNAL
        assert await orchestrator.signal("r", "paid", Payment(3)) == Ok(Sent("r", "paid"))
        assert [e.result for e in await orchestrator.recover()] == [Ok("paid 3")]


async def test_a_signal_from_before_the_wait_is_kept(store: SharedStore) -> None:
    """It wakes nobody who does not wait for it, and is there once somebody does."""

    @workflow
    async def flow(run: Run[Refused | NotApproved]) -> Result[str, Refused | NotApproved]:
        await run.approval("manager", proposes=1)
        return Ok(str(await run.wait_for("go", str)))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.signal("r", "go", "early")).unwrap()
        assert await orchestrator.recover() == ()
        execution = (await orchestrator.approve("r", by="ann", resume=flow)).unwrap()
        assert execution.result == Ok("<Success: early>")


async def test_a_signal_that_comes_while_the_run_executes_is_kept(store: SharedStore) -> None:
    """The run did not see it, parks, and is due at once."""

    async def send() -> Result[int, Refused]:
        async with Orchestrator(store) as sender:
            (await sender.signal("r", "go", "now")).unwrap()
        return Ok(1)

    @workflow
    async def flow(run: Run[Refused]) -> Result[str, Refused]:
        await run.step(send)
        return Ok(str(await run.wait_for("go", str)))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        assert [e.result for e in await orchestrator.recover()] == [Ok("<Success: now>")]


async def test_a_signal_after_the_time_is_kept_for_the_next_wait(store: SharedStore, clock: TestClock) -> None:
    """The first wait timed out for ever; the second takes what came since."""
    async with Orchestrator(store, workflows=[twice]) as orchestrator:
        await orchestrator.start(twice(), run_id="r")
        clock.advance("61m")
        await orchestrator.recover()
        (await orchestrator.signal("r", "go", "late")).unwrap()
        (execution,) = await orchestrator.recover()
        assert "in vain" in execution.result.unwrap()[0]
        assert execution.result.unwrap()[1] == "<Success: late>"


async def test_a_timeout_is_recorded_and_replayed(store: SharedStore, clock: TestClock, effects: Effects) -> None:
    """What comes after the timeout does not change that it was one, however often the code is gone over."""

    @workflow
    async def flow(run: Run[Refused | NotApproved]) -> Result[str, Refused | NotApproved]:
        answer = await run.wait_for("go", str, timeout="1h")
        await run.step(effects.do, str(type(answer).__name__))
        await run.approval("manager", proposes=1)
        return Ok(type(answer).__name__)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        clock.advance("61m")
        await orchestrator.recover()
        (await orchestrator.signal("r", "go", "late")).unwrap()
        await orchestrator.recover()
        execution = (await orchestrator.approve("r", by="ann", resume=flow)).unwrap()
        assert execution.result == Ok("Failure")
    assert effects.done == ["Failure"]


async def test_an_answer_that_is_there_when_the_time_is_up_wins(store: SharedStore, clock: TestClock) -> None:
    """Nobody looked between the answer and the end of the time: it is the answer that counts."""
    async with Orchestrator(store, workflows=[paid]) as orchestrator:
        await orchestrator.start(paid(), run_id="r")
        clock.advance("59m")
        (await orchestrator.signal("r", "paid", Payment(1))).unwrap()
        clock.advance("2h")
        assert [e.result for e in await orchestrator.recover()] == [Ok("paid 1")]


async def test_an_answer_that_came_while_the_run_was_being_claimed_wins(clock: TestClock) -> None:
    """The run was read before the answer came, and its code reached the wait after the time: it looks again."""
    late: list[bool] = []
    store = MemoryStore(clock=clock)

    @workflow
    async def flow(run: Run[Refused | NotApproved]) -> Result[str, Refused | NotApproved]:
        if late:
            late.clear()
            await Messenger(store).signal("r", "go", "just in time")
            clock.advance("61m")
        first, _ = await run.gather(run.wait_for("go", str, timeout="1h"), run.approval("manager", proposes=1))
        return Ok(str(first))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        await orchestrator.approve("r", by="ann")
        late.append(True)
        assert (await orchestrator.resume("r")).status is RunStatus.PARKED
        await orchestrator.recover()
        assert (await orchestrator.resume("r", flow)).result == Ok("<Success: just in time>")


async def test_a_payload_of_another_type_is_refused_to_the_sender(store: SharedStore) -> None:
    """Also by a process that has none of the code; the run waits on, and takes the next."""
    async with Orchestrator(store, workflows=[paid]) as orchestrator:
        await orchestrator.start(paid(), run_id="r")
        async with Orchestrator(store) as stranger:
            refusal = await stranger.signal("r", "paid", {"amount": "three"})
            assert isinstance(error_of(refusal), InvalidPayload)
            assert await orchestrator.recover() == ()
            (await stranger.signal("r", "paid", {"$type": "Payment", "amount": 3})).unwrap()
        assert [e.result for e in await orchestrator.recover()] == [Ok("paid 3")]


async def test_an_early_signal_that_does_not_decode_gives_its_slot_to_the_next(store: SharedStore) -> None:
    """It cannot be refused before anybody waits; once somebody does, it is left aside, and another may be sent."""

    @workflow
    async def flow(run: Run[Refused | NotApproved]) -> Result[str, Refused | NotApproved]:
        await run.approval("manager", proposes=1)
        return Ok(str(await run.wait_for("go", int)))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.signal("r", "go", "no number")).unwrap()
        (await orchestrator.approve("r", by="ann", resume=flow)).unwrap()
        assert await orchestrator.recover() == ()
        (await orchestrator.signal("r", "go", 4)).unwrap()
        assert [e.result for e in await orchestrator.recover()] == [Ok("<Success: 4>")]


@frozen
class Even:
    """A number that must be even: more than its schema says."""

    number: int

    def __attrs_post_init__(self) -> None:
        """Refuse odd ones."""
        if self.number % 2:
            raise ValueError(self.number)


async def test_what_only_the_type_itself_refuses_gives_its_slot_away_too(store: SharedStore) -> None:
    """The schema lets it pass, the class does not: the run looked at it and waits on, so the sender may send again."""

    @workflow
    async def flow(run: Run[Refused]) -> Result[str, Refused]:
        return Ok(str(await run.wait_for("go", Even)))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.signal("r", "go", {"$type": "Even", "number": 3})).unwrap()
        await orchestrator.recover()
        (await orchestrator.signal("r", "go", {"$type": "Even", "number": 4})).unwrap()
        (execution,) = await orchestrator.recover()
        assert execution.result == Ok("<Success: Even(number=4)>")


async def test_a_signal_that_one_of_several_waits_can_read_is_taken(store: SharedStore) -> None:
    """Two branches wait for one name with other types: each takes what it can read."""

    @workflow
    async def flow(run: Run[Refused]) -> Result[str, Refused]:
        both = await run.gather(run.wait_for("go", int), run.wait_for("go", str))
        return Ok(str(both))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.signal("r", "go", "text", key="a")).unwrap()
        await orchestrator.recover()
        (await orchestrator.signal("r", "go", 1, key="b")).unwrap()
        (execution,) = await orchestrator.recover()
        assert execution.result == Ok("(<Success: 1>, <Success: text>)")


async def test_signals_of_one_name_are_taken_in_the_order_of_their_arrival(store: SharedStore) -> None:
    """Each wait takes one; their keys tell them apart and do not order them, nor does a clock that stands still."""

    @workflow
    async def flow(run: Run[Refused | NotApproved]) -> Result[list[str], Refused | NotApproved]:
        await run.approval("manager", proposes=1)
        return Ok([str((await run.wait_for("go", str)).unwrap()) for _ in range(3)])

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        for key in ("c", "a", "b"):
            (await orchestrator.signal("r", "go", key, key=key)).unwrap()
        execution = (await orchestrator.approve("r", by="ann", resume=flow)).unwrap()
        assert execution.result == Ok(["c", "a", "b"])


async def test_the_same_signal_again_is_a_replay_and_another_is_refused(store: SharedStore) -> None:
    """The first under a name and a key stays, also once it was taken and once the run is over."""
    async with Orchestrator(store, workflows=[paid]) as orchestrator:
        await orchestrator.start(paid(), run_id="r")
        (await orchestrator.signal("r", "paid", Payment(1), by="bank")).unwrap()
        assert await orchestrator.signal("r", "paid", Payment(1)) == Ok(Sent("r", "paid", replayed=True))
        other = error_of(await orchestrator.signal("r", "paid", Payment(2)))
        assert isinstance(other, AlreadySent)
        assert other.by == "bank"
        await orchestrator.recover()
        assert await orchestrator.signal("r", "paid", Payment(1)) == Ok(Sent("r", "paid", replayed=True))
        assert isinstance(error_of(await orchestrator.signal("r", "paid", Payment(2), key="2")), RunEnded)
        assert isinstance(error_of(await orchestrator.signal("other", "paid", Payment(2))), UnknownRun)
        assert await orchestrator.recover() == ()


async def test_a_signal_for_a_run_that_was_set_aside_is_kept_and_calls_nobody(store: SharedStore) -> None:
    """A person must look at it first; then it goes on with what came."""
    async with Orchestrator(store, workflows=[paid]) as orchestrator:
        await orchestrator.start(paid(), run_id="r")
        row = (await store.load("r")).run
        assert row is not None
        aside = quarantined(row, "a test", await store.now())
        (await store.commit(Changes(move=Move.REVIEW, runs=(aside,)))).unwrap()
        (await orchestrator.signal("r", "paid", Payment(5))).unwrap()
        assert await orchestrator.recover() == ()
        assert (await orchestrator.retry("r", paid)).result == Ok("paid 5")


async def test_a_signal_does_not_begin_a_run_before_its_time(store: SharedStore, clock: TestClock) -> None:
    """One that was enqueued for tomorrow begins tomorrow, and has the signal then."""
    async with Orchestrator(store, workflows=[paid]) as orchestrator:
        (await orchestrator.enqueue(paid(), run_id="r", at=clock() + timedelta(days=1))).unwrap()
        (await orchestrator.signal("r", "paid", Payment(5))).unwrap()
        assert await orchestrator.recover() == ()
        clock.advance("1d")
        assert [e.result for e in await orchestrator.recover()] == [Ok("paid 5")]


async def test_a_signal_does_not_hasten_the_next_try_of_a_run(store: SharedStore, clock: TestClock) -> None:
    """One that came while the run executed, or since it failed, is there at the next try and not before."""
    tries: list[int] = []

    async def send() -> Result[int, Refused]:
        (await Messenger(store).signal("r", "go", "text")).unwrap()
        return Ok(1)

    @workflow(retry=Retry(attempts=2, base="1h", jitter=False, on=Refused))
    async def flow(run: Run[Refused]) -> Result[str, Refused]:
        await run.step(send)
        tries.append(1)
        return Err(Refused("first")) if len(tries) == 1 else Ok(str(await run.wait_for("go", str)))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.signal("r", "other", "text")).unwrap()
        await orchestrator.recover()
        assert await orchestrator.recover() == ()
        assert len(tries) == 1
        clock.advance("61m")
        assert [e.result for e in await orchestrator.recover()] == [Ok("<Success: text>")]


async def test_a_signal_that_nobody_took_does_not_keep_an_ended_run_due(store: SharedStore) -> None:
    """It came while the run executed, which then ended without it: nobody need look again."""

    async def send() -> Result[int, Refused]:
        async with Orchestrator(store) as sender:
            (await sender.signal("r", "go", "now")).unwrap()
        return Ok(1)

    @workflow
    async def flow(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(await run.step(send))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        await orchestrator.recover()
        assert await store.due(await store.now(), 10) == ()


async def test_a_name_or_key_that_no_store_keeps_is_refused(store: SharedStore) -> None:
    """Both are 1 to 200 printable characters; a key may be left out."""
    async with Orchestrator(store, workflows=[paid]) as orchestrator:
        await orchestrator.start(paid(), run_id="r")
        with pytest.raises(DefinitionError):
            await orchestrator.signal("r", "x" * 201)
        with pytest.raises(DefinitionError):
            await orchestrator.signal("r", "paid", Payment(1), key="x" * 201)


@pytest.mark.parametrize("run_id", ["r\0", "r\ud800", "\n"])
async def test_an_id_that_no_run_can_have_is_unknown(each_store: SharedStore, run_id: str) -> None:
    """Also one that a store cannot even be asked for."""
    async with Orchestrator(each_store) as orchestrator:
        assert error_of(await orchestrator.signal(run_id, "paid", 1)) == UnknownRun(run_id)


@pytest.mark.parametrize("early", [True, False])
async def test_what_nests_deeper_than_any_run_reads_is_refused(store: SharedStore, *, early: bool) -> None:
    """However the run names the type: what would be left aside for ever is never kept."""

    @workflow
    async def flow(run: Run[Refused]) -> Result[str, Refused]:
        await run.wait_for("go", str)
        return Ok(str(await run.wait_for("deep", object)))

    def nested(depth: int) -> list[object]:
        value: list[object] = []
        for _ in range(depth - 1):
            value = [value]
        return value

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        if not early:
            (await orchestrator.signal("r", "go", "x")).unwrap()
            await orchestrator.resume("r")
        assert isinstance(error_of(await orchestrator.signal("r", "deep", nested(65))), InvalidPayload)
        (await orchestrator.signal("r", "deep", nested(64))).unwrap()
        (await orchestrator.signal("r", "go", "x")).unwrap()
        assert (await orchestrator.resume("r")).status is RunStatus.COMPLETED


@pytest.mark.parametrize("text", ["a", "YQ=", "YR==", "YWI", "YWJ=", "Y-Q="])
async def test_bytes_that_are_none_are_refused(store: SharedStore, text: str) -> None:
    """The stored schema is as strict about their text as the run that reads it."""

    @workflow
    async def flow(run: Run[Refused]) -> Result[bytes, Refused]:
        match await run.wait_for("bytes", bytes):
            case Ok(content):
                return Ok(content)
            case Err(_):
                return Err(Refused("late"))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        assert isinstance(error_of(await orchestrator.signal("r", "bytes", text)), InvalidPayload)
        (await orchestrator.signal("r", "bytes", b"ab")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(b"ab")


async def test_a_branch_may_wait_for_one_name_again_and_again(store: SharedStore) -> None:
    """Its calls are numbered as those of the workflow itself are; another branch beside it may not use the name."""

    async def three(run: Run[Refused]) -> list[int]:
        return [(await run.wait_for("paid", int)).unwrap() for _ in range(3)]

    @workflow
    async def flow(run: Run[Refused]) -> Result[list[int], Refused]:
        paid, _ = await run.gather(three(run), run.sleep("1ms"))
        return Ok(paid)

    @workflow
    async def clash(run: Run[Refused]) -> Result[int, Refused]:
        return Ok(len(await run.gather(three(run), three(run))))

    async with Orchestrator(store, workflows=[flow, clash]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        for number in (1, 2, 3):
            await orchestrator.signal("r", "paid", number, key=str(number))
            execution = await orchestrator.resume("r")
        assert execution.result == Ok([1, 2, 3])
        refused = (await orchestrator.start(clash())).result.failure()
        assert "used twice" in str(refused)
