"""What can be set, and how long it waits."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import timedelta

from attrs import field, frozen
from attrs.validators import ge

from awaitly_postgres.core import as_timedelta

__all__ = ["Patience", "Settings", "in_milliseconds"]

_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 1.0


@frozen(kw_only=True)
class Settings:
    """How a `PostgresStore` uses its server.

    `pool_size`: how many connections it opens at most, the one by which it listens among them; a caller's own pool has
    its own size, of which listening takes one too. `reconnect`: how long it tries to get a lost connection back, and
    what was asked answered, before it raises. `lock_wait`: how long a commit waits for somebody else's transaction
    about the same run.
    Raises `ValueError` for what is no length of time.
    """

    pool_size: int = field(default=8, validator=ge(2))
    reconnect: timedelta = field(default=timedelta(seconds=30), converter=as_timedelta)
    lock_wait: timedelta = field(default=timedelta(seconds=10), converter=as_timedelta)


def in_milliseconds(length: timedelta) -> str:
    """Write it as Postgres reads it; 0 would mean without end."""
    return f"{max(1, round(length.total_seconds() * 1000))}ms"


class Patience:
    """The time that is left for something, and pauses between attempts that grow up to a second."""

    def __init__(self, limit: timedelta) -> None:
        self._end = time.monotonic() + limit.total_seconds()
        self._pause = _FIRST_PAUSE

    @property
    def left(self) -> float:
        """How many seconds are left, 0 at least."""
        return max(0.0, self._end - time.monotonic())

    async def pause(self) -> None:
        """Wait a little, each time longer, and by chance: many that lost the same server come back one by one."""
        await asyncio.sleep(random.uniform(self._pause / 2, self._pause))  # noqa: S311  (spreads waits; no secret)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
