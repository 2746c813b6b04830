"""How a run leaves its workflow's code from any depth: exceptions that no `except Exception` can swallow.

They never reach the caller, who gets a value instead. `Parked` is public, for those who must let it pass on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from awaitly.errors import PendingApproval, WorkflowChanged
from awaitly.storage.journal import Wait

__all__ = [
    "Doubted",
    "Drifted",
    "Ended",
    "FencedOut",
    "Forgone",
    "Parked",
    "Signal",
    "is_forgone",
    "parking_in",
    "strongest",
]


class Signal(BaseException):
    """The base of all signals."""


class Parked(Signal):
    """The run waits: `pending` says for which decisions, `awaiting` for what else. Raised inside the workflow."""

    def __init__(self, pending: tuple[PendingApproval, ...], awaiting: tuple[Wait, ...] = ()) -> None:
        self.pending = pending
        self.awaiting = awaiting
        super().__init__(", ".join(self.keys))

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all that it waits for."""
        return (*(p.key for p in self.pending), *(w.key for w in self.awaiting))


class Forgone(Signal):
    """Something else came first, so this branch of a race is not gone into."""


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


class Doubted(Signal):
    """A process died while it made a call that may run at most once: what came of it, a person has to say."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


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
    return joined([one for one in raised if isinstance(one, Parked)])


def joined(parkings: list[Parked]) -> Parked | None:
    """Give one parking for several; None where there is none."""
    pending = tuple(p for one in parkings for p in one.pending)
    return Parked(pending, tuple(w for one in parkings for w in one.awaiting)) if parkings else None


def parking_in(raised: BaseException) -> Parked | None:
    """Find the parking that an exception was made of: one that it is, was raised from, or caught, at any depth.

    A group is parking if its parts are, and none of them failed by itself.
    """
    return next((parked for parked in map(_parked, _links(raised)) if parked is not None), None)


def is_forgone(raised: BaseException) -> bool:
    """Whether an exception is, or was made of, a branch's hearing that something else came first, at any depth."""
    return any(isinstance(link, Forgone) or any(map(is_forgone, _parts(link))) for link in _links(raised))


def _links(raised: BaseException) -> Iterator[BaseException]:
    """Give an exception and all that it was raised from, or while handling."""
    seen: set[int] = set()
    links: list[BaseException | None] = [raised]
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        links += [link.__context__, link.__cause__]


def _parts(raised: BaseException) -> tuple[BaseException, ...]:
    if not isinstance(raised, BaseExceptionGroup):
        return ()
    return cast("BaseExceptionGroup[BaseException]", raised).exceptions


def _parked(link: BaseException) -> Parked | None:
    parts = _parts(link)
    found = strongest([parking_in(part) or part for part in parts]) if parts else link
    return found if isinstance(found, Parked) else None
