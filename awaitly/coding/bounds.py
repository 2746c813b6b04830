"""Bounds of numbers, which stand in a hint: `Annotated[Decimal, Bounds(gt=0, le=100)]`."""

from __future__ import annotations

import decimal
import typing
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from attrs import asdict, field

from awaitly.coding.paths import Refused, class_of_value
from awaitly.exceptions import DefinitionError
from awaitly.values import frozen

__all__ = ["BOUNDED", "MEANINGS", "WORDS", "Bounds", "keyword_holds", "keywords_of"]

Number = Decimal | int | float
_NUMBERS = (int, float, Decimal)
_ON_NUMBERS = "Bounds stand on an int, a float or a Decimal"
_PRECISE = decimal.Context(prec=400, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX, traps=[])
"""Enough digits for any amount; a number of more is a multiple of nothing here."""


def _number(_: object, attribute: Any, value: object) -> None:
    if value is None:
        return
    if class_of_value(value) not in _NUMBERS or not Decimal(typing.cast("Number", value)).is_finite():
        raise DefinitionError(f"Bounds({attribute.name}=...) takes a finite number, got {value!r}")


def _positive(_: object, attribute: Any, value: Number | None) -> None:
    if value is not None and value <= 0:
        raise DefinitionError(f"Bounds({attribute.name}=...) takes a number above 0, got {value!r}")


@frozen(kw_only=True)
class Bounds:
    """Where a number must lie: above, at least, below, at most; and the unit that it must be a multiple of.

    It stands in an annotation of an `int`, a `float` or a `Decimal`: `Annotated[Decimal, Bounds(gt=0, le=total)]`. A
    value outside cannot be stored, proposed or, by any edit, decided. The names are those of the package
    annotated-types. Raises `DefinitionError`.
    """

    gt: Number | None = field(default=None, validator=_number)
    ge: Number | None = field(default=None, validator=_number)
    lt: Number | None = field(default=None, validator=_number)
    le: Number | None = field(default=None, validator=_number)
    multiple_of: Number | None = field(default=None, validator=[_number, _positive])

    def check(self, value: object) -> None:
        """Raise `Refused` where a number lies outside."""
        if class_of_value(value) not in _NUMBERS:
            raise Refused(_ON_NUMBERS)
        for name, bound in self.given():
            if not _HOLDS[name](_exact(value), _exact(bound)):
                raise Refused(f"must be {WORDS[name]} {bound}")

    def given(self) -> Iterator[tuple[str, Number]]:
        """Give the bounds that there are, by name."""
        yield from ((name, bound) for name, bound in asdict(self).items() if bound is not None)

    def within(self, other: Bounds) -> Bounds:
        """Both at once."""
        twice = {name for name, _ in self.given()} & {name for name, _ in other.given()}
        if twice:
            raise Refused(f"Bounds say {', '.join(sorted(twice))} twice")
        return Bounds(**dict(self.given()), **dict(other.given()))


WORDS: Mapping[str, str] = {
    "gt": "above",
    "ge": "at least",
    "lt": "below",
    "le": "at most",
    "multiple_of": "a multiple of",
}
_HOLDS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "gt": lambda value, bound: value > bound,
    "ge": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "le": lambda value, bound: value <= bound,
    "multiple_of": lambda value, unit: _PRECISE.remainder(value, unit) == 0,
}


def _exact(value: Any) -> Decimal:
    return Decimal(repr(value)) if class_of_value(value) is float else Decimal(value)


# In a JSON Schema. A Decimal is a text there, of which the keywords for numbers say nothing: for texts with an order
# the prefix `format` is in use.

_KEYWORDS: Mapping[str, str] = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
}


def _on_decimals(keyword: str) -> str:
    """Give the keyword for decimals as text that means the same: `maximum` becomes `formatMaximum`."""
    return f"format{keyword[0].upper()}{keyword[1:]}"


MEANINGS: Mapping[str, str] = {
    each: name for name, keyword in _KEYWORDS.items() for each in (keyword, _on_decimals(keyword))
}
"""What each keyword means."""

BOUNDED: Mapping[str, str] = {
    keyword: on for each in _KEYWORDS.values() for keyword, on in ((each, "number"), (_on_decimals(each), "string"))
}
"""The type that each keyword says something of."""


def keywords_of(bounds: Bounds, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Give what bounds add to the schema of a number. Raises `Refused` where it is none."""
    if schema.get("format") == "decimal":
        return {_on_decimals(_KEYWORDS[name]): str(_exact(bound)) for name, bound in bounds.given()}
    if schema.get("type") not in {"integer", "number"}:
        raise Refused(_ON_NUMBERS)
    return {_KEYWORDS[name]: _plain(bound) for name, bound in bounds.given()}


def _plain(bound: Number) -> int | float:
    return int(bound) if bound == int(bound) else float(bound)


def keyword_holds(keyword: str, bound: Any, value: Any) -> bool:
    """Whether a keyword of a schema holds for a JSON value; what cannot be read as a number is not within bounds."""
    try:
        return _HOLDS[MEANINGS[keyword]](_exact(value), _exact(bound))
    except ArithmeticError:
        return False
