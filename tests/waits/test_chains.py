"""Chains of stages through all of the engine: crashes, forks, the doctor, versions, branches, code that wavers."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeAlias

import pytest

from awaitly import (
    Actor,
    ApprovalExpired,
    ApprovalRejected,
    ApprovalStatus,
    Ask,
    DefinitionError,
    Err,
    Escalation,
    Expired,
    NotApproved,
    NotAuthorised,
    Ok,
    OnReject,
    Orchestrator,
    Policy,
    Progress,
    Result,
    Rule,
    Run,
    RunStatus,
    SelfApproval,
    Snapshot,
    Stage,
    StoreUnavailable,
    UnexpectedError,
    Verdict,
    WorkflowChanged,
    execute,
    workflow,
)
from awaitly.errors import AlreadyDecided, ReauthenticationNeeded
from awaitly.testing import TestClock
from tests.support import Effects, FlowError, SharedStore, error_of, waiting

Code: TypeAlias = Callable[[Run[FlowError], int], Awaitable[Result[int, FlowError]]]

MANAGER, FINANCE, BOARD = "x.manager", "x.finance", "x.board"
STAGES = (
    Stage[int]("manager"),
    Stage[int]("finance", when=lambda amount: amount > 100),
    Stage[int]("board", when=lambda amount: amount > 1_000, policy=Policy(needs=2)),
)


@workflow
async def flow(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
    """Ask one stage after the other."""
    return Ok(await run.chain("x", *STAGES, proposes=amount))


async def told(orchestrator: Orchestrator, chain: str = "x", run_id: str = "r") -> Progress:
    """Give how far a chain has come."""
    return (await orchestrator.progress(run_id, chain)).unwrap()


def states(progress: Progress) -> list[str]:
    """Name the state of each stage."""
    return [stage.state.value for stage in progress.stages]


async def pending(orchestrator: Orchestrator) -> list[str]:
    """Name what waits."""
    return [each.key for each in (await orchestrator.pending()).items]


# From stage to stage


async def test_each_stage_is_asked_on_what_the_one_before_has_left(store: SharedStore) -> None:
    """What it skips was skipped by the edited amount; the value is what the last has left."""
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(5_000), run_id="r")
        assert waiting(execution.result).key == MANAGER
        assert states(await told(orchestrator)) == ["waiting", "remaining", "remaining"]
        execution = (await orchestrator.edit("r", MANAGER, 500, by="mona", resume=flow)).unwrap()
        asked = waiting(execution.result)
        assert (asked.key, asked.arguments) == (FINANCE, 500)
        assert states(await told(orchestrator)) == ["completed", "waiting", "skipped"]
        execution = (await orchestrator.edit("r", FINANCE, 400, by="fay", resume=flow)).unwrap()
        assert execution.result == Ok(400)
        assert states(await told(orchestrator)) == ["completed", "completed", "skipped"]


async def test_progress_is_exact_while_the_clock_stands_still(store: SharedStore) -> None:
    """Stages that were asked at one moment are told apart by where the code asked them, not by their names."""
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(5_000), run_id="r")
        seen = [states(await told(orchestrator))]
        for key, people in ((MANAGER, ["mona"]), (FINANCE, ["fay"]), (BOARD, ["bea", "ben"])):
            for person in people:
                await orchestrator.approve("r", key, by=person)
            await orchestrator.resume("r")
            seen.append(states(await told(orchestrator)))
    assert seen == [
        ["waiting", "remaining", "remaining"],
        ["completed", "waiting", "remaining"],
        ["completed", "completed", "waiting"],
        ["completed", "completed", "completed"],
    ]


async def test_a_stage_that_waits_says_for_whom(store: SharedStore) -> None:
    """By names and roles; nobody in particular where anyone may."""

    @workflow
    async def named(run: Run[FlowError]) -> Result[int, FlowError]:
        people = Policy(approvers=["ann", "role:boss"])
        return Ok(await run.chain("x", Stage("a", policy=people), Stage("b"), proposes=1))

    async with Orchestrator(store, workflows=[named]) as orchestrator:
        await orchestrator.start(named(), run_id="r")
        first = (await told(orchestrator)).waiting
        assert first is not None
        assert (first.name, first.waits_for) == ("a", ("ann", "role:boss"))
        await orchestrator.approve("r", by="ann", resume=named)
        second = (await told(orchestrator)).waiting
        assert second is not None
        assert (second.name, second.waits_for) == ("b", ())


async def test_a_chain_that_skips_every_stage_gives_what_was_proposed(store: SharedStore) -> None:
    """Nobody is asked, and there is no such chain to tell of."""

    @workflow
    async def none(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        return Ok(await run.chain("x", *STAGES[1:], proposes=amount))

    async with Orchestrator(store, workflows=[none]) as orchestrator:
        assert (await orchestrator.start(none(7), run_id="r")).result == Ok(7)
        assert str((await orchestrator.progress("r", "x")).failure()).startswith("no approval 'x'")


@pytest.mark.parametrize("way", ["reject", "expire"])
async def test_a_stage_that_is_not_granted_ends_the_chain(store: SharedStore, clock: TestClock, way: str) -> None:
    """With the stage's key in the error; what was granted before stays so."""

    @workflow
    async def timed(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        return Ok(await run.chain("x", *STAGES, proposes=amount, policy=Policy(expires_in="1h")))

    async with Orchestrator(store, workflows=[timed]) as orchestrator:
        await orchestrator.start(timed(500), run_id="r")
        await orchestrator.approve("r", by="mona", resume=timed)
        if way == "reject":
            await orchestrator.reject("r", FINANCE, "no money", by="fay")
        else:
            clock.advance("1h")
        failed = error_of((await orchestrator.resume("r")).result)
        assert isinstance(failed, ApprovalRejected if way == "reject" else ApprovalExpired)
        assert failed.key == FINANCE
        assert states(await told(orchestrator)) == ["completed", "ended", "skipped"]


# Back


@workflow
async def looping(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
    """Go back where a later stage rejects."""
    stages = [Stage[int](name, on_reject=OnReject.BACK) for name in ("a", "b", "c")]
    return Ok(await run.chain("x", *stages, proposes=amount))


async def test_a_rejection_leads_back_to_the_stage_before(store: SharedStore) -> None:
    """It is asked anew on the content as it stands, and the chain goes on from there."""
    async with Orchestrator(store, workflows=[looping]) as orchestrator:
        await orchestrator.start(looping(5), run_id="r")
        await orchestrator.edit("r", "x.a", 6, by="ann", resume=looping)
        execution = (await orchestrator.reject("r", "x.b", "think again", by="bob", resume=looping)).unwrap()
        asked = waiting(execution.result)
        assert (asked.key, asked.arguments) == ("x.a#2", 6)
        progress = await told(orchestrator)
        assert states(progress) == ["waiting", "again", "remaining"]
        assert progress.remaining == ("b", "c")
        await orchestrator.edit("r", "x.a#2", 7, by="ann", resume=looping)
        execution = (await orchestrator.approve("r", "x.b#2", by="bob", resume=looping)).unwrap()
        assert waiting(execution.result).key == "x.c"
        assert (await orchestrator.approve("r", "x.c", by="cleo", resume=looping)).unwrap().result == Ok(7)
        assert states(await told(orchestrator)) == ["completed"] * 3


async def test_the_first_stage_has_none_before_it(store: SharedStore) -> None:
    """Its rejection ends the chain, also after the chain has come back to it."""
    async with Orchestrator(store, workflows=[looping]) as orchestrator:
        await orchestrator.start(looping(5), run_id="r")
        await orchestrator.approve("r", "x.a", by="ann", resume=looping)
        await orchestrator.reject("r", "x.b", by="bob", resume=looping)
        execution = (await orchestrator.reject("r", "x.a#2", "never", by="ann", resume=looping)).unwrap()
        failed = error_of(execution.result)
        assert isinstance(failed, ApprovalRejected)
        assert (failed.key, failed.reason) == ("x.a#2", "never")
        assert states(await told(orchestrator)) == ["ended", "again", "remaining"]


# Crashes, forks, the doctor, versions


@pytest.mark.parametrize(
    ("failpoint", "hit"),
    [("start", 1), ("decide", 1), ("decide", 2), ("claim", 1), ("park", 1), ("park", 2), ("end", 1)],
)
@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_crash_anywhere_between_stages_loses_nothing(
    store: SharedStore, clock: TestClock, effects: Effects, failpoint: str, side: str, hit: int
) -> None:
    """Each stage is decided once, in its order, and what follows the chain is done once recorded."""

    @workflow
    async def paying(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        checked = await run.step(effects.pay, amount)
        granted = await run.chain("x", *STAGES[:2], proposes=checked)
        return Ok(await run.step(effects.pay, granted))

    deaths: list[str] = []

    async def die() -> None:
        deaths.append(failpoint)
        raise StoreUnavailable("a test")

    store.failpoints.arm(f"{failpoint}.{side}", die, hit)
    for _ in range(12):
        async with Orchestrator(store, workflows=[paying]) as orchestrator:
            with contextlib.suppress(StoreUnavailable):
                await orchestrator.start(paying(500), run_id="r")
                await orchestrator.recover()
                for asked in (await orchestrator.pending()).items:
                    amount = 450 if asked.key == MANAGER else 400
                    await orchestrator.edit("r", asked.key, amount, by="mona")
        clock.advance("31s")
    async with Orchestrator(store, workflows=[paying]) as orchestrator:
        assert (await orchestrator.resume("r")).result == Ok(400)
        assert states(await told(orchestrator)) == ["completed", "completed", "skipped"][:2]
        approvals = (await orchestrator.status("r")).unwrap().approvals
        assert {(a.key, a.revision, a.status) for a in approvals} == {
            (MANAGER, 2, ApprovalStatus.EDITED),
            (FINANCE, 2, ApprovalStatus.EDITED),
        }
        assert isinstance(await orchestrator.verify("r"), Ok)
    assert deaths == [failpoint]
    assert 2 <= len(effects.done) <= 3
    assert set(effects.done) == {"pay 500", "pay 400"}


async def test_a_fork_asks_every_stage_again(store: SharedStore) -> None:
    """No decision goes along, and the run that it comes from keeps its own."""
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(500), run_id="r")
        await orchestrator.approve("r", by="mona", resume=flow)
        await orchestrator.approve("r", FINANCE, by="fay", resume=flow)
        execution = await orchestrator.fork("r", before=FINANCE, new_id="f")
        assert waiting(execution.result).key == MANAGER
        assert states(await told(orchestrator, run_id="f")) == ["waiting", "remaining", "skipped"]
        assert states(await told(orchestrator)) == ["completed", "completed", "skipped"]


def versions(*codes: Code) -> list[Any]:
    """Make code of the one name, as the same version."""
    return [workflow(name="flow", version="1")(code) for code in codes]


async def three(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
    """Ask the stages as they are."""
    return Ok(await run.chain("x", *STAGES, proposes=amount))


async def swapped(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
    """Ask them in another order."""
    return Ok(await run.chain("x", STAGES[1], STAGES[0], STAGES[2], proposes=amount))


async def shorter(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
    """Leave out the stage that waits."""
    return Ok(await run.chain("x", STAGES[0], STAGES[2], proposes=amount))


async def longer(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
    """Ask one more at the end."""
    return Ok(await run.chain("x", *STAGES, Stage("audit"), proposes=amount))


@pytest.mark.parametrize(("after", "fits"), [(three, True), (longer, True), (swapped, False), (shorter, False)])
async def test_the_doctor_says_whether_a_chain_still_fits(store: SharedStore, after: Code, fits: bool) -> None:
    """A stage more at the end does no harm; another order, or one less that was asked, does, and the run says so."""
    old, new = versions(three, after)
    async with Orchestrator(store, workflows=[old]) as orchestrator:
        await orchestrator.start(old(500), run_id="r")
        await orchestrator.approve("r", by="mona", resume=old)
    async with Orchestrator(store, workflows=[new]) as orchestrator:
        store.reset()
        found = [each async for each in orchestrator.doctor()]
        assert [each.verdict for each in found] == [Verdict.FITS if fits else Verdict.DRIFTED]
        assert store.written == 0
        await orchestrator.approve("r", FINANCE, by="fay")
        execution = await orchestrator.resume("r")
        drifted = isinstance(execution.result, Err) and isinstance(error_of(execution.result), WorkflowChanged)
        assert drifted is not fits
        assert execution.status is RunStatus.PARKED or fits


async def test_versions_of_a_chain_stand_side_by_side(store: SharedStore) -> None:
    """A run goes on with the stages that it began with; a new one has the new ones."""
    one, two = workflow(name="flow", version="1")(three), workflow(name="flow", version="2")(shorter)
    async with Orchestrator(store, workflows=[one]) as orchestrator:
        await orchestrator.start(one(500), run_id="old")
        await orchestrator.approve("old", by="mona")
    async with Orchestrator(store, workflows=[one, two]) as orchestrator:
        assert waiting((await orchestrator.resume("old")).result).key == FINANCE
        await orchestrator.start(two(500), run_id="new")
        await orchestrator.approve("new", by="mona")
        assert (await orchestrator.resume("new")).result == Ok(500)


# Beside other things


async def test_two_chains_in_one_run_keep_apart(store: SharedStore) -> None:
    """One after the other, each with its own progress."""

    @workflow
    async def double(run: Run[FlowError]) -> Result[tuple[int, int], FlowError]:
        first = await run.chain("a", *STAGES[:1], proposes=5)
        return Ok((first, await run.chain("b", *STAGES[:1], proposes=first + 1)))

    async with Orchestrator(store, workflows=[double]) as orchestrator:
        await orchestrator.start(double(), run_id="r")
        assert str((await orchestrator.progress("r", "b")).failure()) == "run 'r' has no approval 'b'; it has 'a'"
        await orchestrator.edit("r", "a.manager", 6, by="mona", resume=double)
        assert states(await told(orchestrator, "a")) == ["completed"]
        assert states(await told(orchestrator, "b")) == ["waiting"]
        assert (await orchestrator.approve("r", "b.manager", by="mona", resume=double)).unwrap().result == Ok((6, 7))


async def test_a_chain_in_a_loop_tells_of_its_last_round(store: SharedStore) -> None:
    """What was decided in the round before does not count: neither as completed, nor as to be asked again."""

    @workflow
    async def rounds(run: Run[FlowError]) -> Result[list[int], FlowError]:
        return Ok([await run.chain("x", *STAGES[:2], proposes=amount) for amount in (500, 5, 500)])

    seen: list[list[str]] = []
    async with Orchestrator(store, workflows=[rounds]) as orchestrator:
        await orchestrator.start(rounds(), run_id="r")
        for _ in range(5):
            seen.append(states(await told(orchestrator)))
            await orchestrator.approve("r", by="ann")
            await orchestrator.resume("r")
        assert (await orchestrator.resume("r", rounds)).result == Ok([500, 5, 500])
        seen.append(states(await told(orchestrator)))
    assert seen == [
        ["waiting", "remaining"],
        ["completed", "waiting"],
        ["waiting", "skipped"],
        ["waiting", "remaining"],
        ["completed", "waiting"],
        ["completed", "completed"],
    ]


async def test_chains_go_side_by_side(store: SharedStore) -> None:
    """Each at its own pace; the run goes on once both are through."""

    @workflow
    async def beside(run: Run[FlowError]) -> Result[tuple[int, int], FlowError]:
        return Ok(
            await run.gather(run.chain("a", *STAGES[:2], proposes=500), run.chain("b", *STAGES[:2], proposes=600))
        )

    async with Orchestrator(store, workflows=[beside]) as orchestrator:
        await orchestrator.start(beside(), run_id="r")
        assert sorted(await pending(orchestrator)) == ["a.manager", "b.manager"]
        await orchestrator.approve("r", "b.manager", by="mona", resume=beside)
        assert sorted(await pending(orchestrator)) == ["a.manager", "b.finance"]
        assert states(await told(orchestrator, "a")) == ["waiting", "remaining"]
        assert states(await told(orchestrator, "b")) == ["completed", "waiting"]
        await orchestrator.edit("r", "b.finance", 7, by="fay", resume=beside)
        await orchestrator.approve("r", "a.manager", by="mona", resume=beside)
        execution = (await orchestrator.edit("r", "a.finance", 8, by="fay", resume=beside)).unwrap()
        assert execution.result == Ok((8, 7))


async def test_chains_of_one_name_side_by_side_are_refused(store: SharedStore) -> None:
    """As two questions of one key are."""

    @workflow
    async def twice(run: Run[FlowError]) -> Result[object, FlowError]:
        return Ok(await run.gather([run.chain("x", Stage[int]("one"), proposes=n) for n in (1, 2)]))

    async with Orchestrator(store, workflows=[twice]) as orchestrator:
        failed = error_of((await orchestrator.start(twice(), run_id="r")).result)
        assert isinstance(failed, UnexpectedError)
        assert "used twice, in branches that run side by side" in failed.message


@pytest.mark.parametrize("wins", ["chain", "time"])
async def test_a_chain_races_the_clock(store: SharedStore, clock: TestClock, wins: str) -> None:
    """All of its stages together have the time; the one that waits then is withdrawn, and what was granted stays."""

    @workflow
    async def raced(run: Run[FlowError]) -> Result[object, FlowError]:
        won = await run.race(run.chain("x", *STAGES[:2], proposes=500), run.sleep("2h"))
        after = await run.approval("after", proposes=1)
        return Ok([won, after])

    async with Orchestrator(store, workflows=[raced]) as orchestrator:
        await orchestrator.start(raced(), run_id="r")
        clock.advance("1h")
        await orchestrator.edit("r", MANAGER, 450, by="mona", resume=raced)
        assert states(await told(orchestrator)) == ["completed", "waiting"]
        if wins == "chain":
            await orchestrator.approve("r", FINANCE, by="fay", resume=raced)
        else:
            clock.advance("61m")
            await orchestrator.resume("r")
        assert await pending(orchestrator) == ["after"]
        assert states(await told(orchestrator)) == ["completed", "completed" if wins == "chain" else "ended"]
        clock.advance("1h")
        execution = (await orchestrator.approve("r", "after", by="ann", resume=raced)).unwrap()
        assert execution.result == Ok([450 if wins == "chain" else None, 1])
        if wins == "time":
            late = (await orchestrator.approve("r", FINANCE, by="fay")).failure()
            assert isinstance(late, AlreadyDecided)


@pytest.mark.parametrize("needs", [1, 2, 3])
async def test_several_questions_each_with_a_quorum(store: SharedStore, needs: int) -> None:
    """The run goes on once the last has all of its votes, whatever their order."""

    @workflow
    async def voted(run: Run[NotApproved]) -> Result[tuple[int, int], NotApproved]:
        many = Policy(needs=needs)
        return Ok(await run.approvals(Ask("a", proposes=1, policy=many), Ask("b", proposes=2)))

    people = ["ann", "bob", "cleo"][:needs]
    async with Orchestrator(store, workflows=[voted]) as orchestrator:
        await orchestrator.start(voted(), run_id="r")
        await orchestrator.approve("r", "b", by="dora")
        for number, person in enumerate(people):
            assert len(await pending(orchestrator)) == 1
            decision = (await orchestrator.approve("r", "a", by=person)).unwrap()
            assert (decision.outcome is None) is (number + 1 < needs)
            assert (await orchestrator.approve("r", "a", by=person)).unwrap().replayed
        assert (await orchestrator.resume("r", voted)).result == Ok((1, 2))


# Code that wavers


@pytest.mark.parametrize("answer", [None, 0, "", []])
async def test_a_condition_that_gives_no_answer_has_its_stage_asked(store: SharedStore, answer: Any) -> None:
    """One that forgot to return, for instance: only False leaves a stage out."""

    @workflow
    async def silent(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.chain("x", Stage[int]("odd", when=lambda _: answer), proposes=5))

    async with Orchestrator(store, workflows=[silent]) as orchestrator:
        assert waiting((await orchestrator.start(silent(), run_id="r")).result).key == "x.odd"


async def later(_: int) -> bool:
    """Answer once somebody awaits it, which nobody does."""
    return False


@pytest.mark.parametrize("when", [None, 0, "yes", later])
def test_a_condition_that_could_give_no_answer_is_refused(when: Any) -> None:
    """Where the stage is defined, in words that say what to write."""
    with pytest.raises(DefinitionError, match="when is True, False, or a plain function of the content"):
        Stage[int]("odd", when=when)


async def test_a_condition_that_raises_has_its_stage_asked(store: SharedStore) -> None:
    """Whatever it raises, it must not let a stage be left out."""

    @workflow
    async def broken(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.chain("x", Stage("odd", when=lambda amount: 1 // (amount - 5) > 0), proposes=5))

    async with Orchestrator(store, workflows=[broken]) as orchestrator:
        assert waiting((await orchestrator.start(broken(), run_id="r")).result).key == "x.odd"
        assert (await orchestrator.approve("r", by="ann", resume=broken)).unwrap().result == Ok(5)


@pytest.mark.parametrize("stage", [0, 1, 2])
@pytest.mark.parametrize("at", [1, 2, 3])
async def test_a_condition_that_changes_its_mind_is_told_and_loses_nothing(
    store: SharedStore, stage: int, at: int
) -> None:
    """The run stays parked with all that was decided, and goes on once the condition says again what it said."""
    flipped = set[int]()

    def when(number: int) -> Callable[[int], bool]:
        return lambda _: (number != 1) is not (number in flipped)

    @workflow
    async def wavering(run: Run[FlowError]) -> Result[int, FlowError]:
        stages = [Stage[int](f"s{number}", when=when(number)) for number in range(4)]
        return Ok(await run.chain("x", *stages, proposes=5))

    keys = ["x.s0", "x.s2", "x.s3"]
    async with Orchestrator(store, workflows=[wavering]) as orchestrator:
        await orchestrator.start(wavering(), run_id="r")
        for key in keys[: at - 1]:
            await orchestrator.approve("r", key, by="ann", resume=wavering)
        waits = await pending(orchestrator)
        assert waits == [keys[at - 1]]
        flipped.add(stage)
        await orchestrator.approve("r", keys[at - 1], by="bob")
        execution = await orchestrator.resume("r", wavering)
        if stage == 1 and at == 1:  # nothing was recorded where it now is asked, so that is no other course
            assert waiting(execution.result).key == "x.s1"
            return
        if stage == 2 and at == 1:
            assert waiting(execution.result).key == "x.s3"
            return
        assert isinstance(error_of(execution.result), WorkflowChanged)
        assert execution.status is RunStatus.PARKED
        flipped.clear()
        execution = await orchestrator.resume("r", wavering)
        left = keys[at:]
        for key in left:
            assert waiting(execution.result).key == key
            execution = (await orchestrator.approve("r", key, by="ann", resume=wavering)).unwrap()
        assert execution.result == Ok(5)


async def test_a_chain_that_is_never_awaited_is_told(store: SharedStore) -> None:
    """Its workflow fails, instead of ending as if the chain had been granted."""

    @workflow
    async def hasty(run: Run[FlowError]) -> Result[int, FlowError]:
        left = run.chain("x", *STAGES, proposes=5)
        left.close()
        return Ok(5)

    async with Orchestrator(store, workflows=[hasty]) as orchestrator:
        failed = error_of((await orchestrator.start(hasty(), run_id="r")).result)
        assert isinstance(failed, UnexpectedError)
        assert "'x' and never awaited it" in failed.message


@pytest.mark.parametrize("stages", [(), (Stage[int]("a"), Stage[int]("a"))])
async def test_a_chain_needs_stages_with_names_of_their_own(stages: tuple[Stage[int], ...]) -> None:
    """None at all, and two of one name, are refused."""
    refused: list[str] = []

    @workflow
    async def odd(run: Run[NotApproved]) -> Result[int, NotApproved]:
        try:
            run.chain("x", *stages, proposes=1).close()
        except DefinitionError as error:
            refused.append(str(error))
        return Ok(1)

    assert (await execute(odd())).result == Ok(1)
    assert "needs stages, each with a name of its own" in refused[0]


# Without a store


async def test_a_chain_goes_from_text_to_text() -> None:
    """Each stage asked, delegated, edited and decided on a snapshot that was text in between."""
    execution = await execute(flow(5_000), run_id="r")
    snapshot = Snapshot.from_json(execution.snapshot.to_json()).edit(MANAGER, 2_000, by="mona").unwrap()
    execution = await execute(flow(5_000), snapshot=snapshot)
    snapshot = Snapshot.from_json(execution.snapshot.to_json()).approve(FINANCE, by="fay").unwrap()
    execution = await execute(flow(5_000), snapshot=snapshot)
    one = Snapshot.from_json(execution.snapshot.to_json()).approve(BOARD, by="bea").unwrap()
    assert waiting((await execute(flow(5_000), snapshot=one)).result).votes == ("bea",)
    two = Snapshot.from_json(one.to_json()).approve(BOARD, by="ben").unwrap()
    assert (await execute(flow(5_000), snapshot=two)).result == Ok(2_000)
    no = one.reject(BOARD, "too much", by="cleo").unwrap()
    assert isinstance(error_of((await execute(flow(5_000), snapshot=no)).result), ApprovalRejected)


def guarded(policy: Policy) -> Any:
    """Make a workflow that asks one question under a policy."""

    @workflow
    async def asking(run: Run[NotApproved]) -> Result[int, NotApproved]:
        return Ok(await run.approval("q", proposes=5, policy=policy))

    return asking


async def test_a_snapshot_judges_by_the_same_table() -> None:
    """Who requested, who is named, who was authenticated when, and what is late are the same refusals."""
    policy = Policy(approvers=["ann", "rita"], fresh_within="5m", expires_in="1h")
    execution = await execute(guarded(policy)(), run_id="r", requested_by="rita")
    snapshot, at = execution.snapshot, execution.pending[0].asked_at
    fresh = Actor("ann", authenticated_at=at)
    assert isinstance(snapshot.approve("q", by="bob").failure(), NotAuthorised)
    assert isinstance(snapshot.approve("q", by=Actor("rita", authenticated_at=at)).failure(), SelfApproval)
    assert isinstance(snapshot.approve("q", by="ann").failure(), ReauthenticationNeeded)
    assert isinstance(snapshot.approve("q", by=fresh, now=at + timedelta(hours=1)).failure(), Expired)
    assert snapshot.approve("q", by=fresh).unwrap().pending == ()


async def test_a_snapshot_takes_rules_as_an_orchestrator_does() -> None:
    """Those that say True let in; those that are not given, raise or must be awaited let nobody in."""
    seen: list[str] = []

    def owns(actor: Actor, _: object) -> bool:
        seen.append(actor.name)
        return actor.name == "ann"

    async def later(_: Actor, __: object) -> bool:
        raise AssertionError

    def breaks(_: Actor, __: object) -> bool:
        raise RuntimeError

    rule, broken, other = Rule("owns", owns), Rule("owns", breaks), Rule("other", owns)
    snapshot = (await execute(guarded(Policy(approvers=[rule]))())).snapshot
    for given in ([], [broken], [Rule("owns", later)], [other]):
        assert isinstance(snapshot.approve("q", by="ann", rules=given).failure(), NotAuthorised)
        assert isinstance(snapshot.edit("q", 6, by="ann", rules=given).failure(), NotAuthorised)
        assert isinstance(snapshot.reject("q", by="ann", rules=given).failure(), NotAuthorised)
    assert isinstance(snapshot.approve("q", by="bob", rules=[rule]).failure(), NotAuthorised)
    assert snapshot.approve("q", by="ann", rules=[rule]).unwrap().pending == ()
    assert snapshot.edit("q", 6, by="ann", rules=[rule]).unwrap().pending == ()
    assert snapshot.reject("q", by="ann", rules=[rule]).unwrap().pending == ()
    assert seen == ["bob", "ann", "ann", "ann"]


async def test_a_seat_is_handed_on_in_a_snapshot() -> None:
    """The delegate decides on behalf of the owner, also after the snapshot was text."""
    asking = guarded(Policy(approvers=["ann"]))
    snapshot = (await execute(asking(), run_id="r")).snapshot
    assert isinstance(snapshot.delegate("q", to="bob", by="carl").failure(), NotAuthorised)
    handed = Snapshot.from_json(snapshot.delegate("q", to="bob", by="ann").unwrap().to_json())
    decided = handed.approve("q", by="bob").unwrap()
    closing = decided.state.approvals[0].closing
    assert closing is not None
    assert closing.by == Actor("bob", on_behalf_of="ann")
    assert (await execute(asking(), snapshot=decided)).result == Ok(5)


async def test_a_level_whose_time_has_come_decides_in_a_snapshot() -> None:
    """Nothing needs to have run: it is climbed when somebody decides."""
    asking = guarded(Policy(approvers=["ann"], escalations=[Escalation("1h", ["dora"])]))
    execution = await execute(asking())
    snapshot, at = execution.snapshot, execution.pending[0].asked_at
    assert isinstance(snapshot.approve("q", by="dora", now=at + timedelta(minutes=59)).failure(), NotAuthorised)
    assert snapshot.approve("q", by="dora", now=at + timedelta(hours=1)).unwrap().pending == ()
