"""Whatever the verbs are told, both stores answer alike or raise a typed error, and a neighbour is left alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis.strategies import DataObject, data

from awaitly import Gate, Invocation, Orchestrator, Run, RunStatus, Store
from tests.fuzz.entries import Entry, named
from tests.fuzz.gates import GATES, PROPOSED
from tests.fuzz.ground import WORKFLOWS, Ground, Side, both_sides, refund, telling
from tests.fuzz.judging import fuzzed, outcome
from tests.fuzz.verbs import CALLED, VERBS, called_in_a_run
from tests.support import ADMIN


def _orchestrator(store: Store) -> AbstractAsyncContextManager[Orchestrator]:
    return Orchestrator(store, workflows=WORKFLOWS)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground[Orchestrator]]:
    """Have an orchestrator over each store."""
    with both_sides(tmp_path, _orchestrator) as opened:
        yield opened


def ready(ground: Ground[Orchestrator]) -> None:
    """Have a run that waits for an approval, and one that waits for a promise, anew where they do no more."""
    for run_id, invocation in (("r", refund("x")), ("t", telling("x"))):
        waiting = [ground.run(_waits(side, run_id)) for side in ground.sides]
        if not all(waiting):
            ground.clock.advance("2h")
            for side in ground.sides:
                ground.run(_anew(side, run_id, invocation))


async def _waits(side: Side[Orchestrator], run_id: str) -> bool:
    found = (await side.host.status(run_id)).value_or(None)
    return found is not None and found.run.status is RunStatus.PARKED and bool(found.pending or found.awaiting)


async def _anew(side: Side[Orchestrator], run_id: str, invocation: Invocation[Any, Any]) -> None:
    await side.host.cancel(run_id, by=ADMIN)
    await side.host.cleanup(older_than="1h")
    await side.host.start(invocation, run_id=run_id, requested_by="zoe")


async def said(side: Side[Orchestrator], name: str, arguments: Mapping[str, Any]) -> object:
    """Call a verb; a worker is entered, and a listing read to its end."""
    answer: Any = getattr(side.host, name)(**arguments)
    if isinstance(answer, AsyncGenerator):
        return [each async for each in cast("AsyncGenerator[Any]", answer)]
    return await answer if hasattr(answer, "__await__") else cast("object", type(answer))


@pytest.mark.parametrize("entry", named(VERBS))
def test_no_verb_breaks(entry: Entry, ground: Ground[Orchestrator]) -> None:
    """Each verb gives a value or raises a typed error, the same over both stores, and touches no other run."""

    @fuzzed(4)
    @given(data())
    def tried(drawn: DataObject) -> None:
        chosen = {**entry.usual, **drawn.draw(entry.arguments())}
        ready(ground)
        name = entry.name.rpartition(".")[2]
        ground.asked(lambda side: said(side, name, chosen), lambda error: outcome(entry.call, error, Orchestrator))

    tried()


@pytest.mark.parametrize("entry", named(CALLED))
def test_nothing_that_a_workflow_says_breaks(entry: Entry, ground: Ground[Orchestrator]) -> None:
    """Whatever a workflow asks, waits for or names, its run parks, ends, or says what is wrong, over both stores."""

    @fuzzed(4)
    @given(data())
    def tried(drawn: DataObject) -> None:
        chosen = {**entry.usual, **drawn.draw(entry.arguments())}
        name = entry.name.rpartition(".")[2]
        ground.asked(lambda side: called_in_a_run(side, name, chosen), lambda error: outcome(entry.call, error, Run))

    tried()


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Ground[Gate]]:
    """Have a gate over each store."""
    with both_sides(tmp_path, Gate) as opened:
        yield opened


async def judged(side: Side[Gate], entry: Entry, arguments: Mapping[str, Any]) -> object:
    """Call what a gate offers, or what takes a gate."""
    answer: Any = entry.call(side.host, **arguments)
    return await answer if hasattr(answer, "__await__") else cast("object", type(answer))


@pytest.mark.parametrize("entry", named((*GATES, *PROPOSED)))
def test_no_gate_breaks(entry: Entry, gates: Ground[Gate]) -> None:
    """Whatever an agent calls, and whatever is said of its tickets, the gate answers alike over both stores."""

    @fuzzed(4)
    @given(data())
    def tried(drawn: DataObject) -> None:
        chosen = {**entry.usual, **drawn.draw(entry.arguments())}
        gates.asked(lambda side: judged(side, entry, chosen), lambda error: outcome(entry.call, error, Gate))

    tried()
