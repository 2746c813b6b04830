"""The contract as one class."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from attrs import evolve

from awaitly.errors import PendingApproval
from awaitly.gating.gate import Gate
from awaitly.testing.gate_contract.lives import Lives
from awaitly.testing.gate_contract.place import AgentDriver, Place, Turn
from awaitly.values import frozen

__all__ = ["GateContract"]

_LEASE = 1.2
"""Seconds after which the lease of a process that died is over: that of `Place.gate` is a second."""


@frozen
class Paused:
    """An agent that has paused: in which folder, with what saved state, and how to let it go on."""

    place: Place
    saved: str
    lives: Lives

    def goes_on(self, saved: str | None = None, *, deadly: bool = False) -> Turn:
        """Let the agent go on in a new process, from the state in which it paused unless another is given."""
        turn = self.lives.live(evolve(self.place, deadly=deadly), self.saved if saved is None else saved)
        assert turn is not None, "the process died"
        return turn

    def dies(self) -> None:
        """Let the agent go on in a process that dies in the midst of the first payment."""
        assert self.lives.live(evolve(self.place, deadly=True), self.saved) is None

    def paid(self) -> list[str]:
        """Give what was paid, in order of the names."""
        return sorted(line for line in self.place.done() if line.startswith("pay"))

    @asynccontextmanager
    async def deciding(self) -> AsyncGenerator[Gate]:
        """Open the gate as people's side does."""
        async with self.place.gate() as gate:
            yield gate

    async def asked(self) -> dict[str, PendingApproval]:
        """Give what waits for people, by who is to be paid."""
        async with self.deciding() as gate:
            return {each.arguments["to"]: each for each in (await gate.pending()).items}

    async def approve(self, *names: str) -> None:
        """Say yes to the payments to these."""
        asked = await self.asked()
        async with self.deciding() as gate:
            for name in names:
                (await gate.approve(asked[name].id, by="ann")).unwrap()


