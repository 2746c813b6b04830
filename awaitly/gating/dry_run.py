"""A dry run of rules over recorded calls: which rule decides each, and what of the rules is wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, cast

from awaitly.exceptions import DefinitionError
from awaitly.gating.rules import Rules, ToolRule
from awaitly.gating.ruling import Allow, AskPeople, Deny, Ruling
from awaitly.values import frozen

__all__ = ["DryRun", "Judged", "TriedCall", "dry_run", "said", "tried_calls"]

_MEMBERS = frozenset({"tool", "arguments", "expect"})


@frozen
class TriedCall:
    """A call to be judged, from a line of a file; `expect` is what is expected of it, if anything is."""

    line: int
    tool: str
    arguments: Mapping[str, Any]
    expect: str | None = None


@frozen
class Judged:
    """How a call is judged: by which rule, None where none fits and people are asked. `unclear`: why it cannot be."""

    call: TriedCall
    ruling: Ruling
    rule: ToolRule | None = None
    unclear: str | None = None

    @property
    def as_expected(self) -> bool:
        """Whether it is judged as the file says."""
        return self.call.expect is None or self.call.expect == said(self.ruling)


@frozen
class DryRun:
    """What came of a dry run. `idle` rules decided no call; each of the `shadowed` comes after one that takes all."""

    judged: tuple[Judged, ...]
    idle: tuple[ToolRule, ...]
    shadowed: tuple[tuple[ToolRule, ToolRule], ...]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong: all is as expected, every rule decides something, and none contradicts another."""
        return not self.idle and not self.shadowed and all(each.as_expected for each in self.judged)


def said(ruling: Ruling) -> str:
    """Give the word for a ruling that a file of rules has."""
    match ruling:
        case Allow():
            return "allow"
        case Deny():
            return "deny"
        case AskPeople():
            return "ask"


def tried_calls(lines: Iterable[str]) -> tuple[TriedCall, ...]:
    """Read calls, a line of JSON each. Raises `DefinitionError` with the line; blank ones are left out."""
    return tuple(_call(number, line) for number, line in enumerate(lines, start=1) if line.strip())


def _call(number: int, line: str) -> TriedCall:
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError) as exc:
        msg = f"line {number} is no JSON: {exc}"
        raise DefinitionError(msg) from exc
    members = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    tool, arguments, expect = members.get("tool"), members.get("arguments", {}), members.get("expect")
    if not isinstance(tool, str) or not isinstance(arguments, dict) or set(members) - _MEMBERS:
        msg = f'line {number} is no call: write {{"tool": "pay", "arguments": {{...}}, "expect": "ask"}}'
        raise DefinitionError(msg)
    if expect not in (None, "allow", "ask", "deny"):
        msg = f"line {number}: expect is 'allow', 'ask' or 'deny', not {expect!r}"
        raise DefinitionError(msg)
    return TriedCall(number, tool, cast("dict[str, Any]", arguments), expect)


def dry_run(rules: Rules, calls: Iterable[TriedCall]) -> DryRun:
    """Judge calls as a gate with these rules would, where the tools themselves say nothing."""
    judged = tuple(_judged(rules, call) for call in calls)
    decided = Counter(id(each.rule) for each in judged if each.rule is not None)
    idle = tuple(rule for rule in rules.rules if not decided[id(rule)])
    return DryRun(judged, idle, tuple(rules.shadowed()))


def _judged(rules: Rules, call: TriedCall) -> Judged:
    try:
        rule = rules.deciding(call.tool, call.arguments)
    except TypeError as exc:
        return Judged(call, AskPeople(), unclear=str(exc))
    return Judged(call, AskPeople()) if rule is None else Judged(call, rule.ruling, rule)
