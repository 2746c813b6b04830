"""Lives of runs in the test's own process and loop, on a clock that the test moves."""

from __future__ import annotations

from collections import Counter
from random import Random

from attrs import Factory, define, field

from awaitly import MemoryStore, Store
from awaitly.testing import FailingStore, Failpoints, TestClock
from tests.faults.child import Reports, do_all
from tests.faults.errands import Marks, drawn_shape, width
from tests.faults.inspecting import Sight, check_end, check_sight, sight_of
from tests.faults.orders import Orders, Place
from tests.faults.planting import planted

__all__ = ["RUN", "Indoors"]

RUN = "r1"
NOWHERE = Place("", "", "")


@define
class Indoors:
    """One run's life: from a seed its shape and its decisions; the store may have a bug that was `planted`."""

    seed: int
    clock: TestClock = field(factory=TestClock)
    store: Store = field(default=Factory(lambda life: MemoryStore(clock=life.clock), takes_self=True))
    planted: str = ""
    marks: Marks = field(factory=Marks)
    reports: Reports = field(factory=lambda: Reports("victim"))
    shape: str = field(init=False)
    sights: list[Sight] = field(factory=list[Sight])

    def __attrs_post_init__(self) -> None:
        """Draw the shape."""
        self.shape = drawn_shape(Random(self.seed))

    def orders(self, body: str = "", cancels: float = 0.0) -> Orders:
        """Say what the victim does."""
        deeds = (("live", RUN, self.shape),)
        return Orders(NOWHERE, deeds, "victim", self.seed, body=body, cancels=cancels, patience=5.0)

    async def live(self, failpoints: Failpoints, orders: Orders) -> None:
        """Live as the victim, with failpoints around each commit."""
        store = planted(self.planted, FailingStore(self.store, failpoints))
        await do_all(store, orders, self.marks, self.reports)

    async def look(self) -> Sight:
        """Look at the run, and check what holds at any time."""
        sight = await sight_of(self.store, RUN, Counter(self.marks.left), tuple(self.reports.lines))
        check_sight(sight, width(self.shape))
        self.sights.append(sight)
        return sight

    async def survive(self) -> None:
        """Let another orchestrator see the run to its end once every lease is over, and check how it ends."""
        self.clock.advance("1h")
        self.marks.before = self.marks.after = {}
        deeds = (("live", RUN, self.shape),)
        orders = Orders(NOWHERE, deeds, "ann", self.seed, patience=5.0)
        await do_all(self.store, orders, self.marks, Reports("ann"))
        sights = list(self.sights)
        check_end(await self.look(), self.shape, sights)
