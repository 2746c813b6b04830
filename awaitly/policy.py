"""Who may decide, how many of them, by when, and what then: policy as data.

A policy is frozen into the approval when it is asked, so a later change of the code's policy does not touch what
already waits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum, unique
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from attrs import field, fields, frozen

from awaitly.actors import Actor
from awaitly.durations import Duration, as_timedelta, spoken
from awaitly.exceptions import PolicyError

__all__ = ["DEFAULT", "OnExpiry", "Policy", "Risk"]


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


def _grants(values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        msg = f"approvers is a list, not one text: [{values!r}]"
        raise PolicyError(msg)
    return tuple(dict.fromkeys(values))


def _optional_grants(values: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if values is None else _grants(values)


def _optional_length(value: Duration | None) -> timedelta | None:
    return None if value is None else as_timedelta(value)


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case timedelta():
            return value // timedelta(microseconds=1)
        case _:
            return value


@frozen(kw_only=True, cache_hash=True)
class Policy:
    """The rule of one approval.

    `approvers`: names and `role:NAME`s; left out, everyone whom the application lets through.
    `needs`: how many different people must approve. `rejections`: how many must reject to end it.
    `self_approval`: whether the person who requested may decide. `editors`: who may edit; the approvers by default.
    `edit_counts_as_vote`: whether an edit is also its editor's approval; by default where one approval suffices.
    `expires_in`: counted from the asking, by the store's clock. `risk`: `HIGH` refuses approval by silence.
    Raises `PolicyError` for a policy that could never end or that contradicts itself.
    """

    approvers: tuple[str, ...] | None = field(default=None, converter=_optional_grants)
    needs: int = 1
    rejections: int = 1
    self_approval: bool = False
    editors: tuple[str, ...] | None = field(default=None, converter=_optional_grants)
    edit_counts_as_vote: bool | None = None
    expires_in: timedelta | None = field(default=None, converter=_optional_length)
    on_expiry: OnExpiry = field(default=OnExpiry.EXPIRE, converter=OnExpiry)
    risk: Risk = field(default=Risk.NORMAL, converter=Risk)

    def __attrs_post_init__(self) -> None:
        """Refuse what can never end."""
        for problem in self._problems():
            raise PolicyError(problem)

    def _problems(self) -> Iterable[str]:
        if self.approvers == ():
            yield "approvers=[] would let nobody decide; leave it out where anyone may"
            return
        for name, count in (("needs", self.needs), ("rejections", self.rejections)):
            if count < 1:
                yield f"{name} must be at least 1, not {count}"
            people = self._countable_people
            if people is not None and count > people:
                yield f"{name}={count} can never be met: the approvers are {people} ({', '.join(self.approvers or ())})"
        if self.expires_in is not None and self.expires_in > _LONGEST_WAIT:
            yield f"expires_in is at most {_LONGEST_WAIT.days} days, not {self.expires_in.days}"
        if self.expires_in is None and self.on_expiry is not OnExpiry.EXPIRE:
            yield f"on_expiry={self.on_expiry.value!r} without expires_in would never happen"
        if self.risk is Risk.HIGH and self.on_expiry is OnExpiry.APPROVE:
            yield "risk='high' cannot be approved by silence: choose on_expiry='expire' or 'reject'"

    @property
    def _countable_people(self) -> int | None:
        """How many people may decide, where that is known: nobody can count those who hold a role."""
        if self.approvers is None or any(grant.startswith("role:") for grant in self.approvers):
            return None
        return len(self.approvers)

    @property
    def counts_edits(self) -> bool:
        """Whether an edit is also its editor's approval."""
        return self.needs == 1 if self.edit_counts_as_vote is None else self.edit_counts_as_vote

    def lets_decide(self, actor: Actor) -> bool:
        """Whether the actor is among the approvers."""
        return self.approvers is None or any(map(actor.holds, self.approvers))

    def lets_edit(self, actor: Actor) -> bool:
        """Whether the actor is among the editors."""
        return self.lets_decide(actor) if self.editors is None else any(map(actor.holds, self.editors))

    def to_plain(self) -> Mapping[str, Any]:
        """Give the JSON form: only what differs from the defaults, so that a field added later changes no digest."""
        return _plain_of(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Policy:
        """Read the JSON form; raises `PolicyError` or `TypeError` where it is no policy."""
        if not plain:
            return DEFAULT
        given = dict(plain)
        if "expires_in" in given:
            given["expires_in"] = timedelta(microseconds=given["expires_in"])
        return cls(**given)

    def describe(self) -> str:
        """Say the rule in a sentence."""
        who = " or ".join(self.approvers or ()) or ("anyone" if self.self_approval else "anyone but the requester")
        count = "" if self.needs == 1 else f"{self.needs} different people of: "
        limit = "" if self.expires_in is None else f" within {spoken(self.expires_in)}, or {_SILENCE[self.on_expiry]}"
        return f"{count}{who}{limit}"


DEFAULT = Policy()
"""Anyone but the requester may decide, and for ever."""


@lru_cache(maxsize=256)
def _plain_of(policy: Policy) -> Mapping[str, Any]:
    given = {f.name: getattr(policy, f.name) for f in fields(Policy) if getattr(policy, f.name) != f.default}
    return MappingProxyType({name: _plain(value) for name, value in given.items()})


@lru_cache(maxsize=256)
def policy_text(policy: Policy) -> str:
    """Give the JSON form as text, which a digest covers."""
    return json.dumps(dict(_plain_of(policy)), sort_keys=True)
