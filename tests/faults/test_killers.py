"""A run that ends the process before its first step is found out, whatever runs beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from awaitly import Ok, RunStatus
from tests.faults.grounds import ELSEWHERE, ground_of
from tests.faults.killers import deadly, orchestrator_at, slow, times_begun, worn_down
from tests.faults.orders import Place
from tests.faults.tally import TALLY

SOON = ("sqlite",)
KINDS = [*SOON, *(pytest.param(kind, marks=pytest.mark.slow) for kind in ELSEWHERE if kind not in SOON)]


@pytest.fixture(params=KINDS)
def shared(request: pytest.FixtureRequest, here: Path) -> Place:
    """Give a place whose store is of each kind that several processes share."""
    place = Place.at(here) if request.param == "sqlite" else ground_of(request.param, request)(here)
    Path(place.marks).touch()
    return place


async def test_whoever_executes_beside_a_killer_is_not_taken_for_one(shared: Place, here: Path) -> None:
    """Twenty runs whose steps last longer than a lease complete; they never execute beside one that killed twice."""
    healed, innocent = here / "healed", [f"innocent-{number}" for number in range(20)]
    async with orchestrator_at(shared) as gateway:
        for name in innocent[:10]:
            (await gateway.enqueue(slow(shared.marks, 0.6), run_id=name)).unwrap()
        (await gateway.enqueue(deadly(str(healed)), run_id="killer")).unwrap()
        for name in innocent[10:]:
            (await gateway.enqueue(slow(shared.marks, 0.6), run_id=name)).unwrap()
        runs = await worn_down(gateway, shared, ["killer", *innocent])
    aside = runs.pop("killer")
    TALLY.check("the killer alone is set aside", aside.status is RunStatus.NEEDS_REVIEW, aside)
    statuses = {run.status for run in runs.values()}
    TALLY.check("whoever runs beside a killer ends", statuses == {RunStatus.COMPLETED}, runs)
    TALLY.check("and is never near to be set aside", max(run.recoveries for run in runs.values()) <= 3, runs)
    TALLY.happened("steps that ran again, for a killer ended their process", times_begun(shared).total() - 20)


@pytest.mark.parametrize("killer", ["new", "asked"])
async def test_a_run_that_kills_before_its_first_step_is_set_aside(shared: Place, here: Path, killer: str) -> None:
    """One that nobody began as well as one that was decided; those beside it end, and it goes on once it is healed."""
    healed = here / "healed"
    async with orchestrator_at(shared) as gateway:
        (await gateway.enqueue(deadly(str(healed)), run_id=killer)).unwrap()
        if killer == "asked":
            assert (await gateway.resume(killer)).status is RunStatus.PARKED
            (await gateway.approve(killer, by="ann")).unwrap()
        healthy = [f"healthy-{number}" for number in range(3)]
        for name in healthy:
            (await gateway.enqueue(slow(shared.marks, 0.0), run_id=name)).unwrap()
        runs = await worn_down(gateway, shared, [killer, *healthy])
        aside = runs.pop(killer)
        TALLY.check("who kills before the first step is set aside", aside.status is RunStatus.NEEDS_REVIEW, aside)
        TALLY.check("with the reason", "taken over 5 times from processes that died" in str(aside.reason), aside.reason)
        statuses = {run.status for run in runs.values()}
        TALLY.check("whoever runs beside a killer ends", statuses == {RunStatus.COMPLETED}, runs)
        TALLY.check("and runs at all", set(times_begun(shared)) == set(healthy), times_begun(shared))
        healed.touch()
        execution = await gateway.retry(killer)
        TALLY.check("a healed run goes on", execution.result == Ok("alive"), execution)
