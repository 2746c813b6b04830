"""What whoever drives a workflow's code gives to it: the time, and how long it may hold on to a worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import frozen

from awaitly.durations import utc_now

__all__ = ["INLINE", "Host"]

INLINE = timedelta(seconds=5)
"""What takes no longer than this is waited for on the spot; what takes longer parks the run."""


@frozen
class Host:
    """The surroundings of one execution."""

    clock: Callable[[], datetime] = utc_now
    inline: timedelta = INLINE
