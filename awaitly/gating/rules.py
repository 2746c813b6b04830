"""Rules about tool calls as data: by the tool's name and its arguments, the first that fits counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from attrs import Factory, field

from awaitly.approvals.policy import Policy
from awaitly.exceptions import DefinitionError
from awaitly.gating.conditions import Conditions, conditions_of, hold
from awaitly.gating.ruling import Ruling
from awaitly.replaying.asking import OPEN
from awaitly.values import frozen

__all__ = ["Rules", "ToolRule"]


def _patterns(tools: str | Iterable[str]) -> tuple[str, ...]:
    found = (tools,) if isinstance(tools, str) else tuple(tools)
    if not found or not all(found):
        msg = "a rule names at least one tool, or a pattern such as 'read_*'"
        raise DefinitionError(msg)
    return found


def _conditions(when: Mapping[str, Any] | Conditions) -> Conditions:
    return when if isinstance(when, tuple) else conditions_of(when)


@frozen(kw_only=True)
class ToolRule:
    """One rule: for which tools (names or patterns such as `read_*`), when, and what is then to be done.

    `when` maps arguments to the value that they have to equal, or to operators: `{"amount": {"above": 50}}`. All of
    them have to hold; an argument that is not there holds nothing. Raises `DefinitionError` for what is no rule.
    """

    tools: tuple[str, ...] = field(converter=_patterns)
    ruling: Ruling
    when: Conditions = field(default=(), converter=_conditions)
    name: str = ""

    def concerns(self, tool: str) -> bool:
        """Whether it is about a tool."""
        return any(fnmatchcase(tool, pattern) for pattern in self.tools)

    def covers(self, other: ToolRule) -> bool:
        """Whether nothing is left for a rule that comes after this one."""
        return set(self.when) <= set(other.when) and all(
            any(pattern == own or fnmatchcase(pattern, own) for own in self.tools) for pattern in other.tools
        )

    def __str__(self) -> str:
        when = "".join(f", {condition}" for condition in self.when)
        return self.name or f"{' or '.join(self.tools)}{when}"


def _in_order(rules: Iterable[ToolRule]) -> tuple[ToolRule, ...]:
    return tuple(rules)


@frozen
class Rules:
    """Rules in their order, as `Gate(rules=[rules])` takes them; `policy` is what a file of rules says for all."""

    rules: tuple[ToolRule, ...] = field(converter=_in_order)
    policy: Policy = Factory(lambda: OPEN)

    def __call__(self, tool: str, arguments: Mapping[str, Any]) -> Ruling | None:
        """Give the ruling of the first rule that fits. Raises `TypeError` where one cannot be judged: the gate asks."""
        rule = self.deciding(tool, arguments)
        return None if rule is None else rule.ruling

    def deciding(self, tool: str, arguments: Mapping[str, Any]) -> ToolRule | None:
        """Give the first rule that fits a call. Raises `TypeError` where one before it cannot be judged."""
        return next((r for r in self.rules if r.concerns(tool) and hold(r.when, arguments)), None)

    def shadowed(self) -> Iterator[tuple[ToolRule, ToolRule]]:
        """Give each rule that can never count, with the one before it that takes all of its calls."""
        for number, rule in enumerate(self.rules):
            above = next((earlier for earlier in self.rules[:number] if earlier.covers(rule)), None)
            if above is not None:
                yield rule, above
