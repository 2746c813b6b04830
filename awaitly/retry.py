"""How often a step is tried, and how long to wait in between."""

from __future__ import annotations

import random
from datetime import timedelta

from attrs import field, frozen

from awaitly.durations import as_timedelta

__all__ = ["ONCE", "Retry"]

_LARGEST_EXPONENT = 60


def _at_least_one(_: object, __: object, value: int) -> None:
    if value < 1:
        msg = f"attempts counts the first try too, so it is at least 1, not {value}"
        raise ValueError(msg)


@frozen(kw_only=True)
class Retry:
    """Exponential backoff with full jitter.

    `attempts` counts the first one too: 5 attempts are 4 retries. The wait before retry n is drawn between zero and
    `base * 2**(n-1)`, at most `cap`; without `jitter` it is that bound itself. `on` names what is retried: exception
    classes that the step raises, and classes of the errors that it returns. By default everything it raises, and
    nothing it returns.
    """

    attempts: int = field(default=5, validator=_at_least_one)
    base: timedelta = field(default=timedelta(seconds=1), converter=as_timedelta)
    cap: timedelta = field(default=timedelta(hours=1), converter=as_timedelta)
    jitter: bool = True
    on: tuple[type, ...] = field(default=(Exception,), converter=tuple)

    def again(self, failure: object, attempt: int) -> bool:
        """Whether this failure of attempt number `attempt` (from 1) is tried again."""
        return attempt < self.attempts and isinstance(failure, self.on)

    def wait(self, attempt: int) -> timedelta:
        """How long to wait after attempt number `attempt` (from 1) has failed."""
        bound = min(self.cap.total_seconds(), self.base.total_seconds() * 2.0 ** min(attempt - 1, _LARGEST_EXPONENT))
        return timedelta(seconds=bound * random.random() if self.jitter else bound)  # noqa: S311  (it guards nothing)


ONCE = Retry(attempts=1)
"""The policy of a step that names none."""
