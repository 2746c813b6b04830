"""From the errors of jsonschema to the one that matters, as a place and a sentence without the value in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from awaitly.coding.bounds import MEANINGS, WORDS
from awaitly.coding.nouns import NOUNS, noun
from awaitly.coding.paths import class_of_value, segment
from awaitly.errors import Undecodable
from awaitly.values import frozen

if TYPE_CHECKING:
    from jsonschema import ValidationError

__all__ = ["judged"]


@frozen
class _Verdict:
    """What is wrong, and the way to it from the root."""

    way: tuple[str | int, ...]
    reason: str

    @property
    def rank(self) -> tuple[int, bool]:
        """What stands nearest to the root comes first, and of one object the type."""
        return (len(self.way), self.way[-1:] != ("$type",))


def judged(failures: Sequence[ValidationError]) -> Undecodable:
    """Choose from the errors of one validation, of which there is at least one."""
    verdict = _first(failures)
    return Undecodable("$" + "".join(segment(each) for each in verdict.way), verdict.reason)


def _first(failures: Sequence[ValidationError]) -> _Verdict:
    return min((_verdict(each) for each in failures), key=lambda each: each.rank)


def _verdict(failure: ValidationError) -> _Verdict:
    way = tuple(failure.absolute_path)
    if "propertyNames" in failure.absolute_schema_path:
        return _Verdict(way, f"a key of the object: {_sentence(failure)}")
    match failure.validator:
        case "anyOf" | "oneOf":
            return _of_branches(failure, way)
        case "required":
            return _Verdict((*way, _missing(failure)), "missing")
        case "additionalProperties" | "unevaluatedProperties":
            return _Verdict((*way, _extra(failure)), "unexpected key")
        case _:
            return _Verdict(way, _sentence(failure))


def _missing(failure: Any) -> str:
    return next(str(each) for each in failure.validator_value if each not in failure.instance)


def _extra(failure: Any) -> str:
    known = failure.schema.get("properties", {})
    return next(str(each) for each in failure.instance if each not in known)


def _sentence(failure: Any) -> str:
    say = _SENTENCES.get(failure.validator)
    if say is not None:
        return say(failure)
    if failure.validator is None:
        return "no value is allowed here"
    return f"must satisfy {failure.validator} {json.dumps(failure.validator_value)[:80]}"


def _type(failure: Any) -> str:
    wanted = failure.validator_value
    nouns = [NOUNS.get(each, each) for each in ([wanted] if isinstance(wanted, str) else wanted)]
    return f"expected {' or '.join(nouns)}, got {noun(failure.instance)}"


def _pattern(failure: Any) -> str:
    return f"the text is not {failure.schema.get('description', 'of the expected form')}"


def _length(failure: Any) -> str:
    least, most = failure.schema.get("minItems"), failure.schema.get("maxItems")
    wanted = str(least) if least == most else f"{least or 0} to {'any number of' if most is None else most}"
    return f"expected {wanted} items, got {len(failure.instance)}"


def _bound(failure: Any) -> str:
    return f"must be {WORDS[MEANINGS[failure.validator]]} {failure.validator_value}"


_SENTENCES: dict[object, Callable[[Any], str]] = {
    **dict.fromkeys(MEANINGS, _bound),
    "type": _type,
    "pattern": _pattern,
    "minItems": _length,
    "maxItems": _length,
    "const": lambda failure: f"expected {json.dumps(failure.validator_value)}",
    "enum": lambda failure: f"expected one of {', '.join(map(json.dumps, failure.validator_value))}",
    "uniqueItems": lambda _: "the same item stands twice",
    "not": lambda _: "no such value is allowed here",
}


# Unions


def _of_branches(failure: Any, way: tuple[str | int, ...]) -> _Verdict:
    """Speak about the branch that the value means: the one with its `$type`, or else with its JSON kind."""
    branches: dict[int, list[ValidationError]] = {}
    for each in failure.context:
        branches.setdefault(each.relative_schema_path[0], []).append(each)
    meant = [_first(errors) for errors in branches.values() if not any(_is_other(each) for each in errors)]
    if meant:
        return max(meant, key=lambda each: len(each.way))
    instance: Any = failure.instance
    if class_of_value(instance) is dict and "$type" in instance:
        return _Verdict((*way, "$type"), "unknown type")
    labels = ", ".join(_label(each) for each in failure.validator_value)
    return _Verdict(way, f"expected one of {labels}, got {noun(instance)}")


def _is_other(failure: Any) -> bool:
    """Whether this error says that the branch is about another type altogether."""
    way = list(failure.relative_path)
    if way == ["$type"] or (not way and failure.validator in {"type", "const", "enum", "not", None}):
        return True
    return (
        not way
        and failure.validator == "required"
        and "$type" in failure.schema.get("properties", {})
        and ("$type" not in failure.instance)
    )


def _label(schema: Any) -> str:
    tag = schema.get("properties", {}).get("$type", {}).get("const")
    reference = schema.get("$ref", "").rpartition("/")[2]
    kind = NOUNS.get(schema.get("type"), "a value")
    return str(tag or reference or schema.get("title") or schema.get("description") or kind)
