"""How JSON values are spoken of."""

from __future__ import annotations

from awaitly.coding.paths import Refused, class_of_value

__all__ = ["JSON_TYPES", "NOUNS", "noun", "unexpected"]

JSON_TYPES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
"""The name that JSON Schema has for what Python's `json` makes."""

NOUNS: dict[str, str] = {
    "null": "null",
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "string": "a text",
    "array": "a list",
    "object": "an object",
}
"""The words for the types of JSON Schema."""


def noun(plain: object) -> str:
    """The words for what a value is, and never the value itself."""
    cls = class_of_value(plain)
    return NOUNS[JSON_TYPES[cls]] if cls in JSON_TYPES else f"a Python {cls.__qualname__}"


def unexpected(what: str, plain: object) -> Refused:
    """Say what was expected and what came."""
    return Refused(f"expected {what}, got {noun(plain)}")
