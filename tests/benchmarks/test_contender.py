"""awaitly's own part in the measurements; the peers are not installed where tests run."""

from __future__ import annotations

from pathlib import Path

import pytest

from awaitly import Orchestrator, RunStatus, open_store
from benchmarks.contenders import opener, recovering
from benchmarks.limit import limit_of_files

NAMES = ["run-1", "run-2", "run-3"]


async def test_what_was_decided_meanwhile_is_completed(tmp_path: Path) -> None:
    """Runs are parked, decided with nothing that executes them, and completed by who comes after."""
    address = f"sqlite:///{tmp_path / 'runs.db'}"
    async with opener("awaitly")(address) as contender:
        for name in NAMES:
            await contender.start(name)
    awaitly = recovering("awaitly")
    await awaitly.answer(address, NAMES)
    async with Orchestrator(open_store(address)) as orchestrator:
        assert [(await orchestrator.status(name)).unwrap().run.status for name in NAMES] == [RunStatus.PARKED] * 3
        async with awaitly.recovered(address, NAMES):
            found = [(await orchestrator.status(name)).unwrap().run.status for name in NAMES]
    assert found == [RunStatus.COMPLETED] * 3


async def test_a_run_of_steps_records_each(tmp_path: Path) -> None:
    """What a step costs is measured on as many recorded steps as were asked for."""
    address = f"sqlite:///{tmp_path / 'runs.db'}"
    async with opener("awaitly")(address) as contender:
        await contender.count("counted", 5)
    async with Orchestrator(open_store(address)) as orchestrator:
        history = (await orchestrator.history("counted")).unwrap()
    assert len(history.steps) == 5


@pytest.mark.parametrize("who", ["alone", "together"])
def test_the_limit_of_a_file_is_a_rate(who: str) -> None:
    """The bare store writes some rows a second, for one client and for many."""
    with limit_of_files() as limit:
        assert (limit.alone if who == "alone" else limit.together)() > 0
