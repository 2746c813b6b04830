"""The ladder of a policy: who else is told, and may decide, once nobody has acted for so long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import lru_cache
from itertools import pairwise

from attrs import Attribute, field

from awaitly.approvals.grants import Grant, checked_grants
from awaitly.durations import Duration, as_timedelta, spoken
from awaitly.exceptions import PolicyError
from awaitly.values import frozen

__all__ = ["LONGEST", "Escalation", "Rung", "flag", "length", "problems", "rungs"]

LONGEST = timedelta(days=36_500)
"""A century: whatever is due stays within what a calendar can say."""
_MOST_TELLINGS = 1_000
"""How many times one level is told at most."""


def length(what: str, value: Duration) -> timedelta:
    """Read a length of time, at most a century. Raises `PolicyError`, which names what it is of."""
    try:
        found = as_timedelta(value)
        if found <= LONGEST:
            return found
    except (ValueError, TypeError, AttributeError):
        pass
    said = f"{value.total_seconds():g} seconds" if isinstance(value, timedelta) else repr(value)
    msg = f"{what} is a length of time such as '30m', '24h' or '7d', above zero and at most 100 years, not {said}"
    raise PolicyError(msg)


def flag(_: object, attribute: Attribute[bool], value: object) -> None:
    """Check an option that is either on or off. Raises `PolicyError`."""
    if type(value) is not bool:
        msg = f"{attribute.name} is either True or False, not {value!r}"
        raise PolicyError(msg)


def _after(value: Duration) -> timedelta:
    return length("the time after which an escalation comes", value)


def _every(value: Duration | None) -> timedelta | None:
    return None if value is None else length("every", value)


def _to(values: Iterable[Grant]) -> tuple[str, ...]:
    return checked_grants("to", values)


@frozen
class Escalation:
    """One level of the ladder: `after` the asking, `to` are told, and may decide from then on as well.

    `repeat`: how many times the level is told, `every` so long, unless somebody decides before. `replaces`: from then
    on only `to` may decide, none of those before. Raises `PolicyError` for what could never happen.
    """

    after: timedelta = field(converter=_after)
    to: tuple[str, ...] = field(converter=_to)
    repeat: int = field(default=1, kw_only=True)
    every: timedelta | None = field(default=None, converter=_every, kw_only=True)
    replaces: bool = field(default=False, kw_only=True, validator=flag)

    def __attrs_post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if not self.to:
            msg = "an escalation names whom it goes to: Escalation('4h', ['role:director'])"
            raise PolicyError(msg)
        if type(self.repeat) is not int or self.repeat < 1:
            msg = f"repeat counts how many times a level is told, so it is at least 1, not {self.repeat!r}"
            raise PolicyError(msg)
        if self.repeat > _MOST_TELLINGS:
            msg = f"repeat={self.repeat} is too often to tell anybody anything: a level is told at most 1,000 times"
            raise PolicyError(msg)
        if (self.repeat > 1) is (self.every is None):
            msg = (
                f"repeat={self.repeat} needs every='15m', or another time, between the tellings"
                if self.every is None
                else "every=... says how far apart tellings are: say repeat=2, or more, as well"
            )
            raise PolicyError(msg)

    @property
    def last(self) -> timedelta:
        """How long after the asking the level is told for the last time."""
        return self.after + (self.every or timedelta()) * (self.repeat - 1)

    def describe(self) -> str:
        """Say the level in words."""
        again = "" if self.every is None else f", {self.repeat} times every {spoken(self.every)}"
        verb = "only" if self.replaces else "also"
        return f"after {spoken(self.after)} {verb} {' or '.join(self.to)}{again}"


@frozen
class Rung:
    """One telling: the `nth` (from 1) of the `level` (from 1), `later` than the level's own time."""

    level: int
    nth: int
    later: timedelta


@lru_cache(maxsize=256)
def rungs(escalations: tuple[Escalation, ...]) -> tuple[Rung, ...]:
    """Give all tellings of a ladder, in their order."""
    return tuple(
        Rung(number, nth + 1, (level.every or timedelta()) * nth)
        for number, level in enumerate(escalations, start=1)
        for nth in range(level.repeat)
    )


def problems(escalations: tuple[Escalation, ...], expires_in: timedelta | None) -> Iterator[str]:
    """Say what is wrong with the times of a ladder."""
    for before, level in pairwise(escalations):
        if level.after <= before.last:
            yield (
                f"the escalation after {spoken(level.after)} must come later than the last telling of the one before "
                f"it, which is {spoken(before.last)} after the asking"
            )
    if any(level.last > LONGEST for level in escalations):
        yield "an escalation that comes more than 100 years after the asking would never happen"
    if escalations and expires_in is not None and escalations[-1].last >= expires_in:
        yield (
            f"an escalation {spoken(escalations[-1].last)} after the asking would never happen: "
            f"the approval expires after {spoken(expires_in)}"
        )
