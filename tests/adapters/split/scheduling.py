"""Processes that take turns as a tape says: between any two calls of a store another one may come, or time may pass.

An event loop whose time moves only where the tape lets it, and stores whose calls wait at gates, before they are made
and before their answer arrives. Wherever nobody can go on by itself the next entry of the tape says who passes.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias, TypeVar

from attrs import define, field

from awaitly import Changes, Conflict, Result, Store
from awaitly.testing import StoreWrapper

__all__ = ["Gated", "Schedule", "Tape"]

T = TypeVar("T")

Tape: TypeAlias = str
"""Who passes next, a letter for each: `a` the process of that name, `A` it dies there instead, `-` some time."""


@define
class Schedule:
    """Who waits where. After the end of the tape everybody passes in the order of arrival."""

    tape: Tape
    moment: float = 0.0
    waiting: list[tuple[str, asyncio.Future[None]]] = field(factory=list[tuple[str, "asyncio.Future[None]"]])
    dead: set[str] = field(factory=set[str])
    _next: int = 0

    async def gate(self, name: str) -> None:
        """Wait to be let through; a dead process waits for ever."""
        passage = asyncio.get_running_loop().create_future()
        if name not in self.dead:
            self.waiting.append((name, passage))
        await passage

    def idle(self, timeout: float | None) -> None:
        """Let somebody through, or let the time pass until a sleeper wakes."""
        self._next += 1
        assert self._next < 5_000, "it does not come to an end"
        letter = self._letter(timeout)
        if letter == "-":
            self.moment += timeout or 0.0
        elif letter.isupper():
            self.dead.add(letter.lower())
            self.waiting = [(name, passage) for name, passage in self.waiting if name != letter.lower()]
        else:
            place = [name for name, _ in self.waiting].index(letter)
            self.waiting.pop(place)[1].set_result(None)

    def _letter(self, timeout: float | None) -> str:
        """Give the next letter of the tape that says something now, or whoever has waited longest."""
        names = [name for name, _ in self.waiting]
        while self.tape:
            letter, self.tape = self.tape[0], self.tape[1:]
            if letter.lower() in names or (letter == "-" and timeout is not None):
                return letter
        assert names or timeout is not None, "nobody can go on"
        return names[0] if names else "-"

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run it on an event loop of its own."""
        with asyncio.Runner(loop_factory=lambda: _Loop(self)) as runner:
            return runner.run(work())


class _Selector(selectors.SelectSelector):
    """Waits for nothing: where a loop would wait, the schedule goes on."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self._schedule = schedule

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._schedule.idle(timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop on the schedule's time."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        super().__init__(_Selector(schedule))

    def time(self) -> float:
        return self._schedule.moment


class Gated(StoreWrapper):
    """One store as the process `name` uses it."""

    def __init__(self, store: Store, schedule: Schedule, name: str) -> None:
        super().__init__(store)
        self._schedule = schedule
        self._name = name

    async def reading(self, name: str, read: Awaitable[T]) -> T:
        """Read between two gates."""
        return await self._between(read)

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit between two gates."""
        return await self._between(super().commit(changes))

    async def _between(self, work: Awaitable[T]) -> T:
        try:
            await self._schedule.gate(self._name)
        except asyncio.CancelledError:
            getattr(work, "close", bool)()
            raise
        result = await work
        await self._schedule.gate(self._name)
        return result
