from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from awaitly import MemoryStore, Orchestrator
from tests.faults.child import told
from tests.faults.crowds import Answer, Crowd, decide, in_processes, in_threads, parked
from tests.faults.errands import Marks, errand
from tests.faults.inspecting import look
from tests.faults.lengths import ROUNDS, times
from tests.faults.orders import Place
from tests.faults.tally import TALLY, Violated

Contest = Callable[[Crowd], list[list[Answer]]]
CONTENDERS = 64
FEW, FEWER = 4, 2
"""Rounds of a short contest: over a file, and elsewhere."""


def contest(place: Place, rounds: int, among: Contest, plant: str = "") -> None:
    """Let 64 decide on one approval at once, and check that one of them did, in each round."""
    runs = parked(place, rounds, decided=False)
    for run_id, answers in zip(runs, among(Crowd(place, decide, runs, CONTENDERS, plant)), strict=True):
        check_round(place, run_id, answers)


def check_answers(answers: list[Answer]) -> tuple[str, str]:
    """Check one round's answers against each other, and give the winner and what became of the approval."""
    winners = [(f"actor{n}", str(a["status"])) for n, a in enumerate(answers) if a["ok"]]
    TALLY.check("of 64 deciders one wins", len(winners) == 1, winners)
    losers = {(a.get("error"), a.get("by"), a.get("status")) for a in answers if not a["ok"]}
    TALLY.check("each loser is told who won", losers == {("AlreadyDecided", *winners[0])}, (winners, losers))
    return winners[0]


def check_round(place: Place, run_id: str, answers: list[Answer]) -> None:
    """Check one round's answers against each other, the record and the ledger."""
    winner = check_answers(answers)
    sight = look(place, run_id)
    (approval,) = sight.approvals
    closed = approval.closing and (approval.closing.by.name, approval.status.value)
    TALLY.check("the record names the winner", closed == winner, (winner, approval))
    noted = [entry.body for entry in sight.entries[1:]]
    name, status = winner
    fits = len(noted) == 1 and f'"event":"{status}"' in noted[0] and f'"by":"{name}"' in noted[0]
    TALLY.check("the ledger names the winner", fits, (winner, noted))


@pytest.mark.parametrize("among", [in_threads, in_processes])
def test_one_of_many_deciders_wins(place: Place, among: Contest) -> None:
    """Of 64 that decide at once, in threads or in processes, one wins and the others are told who."""
    contest(place, FEW, among)


@pytest.mark.slow
@pytest.mark.parametrize("among", [in_threads, in_processes])
def test_one_of_many_deciders_wins_each_time(place: Place, among: Contest) -> None:
    """The same in a thousand rounds."""
    contest(place, times(ROUNDS), among)


def test_one_of_many_deciders_wins_wherever_runs_are_kept(elsewhere: Place) -> None:
    """Of 64 that decide at once one wins, and the others are told who, on servers and in two stores as well."""
    contest(elsewhere, FEWER, in_threads)


@pytest.mark.slow
@pytest.mark.parametrize("among", [in_threads, in_processes])
def test_one_of_many_deciders_wins_each_time_wherever_runs_are_kept(elsewhere: Place, among: Contest) -> None:
    """The same in a thousand rounds."""
    contest(elsewhere, times(ROUNDS), among)


async def contest_of_tasks(rounds: int) -> None:
    """Let 64 tasks of one loop decide at once, on one store in memory, in each round."""
    store, workflow = MemoryStore(), errand(Marks())
    async with Orchestrator(store, workflows=[workflow]) as orchestrator:
        for number in range(rounds):
            run_id = f"r{number}"
            await orchestrator.start(workflow("s a s"), run_id=run_id)
            answers = await asyncio.gather(*(decide(orchestrator, run_id, n) for n in range(CONTENDERS)))
            check_answers([told(answer) for answer in answers])


async def test_one_of_many_deciding_tasks_wins() -> None:
    """Of 64 tasks that decide at once on one store in memory, one wins and the others are told who."""
    await contest_of_tasks(20)


@pytest.mark.slow
async def test_one_of_many_deciding_tasks_wins_each_time() -> None:
    """The same in a thousand rounds."""
    await contest_of_tasks(times(ROUNDS))


def test_the_contest_notices_two_winners(place: Place) -> None:
    """Where the store swaps approvals whatever their version is, the contest fails."""
    with TALLY.aside(), pytest.raises(Violated, match="of 64 deciders one wins"):
        contest(place, 2, in_threads, "approvals are swapped at any version")
