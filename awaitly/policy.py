"""Who may decide, how many of them, by when, and what then: policy as data.

A policy is frozen into the approval when it is asked, so a later change of the code's policy does not touch what
already waits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum, unique
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar, cast

from attrs import asdict, field, fields, frozen

from awaitly.durations import Duration, spoken
from awaitly.escalation import Escalation, length, problems
from awaitly.exceptions import PolicyError
from awaitly.grants import RULE, Grant, checked_grants
from awaitly.quorum import Quorum, most_filled, named_people

__all__ = ["DEFAULT", "Calendar", "OnExpiry", "Policy", "Risk"]

T = TypeVar("T")

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


_LONGEST_WAIT = timedelta(days=36_500)
"""A century: a deadline stays within what a calendar can say."""


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
    return tuple(values)


def _levels(values: Iterable[Escalation]) -> tuple[Escalation, ...]:
    return tuple(values)


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
    `escalations`: levels of `Escalation`, in order. `remind_every`: how often whoever may decide is reminded.
    `questions_stop_clock`: whether time stands still while the requester is asked something.
    `calendar`: turns `expires_in` and each level's `after` from working time into moments when the approval is asked.
    `risk`: `HIGH` refuses approval by silence.
    Raises `PolicyError` for a policy that could never end or that contradicts itself.
    """

    approvers: tuple[str, ...] | None = field(default=None, converter=_approvers)
    needs: int = 1
    rejections: int = 1
    also: tuple[Quorum, ...] = field(default=(), converter=_quorums)
    self_approval: bool = False
    editors: tuple[str, ...] | None = field(default=None, converter=_editors)
    editor_approves: bool = False
    edit_counts_as_vote: bool | None = None
    fresh_within: timedelta | None = field(default=None, converter=_fresh_within)
    exclusive_claims: bool = False
    expires_in: timedelta | None = field(default=None, converter=_expires_in)
    on_expiry: OnExpiry = field(default=OnExpiry.EXPIRE, converter=_on_expiry)
    escalations: tuple[Escalation, ...] = field(default=(), converter=_levels)
    remind_every: timedelta | None = field(default=None, converter=_remind_every)
    questions_stop_clock: bool = False
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
        if type(self.rejections) is not int or self.rejections < 1:
            yield f"rejections must be a whole number of at least 1, not {self.rejections!r}"
            return
        quorums = self.quorums
        people = [named_people(quorum.approvers) for quorum in quorums]
        known = [named for named in people if named is not None]
        if len(known) < len(people):
            pass
        elif self.rejections > len(everybody := frozenset[str]().union(*known)):
            yield f"rejections={self.rejections} can never be met: the approvers are {', '.join(sorted(everybody))}"
        elif most_filled([q.needs for q in quorums], _fits(known)) < self.seats:
            yield f"{self.seats} different people are needed, and {', '.join(sorted(everybody))} cannot fill every seat"
        for level in self.escalations:
            named = named_people(level.to)
            if level.replaces and named is not None and len(named) < self.seats:
                yield f"an escalation that leaves only {', '.join(level.to)} can never end: {self.seats} are needed"

    def _time_problems(self) -> Iterator[str]:
        if self.expires_in is not None and self.expires_in > _LONGEST_WAIT:
            yield f"expires_in is at most {_LONGEST_WAIT.days} days, not {self.expires_in.days}"
        if self.expires_in is None and self.on_expiry is not OnExpiry.EXPIRE:
            yield f"on_expiry={self.on_expiry.value!r} without expires_in would never happen"
        if self.remind_every is not None and self.expires_in is not None and self.remind_every >= self.expires_in:
            yield f"a reminder every {spoken(self.remind_every)} would never come: {spoken(self.expires_in)} is all"
        if self.calendar is not None and self.expires_in is None and not self.escalations:
            yield "a calendar without expires_in or escalations would never be asked"
        if any(level.last > _LONGEST_WAIT for level in self.escalations):
            yield f"an escalation comes within {_LONGEST_WAIT.days} days"
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
        """Read the JSON form; raises `PolicyError` or `TypeError` where it is no policy."""
        if not plain:
            return DEFAULT
        given = dict(plain)
        for name in given.keys() & _LENGTHS:
            given[name] = timedelta(microseconds=given[name])
        if "also" in given:
            given["also"] = tuple(Quorum(**quorum) for quorum in given["also"])
        if "escalations" in given:
            given["escalations"] = tuple(map(_level_of, given["escalations"]))
        return cls(**given)

    def describe(self) -> str:
        """Say the rule in a sentence."""
        return _described(self)


