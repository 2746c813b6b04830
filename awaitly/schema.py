"""JSON Schema (draft 2020-12) of a hint, and validation of a JSON value against a stored schema.

With a schema, a process without the workflow's code can draw a form for a value and check an edit. What the codec
writes for a hint is valid under the hint's schema. The other way round the schema is the weaker check: it knows
nothing of the validators of a class.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from awaitly.coding.bounds import BOUNDED, keyword_holds
from awaitly.coding.paths import Refused
from awaitly.coding.texts import JsonValue
from awaitly.errors import Undecodable
from awaitly.exceptions import DefinitionError
from awaitly.result import Err, Ok, Result

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

__all__ = ["checked_schema", "json_schema", "validate"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(hint: object, types: Iterable[type] = ()) -> dict[str, Any]:
    """Describe what a `Codec(types)` writes for `hint`. Classes that contain themselves stand under `$defs`.

    Raises `DefinitionError` for a hint that the codec does not support, with the place.
    """
    from awaitly.coding.describing import Describer  # noqa: PLC0415  (only those who ask pay for its import)

    describer = Describer(tuple(types))
    try:
        described = describer.describe(hint)
    except Exception as failure:
        where, why = (failure.path, failure.reason) if isinstance(failure, Refused) else ("$", repr(failure))
        raise DefinitionError(f"no JSON Schema for {hint!r}: at {where}, {why}") from failure
    definitions = {"$defs": describer.definitions} if describer.definitions else {}
    return {"$schema": _DIALECT, **described, **definitions}


def checked_schema(schema: dict[str, Any]) -> str:
    """Write a schema that is given as JSON itself. Raises `DefinitionError` where it is none, with the place."""
    from jsonschema import SchemaError  # noqa: PLC0415  (it takes longer than all of awaitly)

    try:
        text = json.dumps(schema, separators=(",", ":"), allow_nan=False)
        _validator(text)
    except SchemaError as none:
        msg = f"this is no JSON Schema: at {none.json_path}, {none.message}"
        raise DefinitionError(msg) from none
    except (ValueError, TypeError, RecursionError) as none:
        msg = f"this is no JSON Schema, because it is no JSON: {none}"
        raise DefinitionError(msg) from none
    if json.loads(text) != schema:
        msg = "this is no JSON Schema, because it is no JSON: the keys of objects are texts, and arrays are lists"
        raise DefinitionError(msg)
    return text


def validate(schema_text: str, value: JsonValue) -> Result[None, Undecodable]:
    """Check a JSON value against the text of a schema; the first thing wrong is named by its place and a sentence.

    Stricter than the draft in one point, as the codec is: `1.0` is no integer. It never raises and never fetches
    what a `$ref` points to: a schema that cannot be used refuses every value.
    """
    from awaitly.coding.judging import judged  # noqa: PLC0415  (as above)

    try:
        failures = list(_validator(schema_text).iter_errors(value))
        return Err(judged(failures)) if failures else Ok(None)
    except Exception as failure:  # noqa: BLE001  (a stored schema may be any text, a value may nest without end)
        return Err(Undecodable("$", f"the schema cannot be used: {type(failure).__name__}"))


@functools.lru_cache(maxsize=256)
def _validator(schema_text: str) -> Validator:
    """The validator of a stored schema, which sees nothing outside of it."""
    import referencing  # noqa: PLC0415  (as jsonschema)

    library: Any = referencing
    schema = json.loads(schema_text)
    cls = _strict_validator()
    cls.check_schema(schema)
    validator: Validator = cls(schema, registry=library.Registry())
    return validator


@functools.cache
def _strict_validator() -> Any:
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415  (it takes longer than all of awaitly)

    library: Any = validators
    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    bounds = {keyword: _bound(keyword, on) for keyword, on in BOUNDED.items()}
    return library.extend(Draft202012Validator, bounds, type_checker=checker)


def _bound(keyword: str, on: str) -> Callable[..., Iterator[Any]]:
    """What judges a bound, exactly to the last digit; it says nothing of values of another type."""
    from jsonschema import ValidationError  # noqa: PLC0415  (as above)

    def judge(validator: Any, bound: JsonValue, instance: JsonValue, _schema: object) -> Iterator[Any]:
        if validator.is_type(instance, on) and not keyword_holds(keyword, bound, instance):
            yield ValidationError("out of bounds")

    return judge


def _is_integer(_checker: object, value: object) -> bool:
    return type(value) is int
