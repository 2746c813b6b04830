"""Children: they begin once, what they come to reaches their parent, and cancelling reaches them."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from awaitly import (
    DefinitionError,
    Err,
    Execution,
    MemoryStore,
    Ok,
    Orchestrator,
    Result,
    Retry,
    Run,
    RunCancelled,
    RunStatus,
    StoreUnavailable,
    UnexpectedError,
    Workflow,
    execute,
    workflow,
)
from awaitly.testing import TestClock, raising
from tests.support import ADMIN, Effects, FlowError, Refused, SharedStore, error_of

GONE = raising(StoreUnavailable("a test"))


class Family:
    """A parent, its child and its grandchild; the steps of each leave marks."""

    def __init__(self, effects: Effects) -> None:
        @workflow
        async def child(run: Run[FlowError], what: str) -> Result[str, FlowError]:
            await run.step(effects.do, f"{what} begins")
            return Ok(await run.step(effects.do, what))

        @workflow
        async def parent(run: Run[FlowError], what: str) -> Result[str, FlowError]:
            value = await run.child(child(what))
            return Ok(await run.step(effects.do, f"after {value}"))

        @workflow
        async def asking(run: Run[FlowError]) -> Result[int, FlowError]:
            return Ok(await run.approval("manager", proposes=1))

        @workflow
        async def middle(run: Run[FlowError]) -> Result[int, FlowError]:
            return Ok(await run.child(asking()))

        @workflow
        async def top(run: Run[FlowError]) -> Result[int, FlowError]:
            return Ok(await run.child(middle()))

        self.child, self.parent, self.asking, self.middle, self.top = child, parent, asking, middle, top

    @property
    def workflows(self) -> list[Workflow[..., object, object]]:
        """All of them."""
        return [self.child, self.parent, self.asking, self.middle, self.top]


@pytest.fixture
def family(effects: Effects) -> Family:
    """Give workflows that run one another."""
    return Family(effects)


async def settled(orchestrator: Orchestrator, run_id: str) -> Execution[object, object]:
    """Go on with all that is due until nothing is, and give a run."""
    for _ in range(20):
        await orchestrator.recover()
    return await orchestrator.wait(run_id, timeout="1ms")


async def test_a_child_is_a_run_and_its_value_reaches_its_parent(store: SharedStore, family: Family) -> None:
    """Its id is made of its parent's and the key of the call; its record names its parent."""
    async with Orchestrator(store, workflows=family.workflows) as orchestrator:
        await orchestrator.start(family.parent("a"), run_id="p")
        assert (await settled(orchestrator, "p")).result == Ok("after a")
        child = (await orchestrator.status("p.child")).unwrap().run
        assert (child.parent, child.status) == ("p", RunStatus.COMPLETED)
        assert await store.due(await store.now(), 10) == ()


async def test_the_error_of_a_child_ends_its_parent(store: SharedStore, family: Family, effects: Effects) -> None:
    """As the child's error, with its type."""
    effects.failing.add("a")
    async with Orchestrator(store, workflows=family.workflows) as orchestrator:
        await orchestrator.start(family.parent("a"), run_id="p")
        assert (await settled(orchestrator, "p")).result == Err(Refused("a"))


async def test_the_cancellation_of_a_child_ends_its_parent(store: SharedStore, family: Family) -> None:
    """As an unexpected error that says who did it and why."""
    async with Orchestrator(store, workflows=family.workflows) as orchestrator:
        await orchestrator.start(family.middle(), run_id="m")
        await orchestrator.recover()
        (await orchestrator.cancel("m.asking", reason="no need", by=ADMIN)).unwrap()
        error = error_of((await settled(orchestrator, "m")).result)
        assert isinstance(error, UnexpectedError)
        assert (error.kind, "root: no need" in error.message) == ("RunCancelled", True)


@pytest.mark.parametrize("before", [0, 1, 2, 3])
async def test_cancelling_reaches_children_and_their_children(store: SharedStore, family: Family, before: int) -> None:
    """However far they have come by then: noted, begun, or asking somebody."""
    async with Orchestrator(store, workflows=family.workflows) as orchestrator:
        await orchestrator.start(family.top(), run_id="t")
        for _ in range(before):
            for run_id in await store.due(await store.now(), 1):
                await orchestrator.resume(run_id)
        (await orchestrator.cancel("t", reason="enough", by=ADMIN)).unwrap()
        await settled(orchestrator, "t")
        runs = (await orchestrator.runs()).items
        assert {run.status for run in runs} == {RunStatus.CANCELLED}
        assert (await orchestrator.pending()).items == ()
        assert await store.due(await store.now(), 10) == ()


