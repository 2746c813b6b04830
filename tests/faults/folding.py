"""Agents in many places that propose equal calls at once, while a ticket of such a call is approved and executed."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from attrs import frozen

from awaitly import Err, Gate, Ok, PendingApproval, RunConflict, Store, Ticket, ToolCall
from tests.faults.errands import append
from tests.faults.orders import Place
from tests.faults.processes import CONTEXT, ended, started
from tests.faults.stores import store_at

__all__ = ["Scene", "Teller", "Told", "approved", "in_processes", "in_threads", "made", "pending", "perform", "propose"]

Told: TypeAlias = dict[str, Any]
Act: TypeAlias = Callable[["Teller", str], Awaitable[Told]]
_PAUSE = 0.005
_LONGEST = 120.0


class Meeting(Protocol):
    """What tellers wait at before each round."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait until all are here."""
        ...


def call(round_id: str, call_id: str) -> ToolCall:
    """Give one of the equal calls of a round."""
    return ToolCall(tool="pay", arguments={"round": round_id}, call_id=call_id, conversation="thread", agent="bot")


@frozen
class Teller:
    """One agent, with a gate of its own; what is paid is noted in the marks."""

    gate: Gate
    number: int
    marks: Path

    async def make(self, arguments: Mapping[str, Any]) -> str:
        """Pay."""
        append(self.marks, arguments["round"])
        return f"{arguments['round']} by {self.number}"


@frozen
class Scene:
    """Who acts in which rounds, and where: `act` by so many tellers at once."""

    place: Place
    act: Act
    rounds: tuple[str, ...]
    count: int

    def answers_of(self, number: int) -> Path:
        """Name the file with a teller's answers."""
        return Path(f"{self.place.reports}.{number}")


def _call_of(teller: Teller, round_id: str) -> str:
    """Give a teller's call; every third one comes with that of another, as a state does that is replayed."""
    return f"{round_id}:{teller.number - teller.number % 3 // 2}"


async def propose(teller: Teller, round_id: str) -> Told:
    """Propose a call."""
    call_id = _call_of(teller, round_id)
    ticket = (await teller.gate.propose(call(round_id, call_id))).unwrap()
    assert isinstance(ticket, Ticket)
    return {"call": call_id, "ticket": ticket.id}


async def perform(teller: Teller, round_id: str) -> Told:
    """Have a call made as a framework does, again and again until it has an answer or waits for people."""
    call_id = _call_of(teller, round_id)
    while True:
        match await teller.gate.perform(call(round_id, call_id), teller.make):
            case Ok(performed):
                return {"call": call_id, "ticket": performed.ticket, "value": performed.value}
            case Err(PendingApproval() as waiting):
                return {"call": call_id, "ticket": waiting.id}
            case Err(RunConflict()):
                await asyncio.sleep(_PAUSE)  # it is executed elsewhere, and nothing tells of its end
            case Err(error):
                raise AssertionError(error)


def tell(scene: Scene, number: int, meeting: Meeting) -> None:
    """Be one teller: act in each round as soon as all are ready, and keep the answers."""
    with asyncio.Runner() as runner:
        gate = Gate(store_at(scene.place.store), lease="60s")
        runner.run(gate.__aenter__())
        teller = Teller(gate, number, Path(scene.place.marks))
        answers: list[Told] = []
        for round_id in scene.rounds:
            meeting.wait(_LONGEST)
            answers.append(runner.run(_acted(scene.act, teller, round_id)))
        runner.run(gate.__aexit__(None, None, None))
    scene.answers_of(number).write_text(json.dumps(answers))


async def _acted(act: Act, teller: Teller, round_id: str) -> Told:
    return await act(teller, round_id)


def in_threads(scene: Scene) -> list[list[Told]]:
    """Let threads act, each with a store of its own; gives the answers, a list a round."""
    meeting = threading.Barrier(scene.count)
    threads = [threading.Thread(target=tell, args=(scene, number, meeting)) for number in range(scene.count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _rounds(scene)


def in_processes(scene: Scene) -> list[list[Told]]:
    """Let processes act; gives the answers, a list a round."""
    meeting = CONTEXT.Barrier(scene.count)
    processes = [started(tell, scene, number, meeting) for number in range(scene.count)]
    for process in processes:
        ended(process, _LONGEST * 10)
    return _rounds(scene)


def _rounds(scene: Scene) -> list[list[Told]]:
    each = [json.loads(scene.answers_of(number).read_text()) for number in range(scene.count)]
    return [list(answers) for answers in zip(*each, strict=True)]


async def approved(store: Store, *rounds: str) -> dict[str, str]:
    """Propose a call of each round and approve it; gives the tickets."""
    tickets = dict[str, str]()
    async with Gate(store) as gate:
        for round_id in rounds:
            ticket = (await gate.propose(call(round_id, f"{round_id}:first"))).unwrap()
            assert isinstance(ticket, Ticket)
            (await gate.approve(ticket.id, by="cy")).unwrap()
            tickets[round_id] = ticket.id
    return tickets


async def pending(store: Store) -> set[str]:
    """Give the tickets that wait for people."""
    async with Gate(store) as gate:
        return {each.id for each in (await gate.pending(limit=10_000)).items}


def made(place: Place) -> list[str]:
    """Give the rounds in which something was paid, once for each time."""
    marks = Path(place.marks)
    return marks.read_text("utf-8").splitlines() if marks.exists() else []
