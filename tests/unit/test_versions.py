"""Versions of a workflow side by side: a run goes on with the one that it was recorded under."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from awaitly import DefinitionError, MemoryStore, Ok, Orchestrator, Result, Run, Workflow, WorkflowChanged, workflow
from awaitly.durations import as_timedelta
from awaitly.storage.store import RunRow
from awaitly.working.executor import Executor
from tests.support import FlowError, SharedStore, error_of


def refund(version: str) -> Workflow[[], str, FlowError]:
    """Make a workflow that ends with its version."""

    @workflow(name="refund", version=version)
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        return Ok(f"{await run.approval('manager', proposes='by')} {version}")

    return flow


ONE, TWO, THREE = refund("1"), refund("2"), refund("3")


async def parked(store: SharedStore, *runs: Workflow[[], str, FlowError]) -> None:
    """Park a run of each version, called by it, and decide it."""
    async with Orchestrator(store) as orchestrator:
        for each in runs:
            await orchestrator.start(each(), run_id=each.version)
            (await orchestrator.approve(each.version, by="ann")).unwrap()


async def row(store: SharedStore, run_id: str) -> RunRow:
    """Give a run's row."""
    found = (await store.load(run_id)).run
    assert found is not None
    return found


def executor(store: SharedStore, *workflows: Workflow[..., Any, Any]) -> Executor:
    """Make an executor of some workflows."""
    return Executor(store, workflows, as_timedelta("30s"))


@pytest.mark.parametrize("given", [(ONE, TWO), (TWO, ONE)])
async def test_each_run_goes_on_with_its_own_version(
    given: tuple[Workflow[[], str, FlowError], ...], each_store: SharedStore
) -> None:
    """In whatever order the versions are given, by `resume` and by `recover`."""
    await parked(each_store, ONE, TWO)
    async with Orchestrator(each_store, workflows=given) as orchestrator:
        assert (await orchestrator.resume("1")).result == Ok("by 1")
        assert [each.result for each in await orchestrator.recover()] == [Ok("by 2")]


async def test_a_start_uses_the_workflow_that_was_called(store: SharedStore) -> None:
    """Whatever other versions there are."""
    async with Orchestrator(store, workflows=[ONE, TWO]) as orchestrator:
        await orchestrator.start(ONE(), run_id="a")
        await orchestrator.start(TWO(), run_id="b")
        found = (await orchestrator.runs()).items
        assert sorted((run.run_id, run.code_version) for run in found) == [("a", "1"), ("b", "2")]


async def test_a_version_that_is_not_there_is_told(store: SharedStore) -> None:
    """The run stays as it was, for a process that has its version."""
    await parked(store, ONE)
    async with Orchestrator(store, workflows=[TWO, THREE]) as orchestrator:
        changed = error_of((await orchestrator.resume("1")).result)
        assert isinstance(changed, WorkflowChanged)
        assert changed.recorded == "version '1' of 'refund'"
    async with Orchestrator(store, workflows=[ONE, TWO]) as orchestrator:
        assert (await orchestrator.resume("1")).result == Ok("by 1")


def test_two_of_the_same_name_and_version_are_refused() -> None:
    """Which of them a run belongs to could not be told."""
    with pytest.raises(DefinitionError, match="two workflows are called 'refund' and are version '2'"):
        Orchestrator(MemoryStore(), workflows=[ONE, TWO, refund("2")])


async def test_a_worker_is_told_which_runs_it_knows(store: SharedStore) -> None:
    """By name and version; one whose record does not decode is known to all of its name: they set it aside."""
    await parked(store, ONE)
    found = await row(store, "1")
    assert executor(store, ONE, TWO).knows(found)
    assert not executor(store, TWO).knows(found)
    assert not executor(store).knows(found)
    damaged = evolve(found, body="{}")
    assert executor(store, TWO).knows(damaged)
    assert not executor(store).knows(damaged)


async def test_the_version_of_a_row_is_not_read_where_there_is_one(store: SharedStore) -> None:
    """The code of a run is found by its name, whatever its body says."""
    await parked(store, ONE)
    unreadable = evolve(await row(store, "1"), body="{")
    assert executor(store, TWO).workflow_of(unreadable) is TWO
    assert executor(store, ONE, TWO).workflow_of(unreadable) is TWO


async def test_an_edit_is_checked_by_the_version_that_asked(store: SharedStore) -> None:
    """The type that a question was asked with is found, also where it is not the newest version's."""
    async with Orchestrator(store, workflows=[ONE, TWO]) as orchestrator:
        await orchestrator.start(ONE(), run_id="1")
        assert error_of(await orchestrator.edit("1", None, 7, by="ann")).run_id == "1"
        (await orchestrator.edit("1", None, "for", by="ann")).unwrap()
        assert (await orchestrator.resume("1")).result == Ok("for 1")
