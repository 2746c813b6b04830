"""Grants: the ways in which a policy names who may do something, `alice`, `role:manager` or `rule:NAME`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias, cast

from attrs import field

from awaitly.exceptions import PolicyError
from awaitly.values import frozen

__all__ = [
    "ANYONE",
    "NAME",
    "ROLE",
    "RULE",
    "Grant",
    "Rule",
    "checked_grants",
    "is_countable",
    "is_kept",
    "listed_in",
    "names_somebody",
    "person_of",
]

ANYONE = "*"
"""Stands for everybody whom the application lets through, where what waits is listed."""

ROLE, RULE, NAME = "role:", "rule:", "name:"
_PREFIXES = (ROLE, RULE, NAME)
_LONGEST = 200
"""Characters of one name."""


def _named(_: object, __: object, value: str) -> None:
    if not isinstance(cast("object", value), str) or not names_somebody(value):
        msg = f"a rule needs a name of printable text, such as Rule('on-call', ...), not {value!r}"
        raise PolicyError(msg)


@frozen
class Rule:
    """A rule of the application's own about who may decide: `holds(actor, approval)` gives True or False, or awaits it.

    Name it among a policy's `approvers` or `editors`; what is kept with the approval is `rule:NAME`, so hand it to
    every `Orchestrator(rules=[...])` that takes decisions. Where it is not known, raises, or answers anything but True,
    it grants nothing.
    """

    name: str = field(validator=_named)
    holds: Callable[[Any, Any], bool | Awaitable[bool]] = field(eq=False, repr=False)

    @property
    def grant(self) -> str:
        """The grant that a policy keeps."""
        return RULE + self.name


Grant: TypeAlias = str | Rule
"""What a policy's lists of people take."""


def checked_grants(what: str, values: Iterable[Grant]) -> tuple[str, ...]:
    """Give grants in the form in which they are kept, each once. Raises `PolicyError` for what names nobody."""
    listed = listed_in(what, values, "names such as 'alice' and roles such as 'role:manager'")
    return tuple(dict.fromkeys(value.grant if isinstance(value, Rule) else _checked(value, what) for value in listed))


def listed_in(what: str, values: object, items: str) -> tuple[object, ...]:
    """Give the items of a list. Raises `PolicyError`, which names what the list is of, for what is none."""
    if isinstance(values, str):
        msg = f"{what} is a list, not one text: write {what}=[{values!r}]"
        raise PolicyError(msg)
    found = repr(values)[:60]
    if isinstance(values, Iterable) and not isinstance(values, bytes | Mapping):
        return tuple(cast("Iterable[object]", values))
    msg = f"{what} is a list of {items}, not {found}"
    raise PolicyError(msg)


def names_somebody(name: str) -> bool:
    """Whether a name can stand where people are named: printable text, as every store keeps it, and not too long."""
    return bool(name) and name == name.strip() and len(name) <= _LONGEST and name.isprintable() and name != ANYONE


def is_kept(grant: str) -> bool:
    """Whether a text can be a grant that is kept somewhere; no store need be asked for another."""
    return len(grant) <= _LONGEST + max(map(len, _PREFIXES)) and grant.isprintable()


def _checked(grant: object, what: str) -> str:
    if not isinstance(grant, str):
        msg = f"{what} lists names such as 'alice' and roles such as 'role:manager', not {grant!r}"
        raise PolicyError(msg)
    prefix, colon, rest = grant.partition(":")
    if not names_somebody(rest if prefix + colon in _PREFIXES else grant):
        msg = f"{what}: {grant[:40]!r} names nobody; write a person as 'alice' and a role as 'role:manager'"
        raise PolicyError(msg)
    if colon and prefix + colon not in _PREFIXES:
        msg = (
            f"{what}: {grant[:40]!r} has the unknown prefix {prefix + colon!r}; write a role as 'role:{rest.strip()}', "
            f"or 'name:{grant}' where this is the whole name of somebody"
        )
        raise PolicyError(msg)
    return rest if prefix + colon == NAME and ":" not in rest else grant


def person_of(grant: str) -> str | None:
    """Give the name of the one person whom a grant means; None for a role or a rule."""
    if grant.startswith((ROLE, RULE)):
        return None
    return grant.removeprefix(NAME)


def is_countable(grants: Iterable[str] | None) -> bool:
    """Whether it is known how many people these grants mean: nobody can count those who hold a role."""
    return grants is not None and all(person_of(grant) is not None for grant in grants)
