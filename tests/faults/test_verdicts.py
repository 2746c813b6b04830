from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.faults.lengths import times
from tests.faults.orders import Place
from tests.faults.tally import TALLY, Violated
from tests.faults.verdicts import IN_MEMORY, contested, voted

Contest = Callable[..., Awaitable[object]]
CONTESTS = pytest.mark.parametrize("contest", [contested, voted])
FEW, MANY = 60, times(10_000)


async def test_each_end_of_an_approval_is_reached() -> None:
    """Rounds in which all contend end in each way there is; none of them twice."""
    came = await contested(IN_MEMORY, 400)
    assert set(came) == {"approved", "edited", "rejected", "expired", "cancelled", "pending", "superseded"}


@CONTESTS
async def test_contenders_for_an_approval_agree(contest: Contest) -> None:
    """In memory: one end, and the record, its ledger, the run and what people were told agree on it."""
    await contest(IN_MEMORY, FEW)


@CONTESTS
async def test_contenders_agree_over_a_file(contest: Contest, place: Place) -> None:
    """The same with connections of their own to a file of SQLite."""
    await contest(place.store, FEW)


@CONTESTS
async def test_contenders_agree_wherever_runs_are_kept(contest: Contest, elsewhere: Place) -> None:
    """The same on servers and in two stores."""
    await contest(elsewhere.store, 10)


@pytest.mark.slow
@CONTESTS
async def test_contenders_agree_each_time(contest: Contest) -> None:
    """Ten thousand rounds in memory."""
    await contest(IN_MEMORY, MANY, seed=1)


@pytest.mark.slow
@CONTESTS
async def test_contenders_agree_over_a_file_each_time(contest: Contest, place: Place) -> None:
    """Ten thousand rounds over a file of SQLite."""
    await contest(place.store, MANY, seed=1)


@pytest.mark.slow
@CONTESTS
async def test_contenders_agree_wherever_runs_are_kept_each_time(contest: Contest, elsewhere: Place) -> None:
    """Ten thousand rounds on each kind of server, and in two stores."""
    await contest(elsewhere.store, MANY, seed=1)


@CONTESTS
@pytest.mark.parametrize("plant", ["approvals are swapped at any version", "versions are ignored"])
async def test_the_contests_notice_a_store_that_swaps_at_any_version(contest: Contest, plant: str) -> None:
    """Where the store compares nothing, the rounds fail."""
    with TALLY.aside(), pytest.raises(ExceptionGroup) as raised:
        await contest(IN_MEMORY, 200, plant=plant)
    assert raised.group_contains(Violated)
