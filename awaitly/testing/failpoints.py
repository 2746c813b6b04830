"""Named places around every write of a store where a test makes something go wrong, or makes it wait."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from awaitly.exceptions import StoreUnavailable
from awaitly.result import Result
from awaitly.storage.store import Changes, Conflict, Move, Store, joined
from awaitly.testing.wrapping import StoreWrapper
from awaitly.values import frozen

__all__ = ["Action", "FailingStore", "Failpoints", "Pause", "kill", "raising"]

Action: TypeAlias = Callable[[], Awaitable[None]]
"""What happens at a failpoint: `raising(...)`, `kill`, a `Pause`, or a function of the test's own."""

_OPEN = "open"
_NAMES = tuple(f"{write}.{side}" for write in (*(move.value for move in Move), _OPEN) for side in ("before", "after"))
_ORDER = re.compile(r"(?P<name>[a-z.]+):(?P<action>[a-z]+)(?:@(?P<hit>[1-9][0-9]*))?")


def raising(error: BaseException) -> Action:
    """Make the action that raises `error`: before a commit nothing is written, after it the answer is lost."""

    async def action() -> None:
        raise error

    return action


async def kill() -> None:
    """End this process as a power cut would: by SIGKILL, at once, with nothing tidied up."""
    os.kill(os.getpid(), signal.SIGKILL)


class Pause:
    """The action that holds a commit: it sets the event `reached`, then waits until the test sets `released`."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.released = asyncio.Event()

    async def __call__(self) -> None:
        """Hold whoever comes here."""
        self.reached.set()
        await self.released.wait()


_BY_NAME: Mapping[str, Action] = {
    "kill": kill,
    "raise": raising(StoreUnavailable("a failpoint raised this")),
}


@frozen
class _Armed:
    action: Action
    hit: int | None

    def fires(self, hit: int) -> bool:
        return self.hit is None or self.hit == hit


class Failpoints:
    """Which failpoint does what. A failpoint is `"{move}.before"` or `"{move}.after"`, as in `"park.before"`.

    `"open.before"` and `"open.after"` stand around what a store writes as it is opened: its schema.

    `hits` counts how often each one was reached, armed or not.
    """

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self._armed: dict[str, _Armed] = {}

    @staticmethod
    def names() -> tuple[str, ...]:
        """List all failpoints."""
        return _NAMES

    @classmethod
    def from_env(cls, variable: str = "AWAITLY_FAILPOINT", environ: Mapping[str, str] = os.environ) -> Failpoints:
        """Read an environment variable such as `park.before:kill` or `step.after:kill@2,end.before:raise`.

        Orders are separated by commas; `@2` means the second hit only; the actions are `kill` and `raise` (a
        `StoreUnavailable`). A variable that is empty or missing arms nothing. Raises `ValueError` for any other text.
        """
        failpoints = cls()
        text = environ.get(variable, "").strip()
        for order in text.split(",") if text else ():
            failpoints.arm(*_parsed(order.strip(), variable))
        return failpoints

    def arm(self, name: str, action: Action, hit: int | None = None) -> None:
        """Let `action` happen at a failpoint: at every hit, or at only the `hit`-th from now on, counted from 1.

        It replaces the failpoint's previous action. Raises `ValueError` where no failpoint has that name.
        """
        if name not in _NAMES:
            msg = f"no failpoint {name!r}; there are: {', '.join(_NAMES)}"
            raise ValueError(msg)
        self._armed[name] = _Armed(action, None if hit is None else self.hits[name] + hit)

    def disarm(self, name: str) -> None:
        """Let a failpoint do nothing again."""
        self._armed.pop(name, None)

    async def reach(self, name: str) -> None:
        """Come to a failpoint: count it, and do what it is armed with."""
        self.hits[name] += 1
        armed = self._armed.get(name)
        if armed is not None and armed.fires(self.hits[name]):
            await armed.action()


def _parsed(order: str, variable: str) -> tuple[str, Action, int | None]:
    found = _ORDER.fullmatch(order)
    if found is None or found["action"] not in _BY_NAME:
        msg = f"{variable}: not a failpoint's order: {order!r}; write it as 'park.before:kill' or 'step.after:kill@2'"
        raise ValueError(msg)
    return found["name"], _BY_NAME[found["action"]], int(found["hit"]) if found["hit"] else None


class FailingStore(StoreWrapper):
    """Comes to `"{move}.before"` ahead of each commit, and to `"{move}.after"` once it is made or refused.

    So do commits in a transaction of the caller's, where the store can join one.
    """

    def __init__(self, store: Store, failpoints: Failpoints) -> None:
        super().__init__(store)
        self._failpoints = failpoints

    async def open(self) -> None:
        """Open the wrapped store between two failpoints."""
        await self._failpoints.reach(f"{_OPEN}.before")
        await super().open()
        await self._failpoints.reach(f"{_OPEN}.after")

    def joined(self, connection: object) -> FailingStore:
        """Give the wrapped store as a part of the caller's transaction. Raises `TypeError` where it can join none."""
        return FailingStore(joined(self._store, connection), self._failpoints)

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit between two failpoints."""
        await self._failpoints.reach(f"{changes.move.value}.before")
        result = await super().commit(changes)
        await self._failpoints.reach(f"{changes.move.value}.after")
        return result