async def test_cancelling_reaches_a_child_that_begins_only_afterwards(
    store: SharedStore, family: Family, effects: Effects
) -> None:
    """Its parent was cancelled between the note that it is to begin and its beginning: none of its code runs."""

    async def cancel() -> None:
        store.failpoints.disarm("enqueue.before")
        async with Orchestrator(store) as other:
            (await other.cancel("p", by=ADMIN)).unwrap()

    store.failpoints.arm("enqueue.before", cancel)
    async with Orchestrator(store, workflows=family.workflows) as orchestrator:
        await orchestrator.start(family.parent("a"), run_id="p")
        await settled(orchestrator, "p")
        assert (await orchestrator.status("p.child")).unwrap().run.status is RunStatus.CANCELLED
    assert effects.done == []


async def test_a_cancelled_parent_cancels_no_strangers(store: SharedStore, family: Family) -> None:
    """A run that only has the id which its child was to have goes on."""

    @workflow(name="other")
    async def parent(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.child(family.asking(), run_id="stranger"))

    async with Orchestrator(store, workflows=[*family.workflows, parent]) as orchestrator:
        await orchestrator.start(family.asking(), run_id="stranger")

        async def cancel() -> None:
            store.failpoints.disarm("enqueue.before")
            async with Orchestrator(store) as other:
                (await other.cancel("p", by=ADMIN)).unwrap()

        store.failpoints.arm("enqueue.before", cancel)
        assert isinstance(error_of((await orchestrator.start(parent(), run_id="p")).result), RunCancelled)
        assert (await orchestrator.status("stranger")).unwrap().run.status is RunStatus.PARKED


MOVES = ("start", "step", "enqueue", "park", "claim", "end", "signal", "tell")
COMMITS = [
    f"{move}.{side}"
    for move in ("start", "step", "enqueue", "park", "claim", "end", "signal", "tell")
    for side in ("before", "after")
]


@pytest.mark.parametrize("hit", [1, 2])
@pytest.mark.parametrize("failpoint", COMMITS)
async def test_whatever_crashes_a_child_begins_once_and_is_heard(
    store: SharedStore, family: Family, effects: Effects, clock: TestClock, failpoint: str, hit: int
) -> None:
    """The store fails before or after any of the commits, and others go on once the lease is over."""
    store.failpoints.arm(failpoint, GONE, hit)
    async with Orchestrator(store, workflows=family.workflows) as orchestrator:
        for _ in range(8):
            try:
                await orchestrator.start(family.parent("a"), run_id="p")
                await orchestrator.recover()
            except StoreUnavailable:
                clock.advance("31s")
        assert (await settled(orchestrator, "p")).result == Ok("after a")
        assert await store.due(await store.now(), 10) == ()
        assert len((await orchestrator.runs()).items) == 2
    assert sorted(set(effects.done)) == ["a", "a begins", "after a"]
    assert len(effects.done) <= 4


async def test_an_id_that_belongs_to_another_run_is_an_error(store: SharedStore, family: Family) -> None:
    """The parent ends with an unexpected error that says so; the other run is left alone."""

    @workflow(name="other")
    async def parent(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.child(family.asking(), run_id="stranger"))

    async with Orchestrator(store, workflows=[*family.workflows, parent]) as orchestrator:
        await orchestrator.start(family.asking(), run_id="stranger")
        error = error_of((await orchestrator.start(parent(), run_id="p")).result)
        assert (error.kind, "stranger" in error.message) == ("IdTaken", True)
        assert (await orchestrator.status("stranger")).unwrap().run.status is RunStatus.PARKED


async def test_an_id_that_would_be_too_long_is_made_shorter(store: SharedStore, family: Family) -> None:
    """The same on every replay; one that was chosen is refused."""
    name = "p" * 198

    @workflow(name="other")
    async def parent(run: Run[FlowError]) -> Result[str, FlowError]:
        return Ok(await run.child(family.child("a"), run_id="c" * 201))

    async with Orchestrator(store, workflows=[*family.workflows, parent]) as orchestrator:
        await orchestrator.start(family.parent("a"), run_id=name)
        assert (await settled(orchestrator, name)).result == Ok("after a")
        error = error_of((await orchestrator.start(parent(), run_id="other")).result)
        assert error.kind == DefinitionError.__name__


