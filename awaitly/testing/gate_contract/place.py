"""Where an agent under test lives: its gate, its tools, and what they have done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from awaitly.approvals.policy import Policy
from awaitly.gating.gate import Gate
from awaitly.gating.ruling import Guard
from awaitly.storage.store import open_store
from awaitly.values import frozen

__all__ = ["AgentDriver", "Place", "Turn"]

_NOBODY_IS_ASKED = Guard(when=lambda _: False)


@frozen
class Place:
    """A folder with a store and a list of what was done, which several processes use one after the other.

    `deadly`: whoever pays kills the process, once it has paid. `expires_in` is how long people have.
    """

    folder: str
    deadly: bool = False
    expires_in: str | None = None

    def gate(self) -> Gate:
        """Give the gate, which is not open yet: calls of `pay` need a person, those of `read` do not."""
        policy = Policy(expires_in=self.expires_in)
        gate = Gate(open_store(f"sqlite:///{self.folder}/gate.db"), policy=policy, lease="1s")
        gate.guard("read", _NOBODY_IS_ASKED)
        return gate

    async def pay(self, to: str, amount: int) -> str:
        """Pay: the tool that is gated."""
        self._note(f"pay {to} {amount}")
        if self.deadly:
            os._exit(9)
        return f"paid {amount} to {to}"

    async def read(self) -> str:
        """Read: the tool that is not."""
        self._note("read")
        return "the balance is 7"

    def done(self) -> list[str]:
        """Give what the tools have done, in order."""
        log = Path(self.folder, "done")
        return log.read_text("utf-8").splitlines() if log.exists() else []

    def _note(self, line: str) -> None:
        with Path(self.folder, "done").open("a", encoding="utf-8") as log:
            log.write(line + "\n")
            log.flush()
            os.fsync(log.fileno())


@frozen
class Turn:
    """How far an agent came: its saved state, all that its model was told by tools, and whether it gave its answer."""

    saved: str
    told: tuple[str, ...] = ()
    over: bool = False


class AgentDriver(Protocol):
    """Runs an agent of one framework, whose fake model wants three calls at once: pay(bob, 100), read(), pay(eve, 5).

    The tools do `place.pay` and `place.read`, behind `place.gate()`. Once the model has all three results, it ends.
    """

    async def start(self, place: Place) -> Turn:
        """Let the agent begin and run until it pauses, by the framework's own pause."""
        ...

    async def resume(self, place: Place, saved: str) -> Turn:
        """Let the agent go on from a saved state, in another process than the one that saved it."""
        ...

    def tampered(self, saved: str) -> str:
        """Give a saved state in which the amount for bob is another one, 1000000."""
        ...
