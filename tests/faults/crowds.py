"""Many contenders on one store at once: threads with a loop each, or processes, in rounds that begin together."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from attrs import frozen

from awaitly import Execution, Ok, Orchestrator, Result
from tests.faults.child import told
from tests.faults.errands import Marks, errand
from tests.faults.orders import Place
from tests.faults.planting import planted
from tests.faults.processes import CONTEXT, ended, started
from tests.faults.stores import store_at

__all__ = ["Answer", "Crowd", "decide", "in_processes", "in_threads", "parked", "resume"]

Answer: TypeAlias = dict[str, Any]
Act: TypeAlias = Callable[[Orchestrator, str, int], Awaitable[object]]
_LONGEST = 120.0


class Gate(Protocol):
    """What contenders wait at before each round."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait until all are here."""
        ...


@frozen
class Crowd:
    """Who contends for what: `act` in each of the runs, by so many contenders, on stores with a bug or without."""

    place: Place
    act: Act
    runs: Sequence[str]
    count: int
    planted: str = ""

    def answers_of(self, number: int) -> Path:
        """Name the file with a contender's answers."""
        return Path(f"{self.place.reports}.{number}")


async def decide(orchestrator: Orchestrator, run_id: str, number: int) -> object:
    """Decide on the one approval: some approve, some edit, some reject."""
    by = f"actor{number}"
    match number % 3:
        case 0:
            return await orchestrator.approve(run_id, by=by)
        case 1:
            return await orchestrator.edit(run_id, None, f"{by}'s", by=by)
        case _:
            return await orchestrator.reject(run_id, reason=f"{by}'s", by=by)


async def resume(orchestrator: Orchestrator, run_id: str, number: int) -> object:
    """Resume the run."""
    return await orchestrator.resume(run_id)


def contend(crowd: Crowd, number: int, gate: Gate) -> None:
    """Be one contender: act in each round as soon as all are ready, and keep the answers."""
    with asyncio.Runner() as runner:
        marks = Marks(Path(crowd.place.marks))
        store = planted(crowd.planted, store_at(crowd.place.store))
        orchestrator = Orchestrator(store, workflows=[errand(marks)], lease="60s")
        runner.run(orchestrator.__aenter__())
        answers: list[Answer] = []
        for run_id in crowd.runs:
            gate.wait(_LONGEST)
            answers.append(runner.run(_told(crowd.act(orchestrator, run_id, number))))
        runner.run(orchestrator.__aexit__(None, None, None))
    crowd.answers_of(number).write_text(json.dumps(answers))


async def _told(answering: Awaitable[object]) -> Answer:
    return told(await answering)


def in_threads(crowd: Crowd) -> list[list[Answer]]:
    """Let threads contend; gives the answers, a list a round."""
    gate = threading.Barrier(crowd.count)
    threads = [threading.Thread(target=contend, args=(crowd, n, gate)) for n in range(crowd.count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _rounds(crowd)


def in_processes(crowd: Crowd) -> list[list[Answer]]:
    """Let processes contend; gives the answers, a list a round."""
    gate = CONTEXT.Barrier(crowd.count)
    processes = [started(contend, crowd, n, gate) for n in range(crowd.count)]
    for process in processes:
        ended(process, _LONGEST * 10)
    return _rounds(crowd)


def _rounds(crowd: Crowd) -> list[list[Answer]]:
    each = [json.loads(crowd.answers_of(n).read_text()) for n in range(crowd.count)]
    return [list(answers) for answers in zip(*each, strict=True)]


def parked(place: Place, count: int, *, decided: bool) -> list[str]:
    """Start so many runs that park after a step, and decide on them where that is wanted."""
    return asyncio.run(_parked(place, count, decided=decided))


async def _parked(place: Place, count: int, *, decided: bool) -> list[str]:
    names = [f"r{n}" for n in range(count)]
    workflow = errand(Marks(Path(place.marks)))
    async with Orchestrator(store_at(place.store), workflows=[workflow]) as orchestrator:
        for name in names:
            execution: Execution[Any, Any] = await orchestrator.start(workflow("s a s"), run_id=name)
            assert execution.pending
            if decided:
                answer: Result[Any, Any] = await orchestrator.approve(name, by="ann")
                assert isinstance(answer, Ok)
    return names
