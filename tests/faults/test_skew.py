"""Processes whose machines' clocks are hours apart: the server's clock counts, and fencing holds without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from awaitly import (
    Err,
    Expired,
    NotApproved,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    workflow,
)
from tests.faults.child import skewed
from tests.faults.grounds import Ground, ground_of
from tests.faults.lengths import times
from tests.faults.lives import at_any_moment, at_failpoint, live_on, with_clocks_apart, within_commits
from tests.faults.orders import Place
from tests.faults.stores import store_at
from tests.faults.tally import TALLY

LATER = ("cluster", "split on servers")
SERVERS = ["postgres", "redis", *(pytest.param(kind, marks=pytest.mark.slow) for kind in LATER)]
LIVES = 100
HOURS = (3.0, -3.0)


@pytest.fixture(params=["postgres", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("redis", *LATER))])
def living(request: pytest.FixtureRequest) -> Ground:
    """Give the same, of which one will do each time."""
    return ground_of(request.param, request)


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Ground:
    """Give where stores are had whose clock is a server's."""
    return ground_of(request.param, request)


def test_lives_go_on_among_machines_whose_clocks_are_hours_apart(living: Ground) -> None:
    """Leases hold as they do by one clock: nobody takes over what lives, and nothing recorded runs again."""
    live_on(0, with_clocks_apart(at_failpoint("step.after")), living)


@pytest.mark.slow
def test_many_lives_go_on_among_machines_whose_clocks_are_hours_apart(server: Ground) -> None:
    """The same a hundred times, and for victims that are killed at any moment."""
    for seed in range(times(LIVES)):
        live_on(seed, with_clocks_apart(within_commits), server)
        live_on(seed, with_clocks_apart(at_any_moment(0.1)), server)


@workflow
async def hurried(run: Run[NotApproved], expires_in: str) -> Result[int, NotApproved]:
    """Ask, for so long."""
    return Ok(await run.approval("boss", proposes=1, policy=Policy(approvers=["ann"], expires_in=expires_in)))


async def answers_of_a_machine(address: str, hours: float) -> tuple[bool, bool]:
    """Ask two questions, and tell whether one that is open and one that is over can be answered by such a machine."""
    store = store_at(address)
    async with Orchestrator(store, workflows=[hurried]) as orchestrator:
        await orchestrator.start(hurried("1h"), run_id="in time")
        await orchestrator.start(hurried("0.1s"), run_id="too late")
        deadline = (await store.approvals("too late")).approvals[0].deadline
        while await store.now() < (deadline or 0):
            pass
    with skewed(hours):
        async with Orchestrator(store_at(address), workflows=[hurried]) as orchestrator:
            answers = [await orchestrator.approve(name, by="ann") for name in ("in time", "too late")]
    TALLY.happened("machines whose clock was wrong")
    refused = [isinstance(answer, Err) and isinstance(answer.failure(), Expired) for answer in answers]
    return not refused[0], not refused[1]


@pytest.mark.parametrize("hours", HOURS)
async def test_the_servers_clock_decides_what_is_too_late(server: Ground, here: Path, hours: float) -> None:
    """An hour's question can be answered by a machine three hours ahead; one that is over cannot by one behind."""
    in_time, too_late = await answers_of_a_machine(server(here).store, hours)
    TALLY.check("the server's clock decides what is in time", in_time, hours)
    TALLY.check("the server's clock decides what is too late", not too_late, hours)


@pytest.mark.parametrize("hours", HOURS)
async def test_in_a_file_the_machines_clock_decides(place: Place, hours: float) -> None:
    """Where there is no server, a clock that is wrong shows: that is what these tests look for."""
    assert await answers_of_a_machine(place.store, hours) == (hours < 0, hours < 0)
