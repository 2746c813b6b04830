"""Rules in a file: TOML, read into `Rules`. Whatever it says that is not understood is refused, with its place."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from attrs import fields

from awaitly.approvals.escalation import Escalation
from awaitly.approvals.policy import Policy
from awaitly.approvals.quorum import Quorum
from awaitly.exceptions import DefinitionError, PolicyError
from awaitly.gating.rules import Rules, ToolRule
from awaitly.gating.ruling import Allow, AskPeople, Deny, Ruling

__all__ = ["load_rules", "read_rules"]

_DECIDE = ("allow", "ask", "deny")
_RULE = frozenset({"name", "tools", "tool", "when", "decide", "policy", "redact", "summary", "reason"})
_ONLY_FOR = {"policy": "ask", "redact": "ask", "summary": "ask", "reason": "deny"}
_POLICY = frozenset(field.name for field in fields(Policy) if field.init) - {"calendar"}


def load_rules(path: str | Path) -> Rules:
    """Read a file of rules. Raises `DefinitionError` where it is none, with the place, and `OSError`."""
    try:
        return read_rules(Path(path).read_text("utf-8"))
    except (DefinitionError, ValueError) as exc:  # (no UTF-8, or a path that no system has)
        msg = f"{path}: {exc}"
        raise DefinitionError(msg) from exc


def read_rules(text: str) -> Rules:
    """Read rules from the text of a file. Raises `DefinitionError`, with the place."""
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as exc:  # (digits beyond what Python reads are no error of TOML's)
        msg = f"this is no TOML: {exc}"
        raise DefinitionError(msg) from exc
    _known(found, frozenset({"policy", "rule"}), "the file")
    rules = found.get("rule", [])
    if not isinstance(rules, list) or not rules:
        msg = "it has no rules: write each as [[rule]], with tools and decide"
        raise DefinitionError(msg)
    policy = _policy(found["policy"], "policy") if "policy" in found else None
    read = [_rule(each, f"rule {number}") for number, each in enumerate(cast("list[object]", rules), start=1)]
    return Rules(tuple(read)) if policy is None else Rules(tuple(read), policy)


def _rule(found: Any, place: str) -> ToolRule:
    members = _table(found, place)
    _known(members, _RULE, place)
    name = _text(members.get("name", ""), f"{place}: name")
    place = f"{place} ({name})" if name else place
    if "tools" in members and "tool" in members:
        msg = f"{place}: name either tool or tools"
        raise DefinitionError(msg)
    tools = members.get("tools", members.get("tool"))
    if tools is None:
        msg = f"{place}: it says no tools: write tools = ['pay'], or a pattern such as 'read_*'"
        raise DefinitionError(msg)
    try:
        return ToolRule(
            tools=_texts(tools, f"{place}: tools"),
            ruling=_ruling(members, place),
            when=_table(members.get("when", {}), f"{place}: when"),
            name=name,
        )
    except DefinitionError as exc:
        raise exc if str(exc).startswith(place) else DefinitionError(f"{place}: {exc}") from exc


def _ruling(members: Mapping[str, Any], place: str) -> Ruling:
    decide = members.get("decide")
    if decide not in _DECIDE:
        msg = f"{place}: decide is one of {', '.join(map(repr, _DECIDE))}, not {decide!r}"
        raise DefinitionError(msg)
    for name, wanted in _ONLY_FOR.items():
        if name in members and decide != wanted:
            msg = f"{place}: {name} goes with decide = {wanted!r} alone"
            raise DefinitionError(msg)
    if decide == "allow":
        return Allow()
    if decide == "deny":
        return Deny(_text(members.get("reason", "a rule forbids it"), f"{place}: reason"))
    return AskPeople(
        policy=_policy(members["policy"], f"{place}: policy") if "policy" in members else None,
        redact=_texts(members.get("redact", []), f"{place}: redact"),
        summary=_text(members["summary"], f"{place}: summary") if "summary" in members else None,
    )


def _policy(found: Any, place: str) -> Policy:
    members = _table(found, place)
    _known(members, _POLICY, place)
    try:
        return Policy(**{name: _part(name, value, place) for name, value in members.items()})
    except (PolicyError, ValueError, TypeError) as exc:
        msg = f"{place}: {exc}"
        raise DefinitionError(msg) from exc


def _part(name: str, value: Any, place: str) -> Any:
    kinds: Mapping[str, type[Quorum | Escalation]] = {"also": Quorum, "escalations": Escalation}
    kind = kinds.get(name)
    if kind is None:
        return value
    if not isinstance(value, list):
        msg = f"{place}: {name} is a list of tables"
        raise DefinitionError(msg)
    tables = [_table(each, f"{place}: {name}") for each in cast("list[object]", value)]
    return [kind(**each) for each in tables]


def _known(members: Mapping[str, Any], known: frozenset[str], place: str) -> None:
    unknown = sorted(set(members) - known)
    if unknown:
        msg = f"{place}: {unknown[0]!r} is unknown; known are {', '.join(sorted(known))}"
        raise DefinitionError(msg)


def _table(found: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        msg = f"{place} is a table, not {found!r}"
        raise DefinitionError(msg)
    return cast("Mapping[str, Any]", found)


def _texts(found: Any, place: str) -> tuple[str, ...]:
    listed = [found] if isinstance(found, str) else found
    if not isinstance(listed, list):
        msg = f"{place} is a list of texts, not {found!r}"
        raise DefinitionError(msg)
    return tuple(_text(each, place) for each in cast("list[object]", listed))


def _text(found: Any, place: str) -> str:
    if not isinstance(found, str):
        msg = f"{place} is a text, not {found!r}"
        raise DefinitionError(msg)
    return found
