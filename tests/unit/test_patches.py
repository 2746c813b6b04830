"""`run.patched`: a change of the code for runs that come to it, and not for those that went past it before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from awaitly import Ok, Orchestrator, Result, Run, RunStatus, Workflow, WorkflowChanged, workflow
from awaitly.testing import TestClock
from tests.support import Effects, FlowError, SharedStore, error_of

Flow: TypeAlias = Workflow[..., Any, Any]
Code: TypeAlias = Callable[[Run[FlowError]], Awaitable[Result[str, FlowError]]]


def flow(code: Code) -> Flow:
    """Make code of the one name and version."""
    return workflow(name="flow")(code)


async def answered(store: SharedStore, *codes: Flow, run_id: str = "r") -> list[Any]:
    """Start a run under the first code; then approve what it asks and go on, under one code after the other."""
    results: list[Any] = []
    for code in codes:
        async with Orchestrator(store, workflows=[code]) as orchestrator:
            if not results:
                results.append((await orchestrator.start(code(), run_id=run_id)).result)
                continue
            for pending in (await orchestrator.status(run_id)).unwrap().pending:
                (await orchestrator.approve(run_id, pending.key, by="ann")).unwrap()
            results.append((await orchestrator.resume(run_id)).result)
    return results


def asking(effects: Effects, before: int, after: int, *, patch: bool) -> Flow:
    """Make a workflow with questions before and after the place where a patch adds a step."""

    async def code(run: Run[FlowError]) -> Result[str, FlowError]:
        for number in range(before):
            await run.approval(f"before {number}", proposes=number)
        if patch and run.patched("fee"):
            await run.step(effects.do, "fee")
        for number in range(after):
            await run.approval(f"after {number}", proposes=number)
        return Ok(await run.step(effects.do, "end"))

    return flow(code)


async def test_a_new_run_does_the_new(store: SharedStore, effects: Effects) -> None:
    """And goes on doing so on each replay."""
    new = asking(effects, 1, 2, patch=True)
    assert (await answered(store, new, new, new, new))[-1] == Ok("end")
    assert effects.done == ["fee", "end"]


async def test_a_run_that_went_past_does_the_old_for_ever(store: SharedStore, effects: Effects) -> None:
    """Also after more was recorded under the new code."""
    old, new = asking(effects, 1, 3, patch=False), asking(effects, 1, 3, patch=True)
    assert (await answered(store, old, old, new, new, new))[-1] == Ok("end")
    assert effects.done == ["end"]


async def test_a_run_that_waits_exactly_before_it_does_the_new(store: SharedStore, effects: Effects) -> None:
    """It comes to the place for the first time once it is decided."""
    old, new = asking(effects, 1, 2, patch=False), asking(effects, 1, 2, patch=True)
    assert (await answered(store, old, new, new, new))[-1] == Ok("end")
    assert effects.done == ["fee", "end"]


async def test_a_run_that_waits_exactly_behind_it_does_the_old(store: SharedStore, effects: Effects) -> None:
    """What it waits for stands at the number of the place, and was asked without the patch."""
    old, new = asking(effects, 0, 1, patch=False), asking(effects, 0, 1, patch=True)
    assert (await answered(store, old, new))[-1] == Ok("end")
    assert effects.done == ["end"]


async def test_a_run_that_sleeps_behind_it_does_the_old(store: SharedStore, effects: Effects, clock: TestClock) -> None:
    """A wait counts like a question."""

    def sleeping(*, patch: bool) -> Flow:
        async def code(run: Run[FlowError]) -> Result[str, FlowError]:
            if patch and run.patched("fee"):
                await run.step(effects.do, "fee")
            await run.sleep("1d")
            return Ok("end")

        return flow(code)

    async with Orchestrator(store) as orchestrator:
        await orchestrator.start(sleeping(patch=False)(), run_id="r")
    clock.advance("2d")
    async with Orchestrator(store, workflows=[sleeping(patch=True)]) as orchestrator:
        assert [each.result for each in await orchestrator.recover()] == [Ok("end")]
    assert effects.done == []


def looping(effects: Effects, *, patch: bool) -> Flow:
    """Ask three times; a patch adds a step to each turn."""

    async def code(run: Run[FlowError]) -> Result[str, FlowError]:
        for number in range(3):
            if patch and run.patched("fee"):
                await run.step(effects.do, f"fee {number}")
            await run.approval(f"turn {number}", proposes=number)
        return Ok("end")

    return flow(code)


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_a_loop_that_has_begun_goes_on_as_it_began(turns: int, store: SharedStore, effects: Effects) -> None:
    """However far it was when the code changed."""
    old, new = looping(effects, patch=False), looping(effects, patch=True)
    codes = [old] * (turns + 1) + [new] * (3 - turns)
    assert (await answered(store, *codes))[-1] == Ok("end")
    assert effects.done == []


async def test_a_loop_that_begins_under_the_new_code_does_the_new_in_each_turn(
    store: SharedStore, effects: Effects
) -> None:
    """Each replay is told the same."""
    new = looping(effects, patch=True)
    assert (await answered(store, new, new, new, new))[-1] == Ok("end")
    assert effects.done == ["fee 0", "fee 1", "fee 2"]


@pytest.mark.parametrize("further", ["a", "b"])
async def test_each_branch_is_told_for_itself(further: str, store: SharedStore, effects: Effects) -> None:
    """A branch that went past keeps to the old, its neighbour that waits before the place does the new."""

    def gathering(*, patch: bool) -> Flow:
        async def branch(run: Run[FlowError], name: str) -> str:
            if name != further:
                await run.approval(f"{name} before", proposes=name)
            if patch and run.patched("fee"):
                await run.step(effects.do, f"fee {name}")
            await run.approval(f"{name} after", proposes=name)
            return name

        async def code(run: Run[FlowError]) -> Result[str, FlowError]:
            return Ok("".join(await run.gather(branch(run, "a"), branch(run, "b"))))

        return flow(code)

    old, new = gathering(patch=False), gathering(patch=True)
    assert (await answered(store, old, new, new))[-1] == Ok("ab")
    assert effects.done == [f"fee {'b' if further == 'a' else 'a'}"]


@pytest.mark.parametrize("opened", ["gather", "nested", "race"])
async def test_a_branch_that_is_over_went_past_all_of_it(opened: str, store: SharedStore, effects: Effects) -> None:
    """Also a place at its very end, behind which it recorded nothing."""

    def branching(*, patch: bool) -> Flow:
        async def branch(run: Run[FlowError]) -> None:
            await run.approval("inside", proposes=1)
            if patch and run.patched("fee"):
                await run.approval("fee", proposes=1)

        async def code(run: Run[FlowError]) -> Result[str, FlowError]:
            match opened:
                case "gather":
                    await run.gather([branch(run)])
                case "nested":
                    await run.gather([run.gather([branch(run)])])
                case _:
                    await run.race([branch(run)])
            await run.approval("behind", proposes=1)
            return Ok(await run.step(effects.do, "end"))

        return flow(code)

    old, new = branching(patch=False), branching(patch=True)
    assert (await answered(store, old, old, new))[-1] == Ok("end")
    assert len(await answered(store, new, new, new, new, run_id="new")) == 4
    approvals = [(await store.load(run_id)).approvals for run_id in ("r", "new")]
    assert [sorted(row.key for row in rows) for rows in approvals] == [
        ["behind", "inside"],
        ["behind", "fee", "inside"],
    ]


async def test_called_twice_it_says_the_same(store: SharedStore, effects: Effects) -> None:
    """A change in two places is done in both or in neither, also where the run waits between them."""

    def twice(*, patch: bool) -> Flow:
        async def code(run: Run[FlowError]) -> Result[str, FlowError]:
            if patch and run.patched("fee"):
                await run.step(effects.do, "first")
            await run.approval("between", proposes=1)
            if patch and run.patched("fee"):
                await run.step(effects.do, "second")
            return Ok("end")

        return flow(code)

    old, new = twice(patch=False), twice(patch=True)
    assert (await answered(store, old, new))[-1] == Ok("end")
    assert effects.done == []
    assert (await answered(store, new, new, run_id="other"))[-1] == Ok("end")
    assert effects.done == ["first", "second"]


async def test_patches_do_not_know_of_each_other(store: SharedStore, effects: Effects) -> None:
    """A run may have one and lack the next: it came to the one place after its change, and to the other before."""

    def patched(*names: str) -> Flow:
        async def code(run: Run[FlowError]) -> Result[str, FlowError]:
            for name in ("one", "two"):
                if name in names and run.patched(name):
                    await run.step(effects.do, name)
            await run.approval("middle", proposes=1)
            if "three" in names and run.patched("three"):
                await run.step(effects.do, "three")
            return Ok("end")

        return flow(code)

    assert (await answered(store, patched("one"), patched("one", "two", "three")))[-1] == Ok("end")
    assert effects.done == ["one", "three"]
    assert (await answered(store, patched("one", "two"), patched("one", "two"), run_id="new"))[-1] == Ok("end")
    assert effects.done[2:] == ["one", "two"]


async def test_a_patch_that_nobody_asks_for_any_more_is_no_drift(store: SharedStore, effects: Effects) -> None:
    """Once the old branch is taken away, runs that did the new go on; one that did the old does not fit."""

    def settled() -> Flow:
        async def code(run: Run[FlowError]) -> Result[str, FlowError]:
            await run.approval("before 0", proposes=0)
            await run.step(effects.do, "fee")
            await run.approval("after 0", proposes=0)
            return Ok(await run.step(effects.do, "end"))

        return flow(code)

    new, old = asking(effects, 1, 1, patch=True), asking(effects, 1, 1, patch=False)
    assert (await answered(store, new, new, settled()))[-1] == Ok("end")
    assert effects.done == ["fee", "end"]
    assert isinstance(error_of((await answered(store, old, old, settled(), run_id="old"))[-1]), WorkflowChanged)


async def test_a_retry_asks_anew_where_the_run_failed_at_the_place_itself(store: SharedStore, effects: Effects) -> None:
    """The step that failed is forgotten, so the run has not gone past."""

    def failing(*, patch: bool) -> Flow:
        async def code(run: Run[FlowError]) -> Result[str, FlowError]:
            if patch and run.patched("fee"):
                await run.step(effects.do, "fee")
            return Ok(await run.step(effects.do, "end"))

        return flow(code)

    effects.failing = {"end"}
    async with Orchestrator(store) as orchestrator:
        await orchestrator.start(failing(patch=False)(), run_id="r")
        effects.failing = set()
        assert (await orchestrator.retry("r", failing(patch=True))).status is RunStatus.COMPLETED
    assert effects.done == ["end", "fee", "end"]
