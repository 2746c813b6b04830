from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from awaitly import Changes, Execution, MemoryStore, Move, Orchestrator, Store
from awaitly.storage.records import approval_of, row_of_approval
from tests.faults.child import told
from tests.faults.crowds import Answer, Crowd, in_processes, in_threads, parked, resume
from tests.faults.errands import Marks, errand
from tests.faults.lengths import ROUNDS, times
from tests.faults.orders import Place
from tests.faults.planting import planted
from tests.faults.tally import TALLY, Violated

Contest = Callable[[Crowd], list[list[Answer]]]
RESUMERS = 32
FEW, FEWER = 4, 2
"""Rounds of a short contest: over a file, and elsewhere."""


def check_round(answers: list[Answer]) -> None:
    """Check that all resumers of one run were told its outcome, or that it is in other hands."""
    values = {a["value"] for a in answers if a["ok"]}
    refusals = {a["error"] for a in answers if not a["ok"]}
    TALLY.check("resumers get one outcome", values == {"begin.s0.s2"}, answers)
    TALLY.check("the other resumers get a RunConflict", refusals <= {"RunConflict"}, answers)


def contest(place: Place, rounds: int, among: Contest) -> None:
    """Let 32 resume one decided run at once, and check that its next step ran once, in each round."""
    runs = parked(place, rounds, decided=True)
    for answers in among(Crowd(place, resume, runs, RESUMERS)):
        check_round(answers)
    marks = Counter(Marks.read(Path(place.marks)))
    TALLY.check("of 32 resumers one executes", marks == {"s0": rounds, "s2": rounds}, marks)


async def contest_of_tasks(rounds: int, plant: str = "") -> None:
    """Do the same with tasks of one loop, each with an orchestrator of its own on one store in memory."""
    store: Store = MemoryStore()
    for number in range(rounds):
        marks, run_id = Marks(), f"r{number}"
        workflow = errand(marks)
        async with Orchestrator(store, workflows=[workflow]) as orchestrator:
            await orchestrator.start(workflow("s a s"), run_id=run_id)
            await orchestrator.approve(run_id, by="ann")
            others = [Orchestrator(planted(plant, store), workflows=[workflow]) for _ in range(RESUMERS)]
            executions = await asyncio.gather(*(other.resume(run_id) for other in others))
        check_round([told(execution) for execution in executions])
        TALLY.check("of 32 resumers one executes", marks.left == ["s0", "s2"], marks.left)


@pytest.mark.parametrize("among", [in_threads, in_processes])
def test_one_of_many_resumers_executes(place: Place, among: Contest) -> None:
    """Of 32 that resume a run at once, in threads or in processes, one executes its next step."""
    contest(place, FEW, among)


async def test_one_of_many_resuming_tasks_executes() -> None:
    """Of 32 tasks that resume a run at once, one executes its next step."""
    await contest_of_tasks(50)


@pytest.mark.slow
@pytest.mark.parametrize("among", [in_threads, in_processes])
def test_one_of_many_resumers_executes_each_time(place: Place, among: Contest) -> None:
    """The same in a thousand rounds."""
    contest(place, times(ROUNDS), among)


@pytest.mark.slow
async def test_one_of_many_resuming_tasks_executes_each_time() -> None:
    """The same in a thousand rounds."""
    await contest_of_tasks(times(ROUNDS))


def test_one_of_many_resumers_executes_wherever_runs_are_kept(elsewhere: Place) -> None:
    """Of 32 that resume a run at once, one executes its next step, on servers and in two stores as well."""
    contest(elsewhere, FEWER, in_threads)


@pytest.mark.slow
@pytest.mark.parametrize("among", [in_threads, in_processes])
def test_one_of_many_resumers_executes_each_time_wherever_runs_are_kept(elsewhere: Place, among: Contest) -> None:
    """The same in a thousand rounds."""
    contest(elsewhere, times(ROUNDS), among)


async def test_the_contest_notices_two_executions() -> None:
    """Where the store ignores versions, the contest fails."""
    with TALLY.aside(), pytest.raises(Violated):
        await contest_of_tasks(5, "versions are ignored")


async def test_many_resumers_set_a_tampered_run_aside() -> None:
    """Of 32 that resume a run whose approval was tampered with, each is told that it needs review, and none raises."""
    store, workflow = MemoryStore(), errand(Marks())
    async with Orchestrator(store, workflows=[workflow]) as orchestrator:
        await orchestrator.start(workflow("s a s"), run_id="r1")
        await orchestrator.approve("r1", by="ann")
        (row,) = (await store.approvals("r1")).approvals
        tampered = row_of_approval(evolve(approval_of(row), proposal='"something else"', version=row.version + 1))
        await store.commit(Changes(move=Move.DECIDE, approvals=(tampered,)))
        attempts = [asyncio.ensure_future(_quietly(orchestrator.resume("r1"))) for _ in range(RESUMERS)]
        answers = Counter(await asyncio.gather(*attempts))
    TALLY.check("many set a run aside without an exception", answers == {"needs_review": RESUMERS}, answers)


async def _quietly(resuming: Any) -> str:
    """Give how a resumer fared; signals are no ordinary exceptions, and are caught before they reach the loop."""
    try:
        execution: Execution[Any, Any] = await resuming
    except BaseException as exc:  # noqa: BLE001  (whatever leaves a resume is what the test is about)
        return type(exc).__name__
    return execution.status.value if execution.status else "unknown"
