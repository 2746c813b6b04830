"""Lanes: the lines of work that runs stand in, by queue, and by priority for those that have not begun."""

from __future__ import annotations

from collections.abc import Iterable

from awaitly.statuses import Priority
from awaitly.storage.journal import DEFAULT_QUEUE, RunRecord

__all__ = ["lane_of", "lanes_of", "new_lanes_of", "queue_of"]

_BEGUN = 0
_RANKS = {Priority.HIGH: 1, Priority.NORMAL: 2, Priority.LOW: 3}


def lane_of(run: RunRecord) -> str:
    """Give the lane of a run."""
    return _lane(run.queue, _BEGUN if run.begun else _RANKS[run.priority])


def lanes_of(queues: Iterable[str]) -> tuple[str, ...]:
    """Give all lanes of some queues in the order in which work is to be taken: what has begun comes first."""
    named = tuple(queues)
    return (*(_lane(queue, _BEGUN) for queue in named), *new_lanes_of(named))


def new_lanes_of(queues: Iterable[str]) -> tuple[str, ...]:
    """Give the lanes of what has not begun, in the order in which it is to be taken."""
    named = tuple(queues)
    return tuple(_lane(queue, rank) for rank in _RANKS.values() for queue in named)


def queue_of(lane: str) -> str:
    """Give the queue that a lane is part of."""
    return lane.partition(":")[2] or DEFAULT_QUEUE


def _lane(queue: str, rank: int) -> str:
    return "" if rank == _BEGUN and queue == DEFAULT_QUEUE else f"{rank}:{queue}"
