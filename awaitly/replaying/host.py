"""What whoever drives a workflow's code gives to it: the time, how long it may hold on to a worker, who stands in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from attrs import field

from awaitly.changing import quick
from awaitly.durations import utc_now
from awaitly.runs.witness import Witness
from awaitly.values import frozen

__all__ = ["INLINE", "Host", "StandIn", "Underway"]

INLINE = timedelta(seconds=5)
"""What takes no longer than this is waited for on the spot; what takes longer parks the run."""


StandIn: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any] | None]
"""Gives what is called in place of a step's function, or of a check; None for the function itself."""


class _InBody:
    """Notes, `with` it around a step's body, that a task is in there."""

    __slots__ = ("_bodies", "_said", "_task")

    def __init__(self, bodies: dict[asyncio.Task[Any] | None, tuple[str, str]], said: tuple[str, str]) -> None:
        self._bodies = bodies
        self._said = said

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._bodies[self._task] = self._said

    def __exit__(self, *_: object) -> None:
        self._bodies.pop(self._task, None)


class Underway:
    """Which step's body each task is in, for whoever must name the one that blocks the event loop."""

    def __init__(self) -> None:
        self._bodies: dict[asyncio.Task[Any] | None, tuple[str, str]] = {}

    def body(self, run_id: str, key: str) -> _InBody:
        """Note, `with` what this gives around it, that the task that runs here is in the body of a step."""
        return _InBody(self._bodies, (run_id, key))

    def of(self, task: asyncio.Task[Any]) -> tuple[str, str] | None:
        """Give the run and the step whose body a task is in. Can be called on any thread."""
        return self._bodies.get(task)


@quick
@frozen
class Host:
    """The surroundings of one execution.

    `asks`: whether the user's systems of record are asked; `witness` is None where nobody observes the execution.
    """

    clock: Callable[[], datetime] = utc_now
    inline: timedelta = INLINE
    underway: Underway = field(factory=Underway)
    asks: bool = True
    stand_in: StandIn | None = None
    witness: Witness | None = None
