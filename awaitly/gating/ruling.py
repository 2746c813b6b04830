"""What is to be done with a call: let it pass, ask people, or refuse it; and who says so. It fails closed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from attrs import evolve, field

from awaitly.approvals.policy import Policy
from awaitly.approvals.redaction import redacted, scrubbed
from awaitly.exceptions import DefinitionError
from awaitly.replaying.asking import OPEN
from awaitly.values import frozen
from awaitly.visible import clipped

__all__ = ["Allow", "AskPeople", "Deny", "Guard", "Ruler", "Ruling", "rule"]

_LONGEST = 500
"""Characters of a summary; the arguments themselves are shown beside it."""


def _members(names: Iterable[str]) -> tuple[str, ...]:
    """Take names of members, which are blanked at any depth. Raises `DefinitionError` for a path, which names none."""
    found = tuple(names)
    paths = [name for name in found if "." in name]
    if paths:
        name = paths[0].rpartition(".")[2]
        msg = f"redact names members, at whatever depth they stand: write {name!r}, not {paths[0]!r}"
        raise DefinitionError(msg)
    return found


@frozen
class Allow:
    """The call is made, and nobody is asked."""


@frozen
class Deny:
    """The call is not made, and nobody is asked."""

    reason: str


@frozen(kw_only=True)
class AskPeople:
    """People are asked, under a policy; None means that of the gate. `redact` names what nobody is shown."""

    policy: Policy | None = None
    redact: tuple[str, ...] = field(default=(), converter=_members)
    summary: str | None = None


Ruling: TypeAlias = Allow | Deny | AskPeople


class Ruler(Protocol):
    """Says what is to be done with a call, or None where it has nothing to say of it. Rules of a file are one."""

    def __call__(self, tool: str, arguments: Mapping[str, Any], /) -> Ruling | None:
        """Judge a call by the tool's name and its arguments, as JSON values."""
        ...


@frozen(kw_only=True)
class Guard:
    """What a tool itself says of its calls.

    `when(arguments)` says which need a person: all where it is None, and where it raises or gives anything but False.
    `describe(arguments)` makes the summary. `redact` names arguments, or members inside them, that nobody is shown.
    """

    when: Callable[[Mapping[str, Any]], object] | None = None
    describe: Callable[[Mapping[str, Any]], object] | None = None
    redact: tuple[str, ...] = field(default=(), converter=_members)
    policy: Policy | None = None

    def __call__(self, _: str, arguments: Mapping[str, Any]) -> Ruling:
        """Judge a call."""
        if self.when is not None and not self._asks(self.when, arguments):
            return Allow()
        return AskPeople(policy=self.policy, redact=self.redact, summary=self._summary(arguments))

    @staticmethod
    def _asks(when: Callable[[Mapping[str, Any]], object], arguments: Mapping[str, Any]) -> bool:
        try:
            return when(arguments) is not False
        except Exception:  # noqa: BLE001  (whatever it is, it must not open the gate)
            return True

    def _summary(self, arguments: Mapping[str, Any]) -> str | None:
        if self.describe is None:
            return None
        try:
            return scrubbed(str(self.describe(arguments)), json.dumps(arguments), self.redact)
        except Exception:  # noqa: BLE001  (a broken description must not stop the question: the arguments speak)
            return None


_ALWAYS = Guard()


def rule(rulers: Iterable[Ruler], guard: Guard | None, tool: str, arguments: Mapping[str, Any]) -> Ruling:
    """Give the first ruling that there is, the tool's own last. A rule that raises, or gives no ruling, asks.

    What the tool redacts stays redacted whoever has people asked.
    """
    own = guard or _ALWAYS
    for ruler in rulers:
        try:
            ruling = ruler(tool, arguments)
        except Exception:  # noqa: BLE001  (whatever it is, it must not open the gate)
            ruling = AskPeople()
        match ruling:
            case None:
                continue
            case AskPeople():
                return _with_own(ruling, own, tool, arguments)
            case Allow() | Deny():
                return ruling
            case _:  # pyright: ignore[reportUnnecessaryComparison]  (a rule of the application's may give anything)
                return _with_own(AskPeople(), own, tool, arguments)
    return own(tool, arguments)


def _with_own(ruling: AskPeople, own: Guard, tool: str, arguments: Mapping[str, Any]) -> AskPeople:
    asked = evolve(own, when=None)(tool, arguments)
    if not isinstance(asked, AskPeople):
        return ruling
    redact = tuple(dict.fromkeys((*ruling.redact, *own.redact)))
    return AskPeople(policy=ruling.policy or asked.policy, redact=redact, summary=ruling.summary or asked.summary)


def summary_of(tool: str, arguments: Mapping[str, Any], ask: AskPeople) -> str:
    """Describe a call for a person, without what is redacted, on one line; how much of a long one is cut, is said."""
    content = json.dumps(arguments)
    if ask.summary is not None:
        return clipped(scrubbed(ask.summary, content, ask.redact), _LONGEST)
    return clipped(f"{tool} {json.dumps(redacted(content, ask.redact), ensure_ascii=False)}", _LONGEST)


def policy_of(ask: AskPeople, default: Policy = OPEN) -> Policy:
    """Give the policy under which people are asked."""
    return ask.policy or default