@lru_cache(maxsize=256)
def _quorums_of(approvers: tuple[str, ...] | None, needs: int, also: tuple[Quorum, ...]) -> tuple[Quorum, ...]:
    return (Quorum(approvers, needs), *also)


DEFAULT = Policy()
"""Anyone but the requester may decide, and for ever."""

_LENGTHS = {"fresh_within", "expires_in", "remind_every"}


@lru_cache(maxsize=256)
def _rules_of(policy: Policy) -> frozenset[str]:
    lists = [quorum.approvers for quorum in policy.quorums] + [level.to for level in policy.escalations]
    return frozenset(grant for names in (*lists, policy.editors) for grant in names or () if grant.startswith(RULE))


# Both at once


def _both(one: Policy, other: Policy) -> Policy:
    free = [p for p in (one, other) if p.approvers is None and p.seats == 1]
    bound = [p for p in (one, other) if p not in free] or [one]
    quorums = tuple(dict.fromkeys(quorum for policy in bound for quorum in policy.quorums))
    sooner = min((one, other), key=lambda p: (p.expires_in or _LONGEST_WAIT, p.on_expiry is OnExpiry.APPROVE))
    return Policy(
        approvers=quorums[0].approvers,
        needs=quorums[0].needs,
        also=quorums[1:],
        rejections=min(one.rejections, other.rejections),
        self_approval=one.self_approval and other.self_approval,
        editors=_agreed("editors", one.editors, other.editors),
        editor_approves=one.editor_approves and other.editor_approves,
        edit_counts_as_vote=_agreed("edit_counts_as_vote", one.edit_counts_as_vote, other.edit_counts_as_vote),
        fresh_within=_least(one.fresh_within, other.fresh_within),
        exclusive_claims=one.exclusive_claims or other.exclusive_claims,
        expires_in=sooner.expires_in,
        on_expiry=sooner.on_expiry,
        escalations=_agreed("escalations", one.escalations or None, other.escalations or None) or (),
        remind_every=_least(one.remind_every, other.remind_every),
        questions_stop_clock=one.questions_stop_clock and other.questions_stop_clock,
        calendar=_agreed("calendar", one.calendar, other.calendar),
        risk=Risk.HIGH if Risk.HIGH in (one.risk, other.risk) else Risk.NORMAL,
    )


def _agreed(what: str, one: T | None, other: T | None) -> T | None:
    """Give what one of two says, or both."""
    if one is not None and other is not None and one != other:
        msg = f"these policies say different things of {what}: say in one of them what is to hold"
        raise PolicyError(msg)
    return other if one is None else one


def _least(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    return min((length for length in (one, other) if length is not None), default=None)


def _fits(quorums: list[frozenset[str]]) -> list[list[int]]:
    """Give, for each person, the quorums that they fit."""
    everybody = sorted(frozenset[str]().union(*quorums))
    return [[number for number, named in enumerate(quorums) if person in named] for person in everybody]


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


def _level_of(plain: Mapping[str, Any]) -> Escalation:
    every = plain["every"]
    return Escalation(
        timedelta(microseconds=plain["after"]),
        plain["to"],
        repeat=plain["repeat"],
        every=None if every is None else timedelta(microseconds=every),
        replaces=plain["replaces"],
    )


@lru_cache(maxsize=256)
def policy_text(policy: Policy) -> str:
    """Give the JSON form as text, which a digest covers."""
    return json.dumps(dict(_plain_of(policy)), sort_keys=True)


# The sentence


@lru_cache(maxsize=256)
def _described(policy: Policy) -> str:
    parts = [" and ".join(_who(policy, quorum) for quorum in policy.quorums)]
    if policy.rejections > 1:
        parts.append(f"{policy.rejections} rejections end it")
    if policy.fresh_within is not None:
        parts.append(f"signed in within the last {spoken(policy.fresh_within)}")
    limit = "" if policy.expires_in is None else f" within {spoken(policy.expires_in)}, or {_SILENCE[policy.on_expiry]}"
    ladder = "".join(f"; {level.describe()}" for level in policy.escalations)
    return f"{'; '.join(parts)}{limit}{ladder}"


def _who(policy: Policy, quorum: Quorum) -> str:
    anyone = "anyone" if policy.self_approval else "anyone but the requester"
    count = "" if quorum.needs == 1 else f"{quorum.needs} different people of: "
    return f"{count}{' or '.join(quorum.approvers or ()) or anyone}"
