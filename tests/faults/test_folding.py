from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from awaitly import Gate, MemoryStore
from tests.faults.folding import (
    Scene,
    Teller,
    Told,
    approved,
    in_processes,
    in_threads,
    made,
    pending,
    perform,
    propose,
)
from tests.faults.lengths import ROUNDS, times
from tests.faults.orders import Place
from tests.faults.stores import store_at
from tests.faults.tally import TALLY
from tests.support import SharedStore

Among = Callable[[Scene], list[list[Told]]]
TELLERS = 12


def check_calls(answers: list[Told]) -> set[str]:
    """Check that each call has one ticket, whoever came with it, and give the tickets."""
    tickets: defaultdict[str, set[str]] = defaultdict(set)
    for answer in answers:
        tickets[answer["call"]].add(answer["ticket"])
    TALLY.check("a call has one ticket", all(len(each) == 1 for each in tickets.values()), tickets)
    return {answer["ticket"] for answer in answers}


def check_proposed(answers: list[Told], waiting: set[str]) -> None:
    """Check a round in which all have proposed equal calls."""
    tickets = check_calls(answers)
    TALLY.check("equal calls that come at once are one ticket", len(tickets) == 1, tickets)
    TALLY.check("and it waits for people", tickets <= waiting, (tickets, waiting))


def check_performed(answers: list[Told], ticket: str, paid: int, waiting: set[str]) -> None:
    """Check a round in which all have performed calls that are equal to one that was approved before."""
    tickets = check_calls(answers)
    told = {answer["value"] for answer in answers if answer["ticket"] == ticket}
    TALLY.check("an approved call is made once", paid == 1, (paid, answers))
    TALLY.check("whoever is folded into it gets what it gave", len(told) == 1, answers)
    others = tickets - {ticket}
    TALLY.check("who comes after it is asked about once more", len(others) <= 1 and others <= waiting, tickets)


def propose_at_once(place: Place, rounds: int, among: Among) -> None:
    """Let all propose, in each round."""
    names = tuple(f"r{number}" for number in range(rounds))
    told = among(Scene(place, propose, names, TELLERS))
    waiting = asyncio.run(pending(store_at(place.store)))
    for answers in told:
        check_proposed(answers, waiting)
    TALLY.check("nobody is asked twice", len(waiting) == rounds, len(waiting))


def perform_at_once(place: Place, rounds: int, among: Among) -> None:
    """Let all perform, in each round."""
    names = tuple(f"r{number}" for number in range(rounds))
    tickets = asyncio.run(approved(store_at(place.store), *names))
    told = among(Scene(place, perform, names, TELLERS))
    waiting, paid = asyncio.run(pending(store_at(place.store))), Counter(made(place))
    for name, answers in zip(names, told, strict=True):
        check_performed(answers, tickets[name], paid[name], waiting)


@pytest.mark.parametrize("contest", [propose_at_once, perform_at_once])
@pytest.mark.parametrize("among", [in_threads, in_processes])
def test_equal_calls_at_once_are_asked_about_and_made_once(
    place: Place, contest: Callable[[Place, int, Among], None], among: Among
) -> None:
    """Whether they come before people are asked, or while a call that was approved is made."""
    contest(place, 6, among)


@pytest.mark.slow
@pytest.mark.parametrize("contest", [propose_at_once, perform_at_once])
@pytest.mark.parametrize("among", [in_threads, in_processes])
def test_equal_calls_at_once_are_asked_about_and_made_once_each_time(
    place: Place, contest: Callable[[Place, int, Among], None], among: Among
) -> None:
    """The same in a thousand rounds."""
    contest(place, times(ROUNDS), among)


@pytest.mark.parametrize("contest", [propose_at_once, perform_at_once])
def test_equal_calls_at_once_are_asked_about_and_made_once_wherever_tickets_are_kept(
    elsewhere: Place, contest: Callable[[Place, int, Among], None]
) -> None:
    """The same on servers, and in two stores."""
    contest(elsewhere, 3, in_threads)


@pytest.mark.slow
@pytest.mark.parametrize("contest", [propose_at_once, perform_at_once])
@pytest.mark.parametrize("among", [in_threads, in_processes])
def test_equal_calls_at_once_are_asked_about_and_made_once_each_time_wherever_tickets_are_kept(
    elsewhere: Place, contest: Callable[[Place, int, Among], None], among: Among
) -> None:
    """The same in a thousand rounds."""
    contest(elsewhere, times(ROUNDS), among)


async def test_equal_calls_of_tasks_at_once_are_asked_about_and_made_once(here: Path) -> None:
    """With gates of their own on one store in memory."""
    inner = MemoryStore()
    await inner.open()
    store = SharedStore(inner)
    tellers = [Teller(Gate(store), number, here / "marks") for number in range(TELLERS)]
    for number in range(50):
        proposed = await asyncio.gather(*(propose(teller, f"p{number}") for teller in tellers))
        check_proposed(proposed, await pending(store))
        name = f"r{number}"
        ticket = (await approved(store, name))[name]
        answers = await asyncio.gather(*(perform(teller, name) for teller in tellers))
        paid = (here / "marks").read_text("utf-8").splitlines().count(name)
        check_performed(answers, ticket, paid, await pending(store))
    await inner.close()
