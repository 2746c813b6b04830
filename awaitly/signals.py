"""How a run leaves its workflow's code from any depth: exceptions that no `except Exception` can swallow.

They never reach the caller, who gets a value instead. `Parked` is public, for those who must let it pass on purpose.
"""

from __future__ import annotations

from awaitly.errors import PendingApproval, WorkflowChanged

__all__ = ["Drifted", "Ended", "FencedOut", "Parked", "Signal", "strongest"]


class Signal(BaseException):
    """The base of all signals."""


class Parked(Signal):
    """The run waits for people: `pending` says for what. Raised by an approval, inside the workflow."""

    def __init__(self, pending: tuple[PendingApproval, ...]) -> None:
        super().__init__(", ".join(p.key for p in pending))
        self.pending = pending


class Ended(Signal):
    """The workflow is over with an error: `by` is the key of the step it came from."""

    def __init__(self, error: object, by: str | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.by = by


class Drifted(Signal):
    """The code does not do what the run recorded."""

    def __init__(self, change: WorkflowChanged) -> None:
        super().__init__(str(change))
        self.change = change


class FencedOut(Signal):
    """The run is no longer this executor's: another one took it over, or somebody cancelled it."""


def strongest(raised: list[BaseException]) -> BaseException | None:
    """Choose what several parallel branches raised together: being fenced out, drift, a failure, parking."""
    for kind in (FencedOut, Drifted):
        for one in raised:
            if isinstance(one, kind):
                return one
    for one in raised:
        if not isinstance(one, Parked):
            return one
    pending = tuple(p for one in raised if isinstance(one, Parked) for p in one.pending)
    return Parked(pending) if pending else None
