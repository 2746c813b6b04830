"""Who may decide, how many of them, by when, and what then: policy as data.

A policy is frozen into the approval when it is asked, so a later change of the code's policy does not touch what
already waits.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum, unique
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar, cast

from attrs import asdict, field, fields, frozen
from attrs.validators import optional

from awaitly.approvals.escalation import LONGEST, Escalation, flag, length, problems
from awaitly.approvals.grants import RULE, Grant, checked_grants, listed_in
from awaitly.approvals.quorum import Quorum, named_people, unfilled
from awaitly.durations import Duration, spoken
from awaitly.exceptions import PolicyError

__all__ = ["DEFAULT", "Calendar", "OnExpiry", "Policy", "Risk"]

T = TypeVar("T")

_SOONEST = timedelta(seconds=1)
"""How soon after another a reminder may come: each is an entry in the ledger, for as long as nobody decides."""

Calendar: TypeAlias = Callable[[datetime, timedelta], datetime]
"""Gives the moment that is a length of *working* time after a moment; both moments are aware and UTC."""


@unique
class OnExpiry(Enum):
    """What an unanswered approval becomes at its deadline."""

    EXPIRE = "expire"
    REJECT = "reject"
    APPROVE = "approve"


@unique
class Risk(Enum):
    """How much harm a wrong decision can do."""

    NORMAL = "normal"
    HIGH = "high"


_SILENCE = {
    OnExpiry.EXPIRE: "it expires",
    OnExpiry.REJECT: "it counts as rejected",
    OnExpiry.APPROVE: "it counts as approved",
}


def _approvers(values: Iterable[Grant] | None) -> tuple[str, ...] | None:
    return None if values is None else checked_grants("approvers", values)


def _editors(values: Iterable[Grant] | None) -> tuple[str, ...] | None:
    return None if values is None else checked_grants("editors", values)


def _expires_in(value: Duration | None) -> timedelta | None:
    return None if value is None else length("expires_in", value)


def _remind_every(value: Duration | None) -> timedelta | None:
    return None if value is None else length("remind_every", value)


def _fresh_within(value: Duration | None) -> timedelta | None:
    return None if value is None else length("fresh_within", value)


def _quorums(values: Iterable[Quorum]) -> tuple[Quorum, ...]:
    return _all_of(Quorum, "also", values, "quorums such as Quorum(['role:legal'], needs=1)")


def _levels(values: Iterable[Escalation]) -> tuple[Escalation, ...]:
    return _all_of(Escalation, "escalations", values, "levels such as Escalation('4h', ['role:director'])")


def _all_of(kind: type[T], what: str, values: Iterable[T], items: str) -> tuple[T, ...]:
    for value in (listed := listed_in(what, values, items)):
        if not isinstance(value, kind):
            msg = f"{what} is a list of {items}, and one of them is {value!r}"
            raise PolicyError(msg)
    return cast("tuple[T, ...]", listed)


def _on_expiry(value: OnExpiry | str) -> OnExpiry:
    return _member(OnExpiry, "on_expiry", value)


def _risk(value: Risk | str) -> Risk:
    return _member(Risk, "risk", value)


_Member = TypeVar("_Member", bound=Enum)


def _member(kind: type[_Member], what: str, value: object) -> _Member:
    try:
        return kind(value)
    except ValueError as exc:
        msg = f"{what} is one of {', '.join(repr(each.value) for each in kind)}, not {value!r}"
        raise PolicyError(msg) from exc


@frozen(kw_only=True, cache_hash=True)
class Policy:
    """The rule of one approval.

    `approvers`: names, `role:NAME`s and `Rule`s; left out, everyone whom the application lets through.
    `needs`: how many different people must approve. `rejections`: how many must reject to end it.
    `also`: further quorums, to be filled by different people again; `one & other` makes them.
    `self_approval`: whether the person who requested may decide. `editors`: who may edit; the approvers by default.
    `editor_approves`: whether the person who made the current revision may approve it.
    `edit_counts_as_vote`: whether an edit is also its editor's approval; by default where one approval suffices.
    `fresh_within`: how long ago the actor may have been authenticated (`Actor.authenticated_at`).
    `exclusive_claims`: whether a claim keeps all others from deciding.
    `expires_in`: counted from the asking, by the store's clock; `on_expiry`: what then.
    `escalations`: levels of `Escalation`, in order. `remind_every`: how often whoever may decide is reminded, a second
    at least.
    `questions_stop_clock`: whether time stands still while the requester is asked something.
    `calendar`: turns `expires_in` and each level's `after` from working time into moments when the approval is asked.
    `risk`: `HIGH` refuses approval by silence.
    Raises `PolicyError` for a policy that could never end or that contradicts itself.
    """

    approvers: tuple[str, ...] | None = field(default=None, converter=_approvers)
    needs: int = 1
    rejections: int = 1
    also: tuple[Quorum, ...] = field(default=(), converter=_quorums)
    self_approval: bool = field(default=False, validator=flag)
    editors: tuple[str, ...] | None = field(default=None, converter=_editors)
    editor_approves: bool = field(default=False, validator=flag)
    edit_counts_as_vote: bool | None = field(default=None, validator=optional(flag))
    fresh_within: timedelta | None = field(default=None, converter=_fresh_within)
    exclusive_claims: bool = field(default=False, validator=flag)
    expires_in: timedelta | None = field(default=None, converter=_expires_in)
    on_expiry: OnExpiry = field(default=OnExpiry.EXPIRE, converter=_on_expiry)
    escalations: tuple[Escalation, ...] = field(default=(), converter=_levels)
    remind_every: timedelta | None = field(default=None, converter=_remind_every)
    questions_stop_clock: bool = field(default=False, validator=flag)
    calendar: Calendar | None = field(default=None, eq=False, repr=False)
    risk: Risk = field(default=Risk.NORMAL, converter=_risk)

    def __attrs_post_init__(self) -> None:
        """Refuse what can never end."""
        for problem in self._problems():
            raise PolicyError(problem)

    def _problems(self) -> Iterator[str]:
        yield from self._people_problems()
        yield from self._time_problems()
        if self.exclusive_claims and self.seats > 1:
            yield f"exclusive_claims would keep all but one from deciding, and {self.seats} are needed"
        if self.risk is Risk.HIGH and self.on_expiry is OnExpiry.APPROVE:
            yield "risk='high' cannot be approved by silence: choose on_expiry='expire' or 'reject'"

    def _people_problems(self) -> Iterator[str]:
        for name, count in (("needs", self.needs), ("rejections", self.rejections)):
            if type(count) is not int or count < 1:
                yield f"{name} must be a whole number of at least 1, not {count!r}"
                return
        people = [named_people(quorum.approvers) for quorum in self.quorums]
        known = [named for named in people if named is not None]
        everybody = frozenset[str]().union(*known)
        if len(known) == len(people) and self.rejections > len(everybody):
            few = f"there are only {len(everybody)} approvers ({_listed(everybody)})"
            yield f"rejections={self.rejections} can never be met: {few}"
        if unfilled(people, [quorum.needs for quorum in self.quorums], ()):
            yield (
                f"{self.seats} different people must approve, one for each seat, and those who are named "
                f"({_listed(everybody)}) are too few for the seats that only they may take"
            )
        for level in self.escalations:
            named = named_people(level.to)
            if level.replaces and named is not None and len(named) < self.seats:
                yield f"an escalation that leaves only {', '.join(level.to)} can never end: {self.seats} are needed"

    def _time_problems(self) -> Iterator[str]:
        if self.expires_in is None and self.on_expiry is not OnExpiry.EXPIRE:
            yield f"on_expiry={self.on_expiry.value!r} would never happen: say as well when, such as expires_in='24h'"
        if self.remind_every is not None and self.remind_every < _SOONEST:
            yield "remind_every is shorter than a second, and nobody can be told that often: say '1h', for example"
        if self.remind_every is not None and self.expires_in is not None and self.remind_every >= self.expires_in:
            yield (
                f"a reminder every {spoken(self.remind_every)} would never come: "
                f"the approval expires after {spoken(self.expires_in)}"
            )
        if self.calendar is not None and self.expires_in is None and not self.escalations:
            yield "a calendar without expires_in or escalations would never be asked"
        yield from problems(self.escalations, self.expires_in)

    @property
    def quorums(self) -> tuple[Quorum, ...]:
        """All quorums that must be filled, by different people each. Raises `PolicyError` where one cannot be."""
        return _quorums_of(self.approvers, self.needs, self.also)

    @property
    def seats(self) -> int:
        """How many different people must approve in all."""
        return self.needs + sum([quorum.needs for quorum in self.also]) if self.also else self.needs

    @property
    def counts_edits(self) -> bool:
        """Whether an edit is also its editor's approval."""
        return self.seats == 1 if self.edit_counts_as_vote is None else self.edit_counts_as_vote

    @property
    def rules(self) -> frozenset[str]:
        """The grants of the application's own rules that this policy names anywhere."""
        return _rules_of(self)

    def __and__(self, other: Policy) -> Policy:
        """Give the policy that holds only where both do: both quorums, the stricter of each limit.

        Raises `PolicyError` where the two cannot hold together, or where only a person can say what was meant.
        """
        return _both(self, other)

    def to_plain(self) -> Mapping[str, Any]:
        """Give the JSON form: only what differs from the defaults, so that a field added later changes no digest."""
        return _plain_of(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Policy:
        """Read the JSON form; raises `PolicyError` where it is no policy, whatever else it is."""
        if plain == {}:
            return DEFAULT
        try:
            return cls(**{name: _READ.get(name, _as_it_is)(value) for name, value in plain.items()})
        except (TypeError, KeyError, AttributeError, OverflowError, RecursionError) as exc:
            msg = f"no policy of this release: {type(exc).__name__}: {exc}"
            raise PolicyError(msg) from exc

    def describe(self) -> str:
        """Say the rule in a sentence."""
        return _described(self)


@lru_cache(maxsize=256)
def _quorums_of(approvers: tuple[str, ...] | None, needs: int, also: tuple[Quorum, ...]) -> tuple[Quorum, ...]:
    return (Quorum(approvers, needs), *also)


DEFAULT = Policy()
"""Anyone but the requester may decide, and for ever."""


@lru_cache(maxsize=256)
def _rules_of(policy: Policy) -> frozenset[str]:
    lists = [quorum.approvers for quorum in policy.quorums] + [level.to for level in policy.escalations]
    return frozenset(grant for names in (*lists, policy.editors) for grant in names or () if grant.startswith(RULE))


# Both at once


def _both(one: Policy, other: Policy) -> Policy:
    first, *more = _all_quorums(one, other)
    levels = _agreed("escalations", one.escalations or None, other.escalations or None) or ()
    if levels and more and one.escalations != other.escalations:
        msg = (
            "the escalations of one of these policies would let its people take the seats of the other: "
            "write one policy with approvers, also and escalations that says who may take which"
        )
        raise PolicyError(msg)
    expires_in, on_expiry = _sooner(one, other)
    return Policy(
        approvers=first.approvers,
        needs=first.needs,
        also=more,
        rejections=min(one.rejections, other.rejections),
        self_approval=one.self_approval and other.self_approval,
        editors=_agreed("editors", one.editors, other.editors),
        editor_approves=one.editor_approves and other.editor_approves,
        edit_counts_as_vote=_agreed("edit_counts_as_vote", one.edit_counts_as_vote, other.edit_counts_as_vote),
        fresh_within=_least(one.fresh_within, other.fresh_within),
        exclusive_claims=one.exclusive_claims or other.exclusive_claims,
        expires_in=expires_in,
        on_expiry=on_expiry,
        escalations=levels,
        remind_every=_least(one.remind_every, other.remind_every),
        questions_stop_clock=one.questions_stop_clock and other.questions_stop_clock,
        calendar=_one_calendar(one, other),
        risk=Risk.HIGH if Risk.HIGH in (one.risk, other.risk) else Risk.NORMAL,
    )


def _all_quorums(one: Policy, other: Policy) -> tuple[Quorum, ...]:
    """Give the quorums of both; one that both have counts once, and that anyone may decide is no quorum beside one."""
    bound = [p for p in (one, other) if p.approvers is not None or p.seats > 1] or [one]
    counts = [Counter(policy.quorums) for policy in bound]
    return tuple((counts[0] | counts[-1]).elements())


def _sooner(one: Policy, other: Policy) -> tuple[timedelta | None, OnExpiry]:
    """Give the sooner deadline; silence approves only where both say so."""
    first, second = sorted((one, other), key=lambda p: p.expires_in or LONGEST)
    return first.expires_in, second.on_expiry if first.on_expiry is OnExpiry.APPROVE else first.on_expiry


def _one_calendar(one: Policy, other: Policy) -> Calendar | None:
    """Give the calendar by which both count, or the one that counts anything."""
    calendars = [p.calendar for p in (one, other) if p.expires_in is not None or p.escalations]
    if calendars and calendars[0] != calendars[-1]:
        raise _unclear("calendar")
    return calendars[0] if calendars else None


def _agreed(what: str, one: T | None, other: T | None) -> T | None:
    """Give what one of two says, or both."""
    if one is not None and other is not None and one != other:
        raise _unclear(what)
    return other if one is None else one


def _unclear(what: str) -> PolicyError:
    return PolicyError(f"these policies say different things of {what}: say in one of them what is to hold")


def _least(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    return min((length for length in (one, other) if length is not None), default=None)


def _listed(people: Iterable[str]) -> str:
    return ", ".join(sorted(people))


# The form in which it is kept


@lru_cache(maxsize=256)
def _plain_of(policy: Policy) -> Mapping[str, Any]:
    given = {
        f.name: getattr(policy, f.name)
        for f in fields(Policy)
        if f.name != "calendar" and getattr(policy, f.name) != f.default
    }
    return MappingProxyType({name: _plain(value) for name, value in given.items()})


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case timedelta():
            return value // timedelta(microseconds=1)
        case Quorum() | Escalation():
            return {name: _plain(part) for name, part in asdict(value, recurse=False).items()}
        case tuple():
            return [_plain(part) for part in cast("tuple[object, ...]", value)]
        case _:
            return value


def _as_it_is(plain: Any) -> Any:
    return plain


def _length_of(plain: Any) -> timedelta:
    if type(plain) is not int:
        msg = f"a whole number of microseconds was expected, not {type(plain).__name__}"
        raise PolicyError(msg)
    return timedelta(microseconds=plain)


def _level_of(plain: Mapping[str, Any]) -> Escalation:
    every = plain["every"]
    return Escalation(
        _length_of(plain["after"]),
        plain["to"],
        repeat=plain["repeat"],
        every=None if every is None else _length_of(every),
        replaces=plain["replaces"],
    )


_READ: Mapping[str, Callable[[Any], Any]] = {
    "fresh_within": _length_of,
    "expires_in": _length_of,
    "remind_every": _length_of,
    "also": lambda plain: tuple(Quorum(**cast("Any", quorum)) for quorum in listed_in("also", plain, "quorums")),
    "escalations": lambda plain: tuple(map(_level_of, cast("Any", listed_in("escalations", plain, "levels")))),
}
"""How the members are read that JSON has no kind for."""


@lru_cache(maxsize=256)
def policy_text(policy: Policy) -> str:
    """Give the JSON form as text, which a digest covers."""
    return json.dumps(dict(_plain_of(policy)), sort_keys=True)


# The sentence


@lru_cache(maxsize=256)
def _described(policy: Policy) -> str:
    people = " and ".join(_who(policy, quorum) for quorum in policy.quorums)
    limit = "" if policy.expires_in is None else f" within {spoken(policy.expires_in)}, or {_SILENCE[policy.on_expiry]}"
    parts = [f"{people}{limit}"]
    if policy.fresh_within is not None:
        parts.append(f"whoever decides has signed in within the last {spoken(policy.fresh_within)}")
    if policy.rejections > 1:
        parts.append(f"{policy.rejections} rejections end it")
    return "; ".join((*parts, *(level.describe() for level in policy.escalations)))


def _who(policy: Policy, quorum: Quorum) -> str:
    anyone = "anyone" if policy.self_approval else "anyone but the requester"
    count = "" if quorum.needs == 1 else f"{quorum.needs} different people of: "
    return f"{count}{' or '.join(quorum.approvers or ()) or anyone}"