class GateContract:
    """What every adapter must do. `driver` is the class that runs the framework's agent."""

    driver: ClassVar[type[AgentDriver]]

    @pytest.fixture(scope="class")
    @classmethod
    def lives(cls) -> Iterator[Lives]:
        """Give the program whose forks are the lives of the agent."""
        lives = Lives(cls.driver)
        yield lives
        lives.end()

    @pytest.fixture(scope="class")
    @classmethod
    def begun(cls, lives: Lives) -> Iterator[tuple[Path, Turn]]:
        """Give the folder of an agent that has paused in a process which is gone."""
        with tempfile.TemporaryDirectory() as folder:
            turn = lives.live(Place(folder))
            assert turn is not None, "the process died"
            yield Path(folder), turn

    @pytest.fixture
    def paused(self, lives: Lives, begun: tuple[Path, Turn], tmp_path: Path) -> Paused:
        """Give an agent that has paused, with a folder of its own."""
        shutil.copytree(begun[0], tmp_path / "place")
        return Paused(Place(str(tmp_path / "place")), begun[1].saved, lives)

    def _tampered(self, saved: str) -> str:
        return self.driver().tampered(saved)

    async def test_the_agent_pauses_and_people_see_the_real_arguments(
        self, paused: Paused, begun: tuple[Path, Turn]
    ) -> None:
        """Nothing was paid, what needs nobody was done, and each payment waits with its arguments."""
        asked = await paused.asked()
        assert {to: each.arguments for to, each in asked.items()} == {
            "bob": {"to": "bob", "amount": 100},
            "eve": {"to": "eve", "amount": 5},
        }
        assert paused.paid() == []
        assert not begun[1].over

    async def test_what_is_approved_is_done_once(self, paused: Paused) -> None:
        """The agent goes on in another process, and its model hears what came of each call."""
        await paused.approve("bob", "eve")
        turn = paused.goes_on()
        assert paused.paid() == ["pay bob 100", "pay eve 5"]
        assert paused.place.done().count("read") == 1
        assert turn.over
        assert all(any(said in told for told in turn.told) for said in ("paid 100 to bob", "paid 5 to eve", "balance"))

    async def test_an_edit_is_what_is_done_and_the_model_is_told(self, paused: Paused) -> None:
        """It hears the new amount, that a person changed it, and that it is not to try the old one again."""
        asked = await paused.asked()
        async with paused.deciding() as gate:
            (await gate.edit(asked["bob"].id, {"to": "bob", "amount": 42}, by="ann")).unwrap()
            (await gate.approve(asked["eve"].id, by="ann")).unwrap()
        turn = paused.goes_on()
        assert paused.paid() == ["pay bob 42", "pay eve 5"]
        assert turn.over
        assert any("42" in told and "edited" in told for told in turn.told), turn.told

    async def test_a_rejection_is_told_with_its_reason_and_the_agent_goes_on(self, paused: Paused) -> None:
        """What was rejected is not done; what was approved beside it is."""
        await paused.approve("bob")
        asked = await paused.asked()
        async with paused.deciding() as gate:
            (await gate.reject(asked["eve"].id, "she left in May", by="ann")).unwrap()
        turn = paused.goes_on()
        assert paused.paid() == ["pay bob 100"]
        assert turn.over
        assert any("she left in May" in told for told in turn.told), turn.told

    async def test_while_one_call_waits_nothing_runs_without_an_approval(self, paused: Paused) -> None:
        """Whether what was approved runs already is the framework's affair; in the end each runs once."""
        await paused.approve("bob")
        turn = paused.goes_on()
        assert set(paused.paid()) <= {"pay bob 100"}
        assert not turn.over
        assert set(await paused.asked()) == {"eve"}
        await paused.approve("eve")
        turn = paused.goes_on(turn.saved)
        assert turn.over
        assert paused.paid() == ["pay bob 100", "pay eve 5"]
        assert paused.place.done().count("read") == 1

    async def test_going_on_before_anybody_decides_does_nothing(self, paused: Paused) -> None:
        """The agent pauses again, on the same questions."""
        before = await paused.asked()
        turn = paused.goes_on()
        assert not turn.over
        assert paused.paid() == []
        assert {to: each.id for to, each in (await paused.asked()).items()} == {
            to: each.id for to, each in before.items()
        }

    async def test_an_old_state_that_is_replayed_does_nothing_twice(self, paused: Paused) -> None:
        """The model hears again what came of each call, and nothing is called."""
        await paused.approve("bob", "eve")
        first = paused.goes_on()
        again = paused.goes_on()
        assert paused.paid() == ["pay bob 100", "pay eve 5"]
        assert (first.over, again.over) == (True, True)
        assert any("paid 100 to bob" in told for told in again.told)

    async def test_a_state_that_was_tampered_with_gets_nothing_done_that_was_not_approved(self, paused: Paused) -> None:
        """Neither before the decision nor after it, nor once all is over."""
        tampered, asked = self._tampered(paused.saved), await paused.asked()
        assert tampered != paused.saved
        paused.goes_on(tampered)
        async with paused.deciding() as gate:
            for each in asked.values():
                (await gate.approve(each.id, by="ann")).unwrap()
        paused.goes_on(tampered)
        paused.goes_on()
        paused.goes_on(tampered)
        assert set(paused.paid()) <= {"pay bob 100", "pay eve 5"}
        assert len(paused.paid()) == len(set(paused.paid()))

    async def test_what_nobody_answered_in_time_is_not_done(self, lives: Lives, tmp_path: Path) -> None:
        """The model is told that it expired, and the agent goes on."""
        place = Place(str(tmp_path), expires_in="1s")
        begun = lives.live(place)
        assert begun is not None
        paused = Paused(place, begun.saved, lives)
        deadline = time.monotonic() + 30
        while await paused.asked():
            assert time.monotonic() < deadline
        turn = paused.goes_on()
        assert paused.paid() == []
        assert turn.over
        assert [told for told in turn.told if "expired" in told][1:], turn.told

    async def test_a_call_in_whose_midst_the_process_died_is_not_made_again(self, paused: Paused) -> None:
        """The model is told that nobody knows what came of it."""
        await paused.approve("bob", "eve")
        paused.dies()
        assert len(paused.paid()) == 1
        time.sleep(_LEASE)  # noqa: ASYNC251  (nothing tells when a lease is over but the clock)
        turn = paused.goes_on()
        assert paused.paid() == ["pay bob 100", "pay eve 5"]
        assert any("nobody knows" in told for told in turn.told), turn.told
        assert paused.goes_on() is not None
        assert paused.paid() == ["pay bob 100", "pay eve 5"]
