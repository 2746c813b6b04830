"""Lives of runs under crashes: from a seed, a shape, who is killed where, and who goes on afterwards."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp
from typing import TypeAlias

from attrs import evolve, frozen

from awaitly import MemoryStore
from awaitly.testing import Failpoints
from tests.faults.child import live
from tests.faults.errands import drawn_shape, width
from tests.faults.grounds import Ground
from tests.faults.inspecting import Sight, check_end, check_sight, look
from tests.faults.orders import Orders, Place
from tests.faults.processes import KILLED, ended, fork
from tests.faults.stores import in_files, settled
from tests.faults.tally import TALLY

__all__ = [
    "FAILPOINTS",
    "Harm",
    "at_any_moment",
    "at_failpoint",
    "folder",
    "live_on",
    "unharmed",
    "with_bug",
    "with_clocks_apart",
    "within_commits",
]

RUN = "r1"
SHORT_LEASE = "0.06s"
FAILPOINTS = tuple(
    f"{move}.{side}"
    for move in ("open", "start", "step", "park", "decide", "claim", "end", "cancel", "release", "renew")
    for side in ("before", "after")
)


@frozen
class Victim:
    """A child that comes to harm, and whether it must not survive; after `delay` seconds its parent kills it."""

    orders: Orders
    surely: bool = True
    delay: float | None = None


Harm: TypeAlias = Callable[[Random, Place], tuple[str, Victim]]
"""Draws a shape, and somebody who comes to harm while living a run of it."""


@contextmanager
def folder() -> Generator[Path]:
    """Make a folder, in memory where the system has such a place: what a killed process wrote is kept there too."""
    memory = Path("/dev/shm")
    made = Path(mkdtemp(prefix="awaitly-faults-", dir=memory if memory.is_dir() else None))
    try:
        yield made
    finally:
        rmtree(made)


def _living(place: Place, shape: str, random: Random, name: str) -> Orders:
    return Orders(place, (("live", RUN, shape),), name=name, seed=random.randrange(2**32), lease=SHORT_LEASE)


# Who comes to harm


def at_failpoint(name: str) -> Harm:
    """Let the victim be killed at a failpoint, at any of the hits that its life has."""

    def draw(random: Random, place: Place) -> tuple[str, Victim]:
        while True:
            shape = drawn_shape(random)
            orders = _prepared(_living(place, shape, random, "victim"), name, random)
            hits = _hits(orders)[name] if not name.startswith("renew") else 1
            if hits:
                return shape, Victim(orders.but(failpoint=f"{name}:kill@{random.randint(1, hits)}"))

    return draw


def _prepared(orders: Orders, name: str, random: Random) -> Orders:
    """Let the victim come to those failpoints that no plain life has."""
    if name.startswith("cancel"):
        return orders.but(cancels=0.8)
    if name.startswith("release"):
        return orders.but(body=f"cancel-{random.choice(('before', 'after'))}@{random.randint(1, 3)}")
    if name.startswith("renew"):
        return orders.but(body=f"renew-{random.choice(('before', 'after'))}@1")
    return orders


def _hits(orders: Orders) -> Counter[str]:
    """Count the failpoints of a life that nothing befalls."""
    failpoints = Failpoints()
    asyncio.run(live(MemoryStore(), orders.but(lease="30s"), failpoints))
    return failpoints.hits


def at_any_moment(longest: float) -> Harm:
    """Let the parent kill the victim after a random time of up to so many seconds."""

    def draw(random: Random, place: Place) -> tuple[str, Victim]:
        shape = drawn_shape(random)
        victim = _living(place, shape, random, "victim")
        return shape, Victim(victim, surely=False, delay=random.uniform(0, longest))

    return draw


def within_commits(random: Random, place: Place) -> tuple[str, Victim]:
    """Let the victim be killed between two statements or calls, in a body, or a moment after a commit began."""
    shape = drawn_shape(random)
    victim = _living(place, shape, random, "victim")
    match random.randrange(3):
        case 0:
            victim = victim.but(statement=random.randint(1, 150 if in_files(place.store) else 25))
        case 1:
            longest = 0.0005 if in_files(place.store) else 0.003
            victim = victim.but(commit=(random.randint(1, 9), random.uniform(0, longest)))
        case _:
            victim = victim.but(body=f"kill-{random.choice(('before', 'after'))}@{random.randint(1, 6)}")
    return shape, Victim(victim, surely=False)


def with_bug(harm: Harm, planted: str) -> Harm:
    """Let the victim's store have a bug as well."""

    def draw(random: Random, place: Place) -> tuple[str, Victim]:
        shape, victim = harm(random, place)
        return shape, evolve(victim, orders=victim.orders.but(planted=planted))

    return draw


def with_clocks_apart(harm: Harm) -> Harm:
    """Let the clock of the victim's machine be hours ahead or behind, and those of its survivors too."""

    def draw(random: Random, place: Place) -> tuple[str, Victim]:
        shape, victim = harm(random, place)
        return shape, evolve(victim, orders=victim.orders.but(skew=_apart(random)))

    return draw


def _apart(random: Random) -> float:
    return random.choice((-1, 1)) * random.uniform(1, 5)


def unharmed(random: Random, place: Place) -> tuple[str, Victim]:
    """Let nothing happen to the victim; it is merely impatient."""
    shape = drawn_shape(random)
    return shape, Victim(_living(place, shape, random, "victim").but(patience=3), surely=False)


# A life


def live_on(seed: int, harm: Harm, ground: Ground = Place.at) -> None:
    """Let a run live, be struck once or more often, and go on to its end in other processes; check all the while."""
    random = Random(seed)
    with folder() as here:
        place = ground(here)
        shape, victim = harm(random, place)
        sights = [_struck(victim, shape)]
        while random.random() < 0.3 and len(sights) < 3:
            again = within_commits(random, place)[1]
            orders = again.orders.but(deeds=victim.orders.deeds, name=f"victim{len(sights) + 1}")
            sights.append(_struck(Victim(orders, surely=False), shape))
        _survive(place, shape, random, apart=bool(victim.orders.skew))
        sight = look(place, RUN)
        check_sight(sight, 0)
        check_end(sight, shape, sights)
    TALLY.happened("runs lived to their end")


def _struck(victim: Victim, shape: str) -> Sight:
    """Let a victim come to harm, and look at what it left."""
    process = fork(victim.orders)
    if victim.delay is not None:
        time.sleep(victim.delay)
        process.kill()
    code = ended(process)
    TALLY.happened("processes killed", code == KILLED)
    if victim.surely:
        TALLY.check("a victim dies where it should", code == KILLED, (code, victim))
    else:
        TALLY.check("a process ends well or by the kill", code in (0, KILLED), (code, victim))
    settled(victim.orders.place.store)
    sight = look(victim.orders.place, RUN)
    check_sight(sight, width(shape))
    return sight


def _survive(place: Place, shape: str, random: Random, *, apart: bool) -> None:
    """Let one or several processes see the run through, at the same time."""
    names = ["ann", "bob", "cyd"][: random.choice((1, 1, 2, 3))]
    living = [_living(place, shape, random, name).but(lease="30s") for name in names]
    survivors = [fork(orders.but(skew=_apart(random)) if apart else orders) for orders in living]
    for name, survivor in zip(names, survivors, strict=True):
        TALLY.check("a survivor ends well", ended(survivor) == 0, (name, shape))
