"""How often a step is tried, and how long to wait in between."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta

from attrs import field

from awaitly.durations import as_span
from awaitly.values import frozen

__all__ = ["ONCE", "Retry"]

_LARGEST_EXPONENT = 60


def _classes(values: Iterable[type] | type | None) -> tuple[type, ...] | None:
    if values is None or isinstance(values, type):
        return None if values is None else (values,)
    return tuple(values)


def _at_least_one(_: object, __: object, value: int) -> None:
    if value < 1:
        msg = f"attempts counts the first try too, so it is at least 1, not {value}"
        raise ValueError(msg)


def _not_below_base(retry: Retry, _: object, cap: timedelta) -> None:
    if cap < retry.base:
        msg = f"no wait is longer than cap={cap}, so base={retry.base} would never be waited: give a longer cap"
        raise ValueError(msg)


@frozen(kw_only=True)
class Retry:
    """Exponential backoff with full jitter.

    `attempts` counts the first one too: 5 attempts are 4 retries. The wait before retry n is drawn between zero and
    `base * 2**(n-1)`, at most `cap`; without `jitter` it is that bound itself. Both are at most 100 years. `on` names
    what is retried: exception classes that the step raises, and classes of the errors that it returns. By default
    everything it raises, and nothing it returns. Raises `ValueError` for a `cap` shorter than `base`, and for what is
    no length of time.
    """

    attempts: int = field(default=5, validator=_at_least_one)
    base: timedelta = field(default=timedelta(seconds=1), converter=as_span)
    cap: timedelta = field(default=timedelta(hours=1), converter=as_span, validator=_not_below_base)
    jitter: bool = True
    on: tuple[type, ...] | None = field(default=None, converter=_classes)

    def after_raising(self, exc: BaseException, attempt: int) -> bool:
        """Whether a step that raised in attempt number `attempt` (from 1) is tried again."""
        return attempt < self.attempts and isinstance(exc, (Exception,) if self.on is None else self.on)

    def after_returning(self, error: object, attempt: int) -> bool:
        """Whether a step that returned an error in attempt number `attempt` (from 1) is tried again."""
        return attempt < self.attempts and self.on is not None and isinstance(error, self.on)

    def after_failing(self, attempt: int) -> bool:
        """Whether a workflow, a step of which raised in its attempt number `attempt` (from 1), is tried again."""
        return attempt < self.attempts and self.on is None

    def wait(self, attempt: int) -> timedelta:
        """How long to wait after attempt number `attempt` (from 1) has failed."""
        bound = min(self.cap.total_seconds(), self.base.total_seconds() * 2.0 ** min(attempt - 1, _LARGEST_EXPONENT))
        return timedelta(seconds=bound * random.random() if self.jitter else bound)  # noqa: S311  (it guards nothing)


ONCE = Retry(attempts=1)
"""The policy of a step that names none."""