async def test_without_a_store_a_child_is_a_typed_error(family: Family) -> None:
    """`execute` has nowhere to begin another run."""
    assert error_of((await execute(family.parent("a"))).result).kind == "NoStore"


async def test_children_and_an_approval_go_side_by_side(store: SharedStore, family: Family) -> None:
    """The run parks on all of them and goes on whenever one is there."""

    @workflow(name="other")
    async def parent(run: Run[FlowError]) -> Result[list[str | int], FlowError]:
        a, b, c = await run.gather(
            run.child(family.child("a")), run.child(family.child("b")), run.approval("boss", proposes=3)
        )
        return Ok([a, b, c])

    async with Orchestrator(store, workflows=[*family.workflows, parent]) as orchestrator:
        assert (await orchestrator.start(parent(), run_id="p")).pending[0].key == "boss"
        await settled(orchestrator, "p")
        execution = (await orchestrator.approve("p", by="ann", resume=parent)).unwrap()
        assert execution.result == Ok(["a", "b", 3])


async def test_a_retry_of_the_parent_tries_the_child_again(
    store: SharedStore, family: Family, effects: Effects
) -> None:
    """The child keeps what it recorded, and its step that failed runs again; as often as it fails."""
    effects.failing.add("a")
    async with Orchestrator(store, workflows=family.workflows) as orchestrator:
        await orchestrator.start(family.parent("a"), run_id="p")
        for _ in range(2):
            assert (await settled(orchestrator, "p")).result == Err(Refused("a"))
            await orchestrator.retry("p")
        assert (await settled(orchestrator, "p")).result == Err(Refused("a"))
        effects.failing.clear()
        await orchestrator.retry("p")
        assert (await settled(orchestrator, "p")).result == Ok("after a")
    assert effects.done == ["a begins", "a", "a", "a", "a", "after a"]


async def test_a_retry_takes_the_value_of_a_child_that_went_on_meanwhile(
    store: SharedStore, family: Family, effects: Effects
) -> None:
    """Somebody tried the child again while its parent was over: nobody need tell the parent any more."""
    effects.failing.add("a")
    async with Orchestrator(store, workflows=family.workflows) as orchestrator:
        await orchestrator.start(family.parent("a"), run_id="p")
        await settled(orchestrator, "p")
        effects.failing.clear()
        assert (await orchestrator.retry("p.child")).result == Ok("a")
        await orchestrator.retry("p")
        assert (await settled(orchestrator, "p")).result == Ok("after a")


async def test_the_tries_of_a_run_include_its_child(store: SharedStore, clock: TestClock, effects: Effects) -> None:
    """`@workflow(retry=...)` with the child's error: the child is tried again each time."""

    @workflow
    async def child(run: Run[FlowError]) -> Result[str, FlowError]:
        if len(effects.done) == 2:
            effects.failing.clear()
        return Ok(await run.step(effects.do, "a"))

    @workflow(retry=Retry(attempts=3, base="1h", jitter=False, on=Refused))
    async def parent(run: Run[FlowError]) -> Result[str, FlowError]:
        return Ok(await run.child(child()))

    effects.failing.add("a")
    async with Orchestrator(store, workflows=[parent, child]) as orchestrator:
        await orchestrator.start(parent(), run_id="p")
        for _ in range(3):
            await settled(orchestrator, "p")
            clock.advance("3h")
        assert (await settled(orchestrator, "p")).result == Ok("a")
    assert effects.done == ["a", "a", "a"]


async def test_a_fork_has_children_of_its_own(store: SharedStore, family: Family, effects: Effects) -> None:
    """What its original's children came to is copied; what is still to come is not."""
    effects.failing.add("after a")
    async with Orchestrator(store, workflows=family.workflows) as orchestrator:
        await orchestrator.start(family.parent("a"), run_id="p")
        assert (await settled(orchestrator, "p")).result == Err(Refused("after a"))
        effects.failing.clear()
        fork = await orchestrator.fork("p", before="do", new_id="f")
        assert fork.result == Ok("after a")
        again = await orchestrator.fork("p", before="child", new_id="g")
        assert again.status is RunStatus.PARKED
        assert (await settled(orchestrator, "g")).result == Ok("after a")
    assert effects.done == ["a begins", "a", "after a", "after a", "a begins", "a", "after a"]


