"""Conditions on a call's arguments, as rules and standing grants name them: `{amount = {above = 50}}`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeAlias, cast

from awaitly.exceptions import DefinitionError
from awaitly.values import frozen

__all__ = ["Condition", "Conditions", "conditions_of", "hold"]

_MISSING = object()


@frozen
class Condition:
    """What the argument at a path, `amount` or `order.total`, has to be: `operator` is one of `OPERATORS`."""

    path: str
    operator: str
    operand: Any

    def holds(self, arguments: Mapping[str, Any]) -> bool:
        """Whether it does. Raises `TypeError` where it cannot be judged: an amount that is a text, say."""
        found = _at(arguments, self.path)
        if self.operator == "exists":
            return (found is not _MISSING) is self.operand
        if found is _MISSING:
            return False
        return OPERATORS[self.operator](found, self.operand)

    def __str__(self) -> str:
        return f"{self.path} {self.operator.replace('_', ' ')} {self.operand!r}"


Conditions: TypeAlias = tuple[Condition, ...]
"""All of them have to hold."""


def hold(conditions: Conditions, arguments: Mapping[str, Any]) -> bool:
    """Whether all hold. Raises `TypeError` where one cannot be judged, unless another one does not hold."""
    unclear: TypeError | None = None
    for condition in conditions:
        try:
            if not condition.holds(arguments):
                return False
        except TypeError as exc:
            unclear = exc
    if unclear is not None:
        raise unclear
    return True


def conditions_of(when: Mapping[str, Any]) -> Conditions:
    """Read conditions: a value that an argument equals, or operators with their operands. Raises `DefinitionError`."""
    found: list[Condition] = []
    for path, wanted in when.items():
        named = isinstance(wanted, Mapping)
        operators = cast("Mapping[str, Any]", wanted) if named else {"equals": wanted}
        for operator, operand in operators.items():
            _check(path, operator, operand)
            found.append(Condition(path, operator, operand))
    return tuple(found)


def _check(path: str, operator: str, operand: Any) -> None:
    wanted = _OPERANDS.get(operator)
    if wanted is None:
        msg = f"{path}: there is no operator {operator!r}; there are {', '.join(_OPERANDS)}"
        raise DefinitionError(msg)
    kind, said = wanted
    if not isinstance(operand, kind) or (isinstance(operand, bool) and bool not in kind and object not in kind):
        msg = f"{path}: {operator} takes {said}, not {operand!r}"
        raise DefinitionError(msg)


def _at(arguments: Mapping[str, Any], path: str) -> Any:
    """Give what stands at a path. Raises `TypeError` where a member is called like the path, or a list stands in it."""
    if "." not in path:
        return arguments.get(path, _MISSING)
    if path in arguments:
        msg = f"a member is called {path!r}, like the path"
        raise TypeError(msg)
    found: Any = arguments
    for part in path.split("."):
        if isinstance(found, list):
            msg = f"a list stands on the way to {path!r}"
            raise TypeError(msg)
        if not isinstance(found, Mapping) or part not in found:
            return _MISSING
        found = cast("Mapping[str, Any]", found)[part]
    return found


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        msg = f"{value!r} is no number"
        raise TypeError(msg)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        msg = f"{value!r} is no text"
        raise TypeError(msg)
    return value


def _same(value: Any, operand: Any) -> bool:
    """Whether two JSON values are the same: 7 and 7.0 are. Raises `TypeError` for values of different kinds."""
    if _kind(value) is not _kind(operand):
        msg = f"{value!r} cannot be compared with {operand!r}"
        raise TypeError(msg)
    return bool(value == operand)


def _kind(value: object) -> type[object]:
    """Give the kind of a JSON value: a number is one, whole or not, and true is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value)
    return float


def _among(value: Any, operands: Sequence[Any]) -> bool:
    """Whether a value is one of several. Raises `TypeError` where none of them is of its kind."""
    alike = [each for each in operands if _kind(each) is _kind(value)]
    if operands and not alike:
        msg = f"{value!r} cannot be compared with any of {list(operands)!r}"
        raise TypeError(msg)
    return any(value == each for each in alike)


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "equals": _same,
    "in": _among,
    "not_in": lambda value, operand: not _among(value, operand),
    "above": lambda value, operand: _number(value) > operand,
    "at_least": lambda value, operand: _number(value) >= operand,
    "below": lambda value, operand: _number(value) < operand,
    "at_most": lambda value, operand: _number(value) <= operand,
    "matches": lambda value, operand: fnmatchcase(_text(value), operand),
    "longer_than": lambda value, operand: len(_text(value)) > operand,
}
_OPERANDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "equals": ((object,), "a value"),
    "in": ((list, tuple), "a list"),
    "not_in": ((list, tuple), "a list"),
    "above": ((int, float), "a number"),
    "at_least": ((int, float), "a number"),
    "below": ((int, float), "a number"),
    "at_most": ((int, float), "a number"),
    "matches": ((str,), "a pattern such as 'invoices/*'"),
    "longer_than": ((int,), "a number of characters"),
    "exists": ((bool,), "true or false"),
}
