"""What is recorded of processes that contend for the same runs fits one store, and one table, at one moment each."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.faults.histories import among_processes, among_tasks
from tests.faults.lengths import times
from tests.faults.linearizing import Call, linearizable
from tests.faults.orders import Place
from tests.faults.tally import TALLY, Violated

HISTORIES = 400
FEW, MANY = 24, times(HISTORIES)


async def test_histories_of_tasks_are_linearizable(place: Place) -> None:
    """Decisions, claims, signals, promises and the commits beneath them, in memory."""
    await among_tasks(place, FEW)


def test_histories_of_processes_are_linearizable(place: Place) -> None:
    """The same over a file of SQLite, with a process that is killed at the end."""
    among_processes(place, FEW)


@pytest.mark.slow
async def test_many_histories_of_tasks_are_linearizable(place: Place) -> None:
    """The same for longer."""
    await among_tasks(place, MANY, seed=1)


@pytest.mark.slow
def test_many_histories_of_processes_are_linearizable(place: Place) -> None:
    """The same for longer."""
    among_processes(place, MANY, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_many_histories_are_linearizable_wherever_runs_are_kept(elsewhere: Place, seed: int) -> None:
    """The same on servers and in two stores."""
    among_processes(elsewhere, max(4, MANY // 5), seed)


BUGS = ("approvals are swapped at any version", "reads are stale", "claims are granted twice")


@pytest.mark.parametrize("planted", BUGS)
async def test_histories_show_a_store_with_a_bug(place: Place, planted: str) -> None:
    """A swap that compares nothing, a read from before a decision, and a claim that two get."""
    with TALLY.aside(), pytest.raises(Violated, match="is linearizable"):
        await among_tasks(place, FEW, plant=planted)


# The search itself, on a register that is set from one value to another


def swapped(register: int, deed: tuple[int, int]) -> tuple[bool, int]:
    """Be the model: set it to the second value where it has the first."""
    before, after = deed
    return (True, after) if register == before else (False, register)


Register = Call[tuple[int, int], bool]
FITS: dict[str, tuple[bool, Sequence[Register]]] = {
    "one after the other": (True, [Register((0, 1), 0, 1, True), Register((1, 2), 2, 3, True)]),
    "one of two at once": (True, [Register((0, 1), 0, 3, True), Register((0, 2), 1, 2, False)]),
    "both of two at once": (False, [Register((0, 1), 0, 3, True), Register((0, 2), 1, 2, True)]),
    "in the other order": (True, [Register((1, 2), 0, 3, True), Register((0, 1), 1, 2, True)]),
    "an order against time": (False, [Register((1, 2), 0, 1, True), Register((0, 1), 2, 3, True)]),
    "who died has done it": (True, [Register((0, 1), 0), Register((1, 2), 5, 6, True)]),
    "who died has not": (True, [Register((0, 1), 0), Register((0, 2), 5, 6, True)]),
    "who died has done it late": (
        True,
        [Register((0, 1), 0), Register((1, 2), 1, 2, False), Register((1, 2), 3, 4, True)],
    ),
    "who died later has not done it before": (False, [Register((1, 2), 1, 2, True), Register((0, 1), 3)]),
}


@pytest.mark.parametrize("case", FITS)
def test_the_search_finds_an_order_where_there_is_one(case: str) -> None:
    """And none where there is none."""
    fits, calls = FITS[case]
    assert linearizable(calls, 0, swapped) is fits