async def test_cleanup_leaves_a_child_whose_parent_has_not_heard_of_its_end(
    store: SharedStore, family: Family, clock: TestClock
) -> None:
    """However old it is: without it the parent would wait for ever."""
    async with Orchestrator(store, workflows=family.workflows) as orchestrator:
        await orchestrator.start(family.parent("a"), run_id="p")
        store.failpoints.arm("signal.before", GONE)
        await orchestrator.recover()
        clock.advance("10d")
        assert await orchestrator.cleanup(older_than="1d") == 0
        store.failpoints.disarm("signal.before")
        assert (await settled(orchestrator, "p")).result == Ok("after a")


async def test_other_arguments_of_a_child_are_noticed(store: SharedStore, family: Family) -> None:
    """The code calls it with others than it was recorded with: the run is left as it is."""

    def version(what: str) -> Workflow[[], str, FlowError]:
        @workflow(name="flow")
        async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
            value = await run.child(family.child(what))
            await run.approval("boss", proposes=1)
            return Ok(value)

        return flow

    make: Callable[[str], Workflow[[], str, FlowError]] = version
    old, new = make("a"), make("b")
    async with Orchestrator(store, workflows=[*family.workflows, old]) as orchestrator:
        await orchestrator.start(old(), run_id="p")
        await settled(orchestrator, "p")
        await orchestrator.approve("p", by="ann")
    async with Orchestrator(store, workflows=[*family.workflows, new]) as orchestrator:
        changed = error_of((await orchestrator.resume("p")).result)
        assert type(changed).__name__ == "WorkflowChanged"


async def test_other_arguments_of_a_child_are_noticed_while_it_runs(store: SharedStore, family: Family) -> None:
    """What the child came to with its old arguments is not taken for what it would come to with the new ones."""

    def version(what: str) -> Workflow[[], str, FlowError]:
        @workflow(name="flow")
        async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
            return Ok(await run.child(family.child(what)))

        return flow

    make: Callable[[str], Workflow[[], str, FlowError]] = version
    old, new = make("a"), make("b")
    async with Orchestrator(store, workflows=[*family.workflows, old]) as orchestrator:
        await orchestrator.start(old(), run_id="p")
    async with Orchestrator(store, workflows=[*family.workflows, new]) as orchestrator:
        await orchestrator.recover()
        changed = error_of((await orchestrator.resume("p")).result)
        assert type(changed).__name__ == "WorkflowChanged"
    async with Orchestrator(store, workflows=[*family.workflows, old]) as orchestrator:
        assert (await orchestrator.resume("p")).result == Ok("a")


async def test_cancelling_a_run_between_its_attempts_reaches_its_children(
    store: SharedStore, family: Family, clock: TestClock
) -> None:
    """They go on while their parent waits for its next attempt; a cancellation reaches them, or else the attempt."""

    async def fail() -> Result[int, FlowError]:
        raise ConnectionError("nobody there")

    @workflow(retry=Retry(attempts=2, base="1h", jitter=False))
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        value, _ = await run.gather(run.child(family.asking()), run.attempt(fail) if fine else run.step(fail))
        return Ok(value)

    fine = False
    async with Orchestrator(store, workflows=[*family.workflows, flow]) as orchestrator:
        for run_id in ("left", "cancelled"):
            await orchestrator.start(flow(), run_id=run_id)
            await orchestrator.recover()
        (await orchestrator.cancel("cancelled", by=ADMIN)).unwrap()
        await orchestrator.recover()
        assert {item.run_id for item in (await orchestrator.pending()).items} == {"left.asking"}
        (await orchestrator.approve("left.asking", by="ann")).unwrap()
        clock.advance("2h")
        fine = True
        assert (await settled(orchestrator, "left")).result == Ok(1)


async def test_cancelling_reaches_however_deep_children_stand(clock: TestClock) -> None:
    """A chain that is longer than this Python nests calls is cancelled to its end."""

    @workflow
    async def chain(run: Run[FlowError], left: int) -> Result[int, FlowError]:
        if left == 0:
            return Ok(await run.approval("manager", proposes=1))
        return Ok(await run.child(chain(left - 1)))

    async with Orchestrator(MemoryStore(clock=clock), workflows=[chain]) as orchestrator:
        await orchestrator.start(chain(sys.getrecursionlimit()), run_id="r")
        while not (await orchestrator.pending()).items:
            await orchestrator.recover()
        (await orchestrator.cancel("r", by=ADMIN)).unwrap()
        await orchestrator.recover()
        assert (await orchestrator.pending()).items == ()
