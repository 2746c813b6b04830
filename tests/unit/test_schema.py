from __future__ import annotations

import datetime as dt
import enum
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Generic, Literal, NamedTuple, Never, NotRequired, TypedDict, TypeVar, Union, cast
from uuid import UUID

import jsonschema
import pydantic
import pytest
from attrs import field, frozen
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from typing_extensions import TypeAliasType

from awaitly.codec import ANYTHING, Codec
from awaitly.errors import Undecodable
from awaitly.exceptions import DefinitionError
from awaitly.result import Err, Ok, Result
from awaitly.schema import json_schema, validate

T = TypeVar("T")
CODEC = Codec()


class Colour(enum.Enum):
    """An enum with an alias."""

    RED = 1
    GREEN = 2


class Access(enum.Flag):
    """A flag."""

    READ = enum.auto()
    WRITE = enum.auto()


@frozen
class Line:
    """A line of an order."""

    sku: str
    price: Decimal


@frozen
class Order:
    """An order."""

    id: str
    lines: list[Line]
    _note: str | None = None


@frozen
class Node:
    """A class that contains itself."""

    value: int
    next: Node | None = None


@frozen
class Box(Generic[T]):
    """A generic class."""

    item: T


class Pair(NamedTuple):
    """A NamedTuple."""

    left: int
    right: str


class Movie(TypedDict):
    """A TypedDict."""

    title: str
    year: NotRequired[int]


class Person(pydantic.BaseModel):
    """A pydantic model that contains itself."""

    name: str
    friends: list[Person] = []


class Names(pydantic.RootModel[list[str]]):
    """A pydantic model of a list."""


Json = TypeAliasType("Json", "str | int | list[Json] | dict[str, Json] | None")


def body(hint: object, types: Sequence[type] = ()) -> dict[str, Any]:
    """The schema without its dialect."""
    schema = json_schema(hint, types)
    assert schema.pop("$schema") == "https://json-schema.org/draft/2020-12/schema"
    return schema


def checked(hint: object, value: Any) -> Result[None, Undecodable]:
    """Validation against the schema of a hint."""
    return validate(json.dumps(json_schema(hint)), value)


def wrong(hint: object, value: Any) -> Undecodable:
    """The refusal of a value that must be refused."""
    return checked(hint, value).failure()


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (None, {"type": "null"}),
        (bool, {"type": "boolean"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (str, {"type": "string"}),
        (Colour, {"type": "string", "title": "Colour", "enum": ["RED", "GREEN"]}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (set[int], {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (ANYTHING, {}),
        (Any, {}),
        (Never, {"not": {}}),
    ],
)
def test_schema_of_simple_hints(hint: object, schema: dict[str, Any]) -> None:
    """The schema of a simple hint is what a person would write."""
    assert body(hint) == schema


def test_schema_of_a_class() -> None:
    """A class is a closed object with its tag as a constant, titled by its name, its fields in order."""
    schema = body(Order)
    assert schema["title"] == "Order"
    assert list(schema["properties"]) == schema["required"] == ["$type", "id", "lines", "note"]
    assert schema["properties"]["$type"] == {"const": "Order"}
    assert schema["additionalProperties"] is False
    line = schema["properties"]["lines"]["items"]
    assert line["properties"]["price"]["type"] == "string"
    assert line["properties"]["price"]["format"] == "decimal"


def test_schema_of_a_class_that_contains_itself() -> None:
    """What contains itself stands under `$defs`, once."""
    schema = body(Node)
    assert schema["$ref"] == "#/$defs/Node"
    assert schema["$defs"]["Node"]["properties"]["next"] == {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}
    assert checked(Node, CODEC.plain(Node(1, Node(2)), Node).unwrap()) == Ok(None)
    assert wrong(Node, {"$type": "Node", "value": 1, "next": {"$type": "Node", "value": "x", "next": None}}).path == (
        "$.next.value"
    )


def test_schema_of_a_recursive_alias() -> None:
    """A recursive alias is described once, too."""
    assert checked(Json, [1, {"a": [None]}]) == Ok(None)
    assert wrong(Json, [1, {"a": [1.5]}]).path.startswith("$")


def test_schema_of_pydantic_models() -> None:
    """A model's own schema gets the tag; its definitions get names that no other model's take."""
    schema = body(list[Person | Names])
    assert schema["items"]["anyOf"][0]["properties"]["$type"] == {"const": "Person"}
    value = [Person(name="a", friends=[Person(name="b")]), Names(["x"])]
    plain = cast("Any", CODEC.plain(value, list[Person | Names]).unwrap())
    assert checked(list[Person | Names], plain) == Ok(None)
    plain[0]["friends"][0]["name"] = 1
    assert wrong(list[Person | Names], plain).path == "$[0].friends[0].name"


def test_schema_takes_the_registry() -> None:
    """A subclass that the registry lets in is valid where its base is annotated."""

    @frozen
    class Rush(Line):
        by: dt.date

    codec = Codec([Rush])
    plain = codec.plain(Rush("a", Decimal(1), dt.date(2026, 1, 1)), Line).unwrap()
    assert isinstance(validate(json.dumps(json_schema(Line)), plain), Err)
    assert validate(json.dumps(json_schema(Line, codec.types)), plain) == Ok(None)


@pytest.mark.parametrize("hint", [Callable[[], int], list[type], "Order", 7])
def test_unsupported_hint_is_a_definition_error(hint: object) -> None:
    """A hint that the codec does not support is a mistake of the program."""
    with pytest.raises(DefinitionError, match="not supported"):
        json_schema(hint)


def test_definition_error_names_the_field() -> None:
    """The field that is not supported is named."""

    @frozen
    class Holder:
        made: int
        maker: type = field(default=int)

    with pytest.raises(DefinitionError, match=r"\$\.maker"):
        json_schema(Holder)


@pytest.mark.parametrize(
    ("hint", "value", "path", "reason"),
    [
        (int, "7", "$", "expected an integer, got a text"),
        (int, True, "$", "expected an integer, got true or false"),
        (int, 1.0, "$", "expected an integer, got a number"),
        (bool, 1, "$", "expected true or false, got an integer"),
        (Decimal, 5, "$", "expected a text, got an integer"),
        (Decimal, "abc", "$", "the text is not a decimal number such as 12.50"),
        (Colour, "BLUE", "$", 'expected one of "RED", "GREEN"'),
        (list[list[int]], [[1], [2, None]], "$[1][1]", "expected an integer, got null"),
        (dict[str, int], {"a b": "x"}, '$["a b"]', "expected an integer, got a text"),
        (dict[Colour, int], {"BLUE": 1}, "$", 'a key of the object: expected one of "RED", "GREEN"'),
        (tuple[int, str], [1], "$", "expected 2 items, got 1"),
        (tuple[int, str], [1, 2], "$[1]", "expected a text, got an integer"),
        (set[int], [1, 1], "$", "the same item stands twice"),
        (Never, 1, "$", "no such value is allowed here"),
        (Line, {"$type": "Line", "sku": "a"}, "$.price", "missing"),
        (Line, {"$type": "Line", "sku": "a", "price": "1", "x": 1}, "$.x", "unexpected key"),
        (Line, {"$type": "Order", "sku": "a", "price": "1"}, "$.$type", 'expected "Line"'),
        (Line | None, {"$type": "Line", "sku": 1, "price": "1"}, "$.sku", "expected a text, got an integer"),
        (Line | None, 7, "$", "expected one of Line, null, got an integer"),
        (Line | Order, {"$type": "Order", "id": "a", "lines": [1], "note": 1}, "$.note", None),
        (Line | Order, {"$type": "Nope"}, "$.$type", "unknown type"),
        (
            list[Line | Order],
            [{"$type": "Order", "id": "a", "lines": [{"$type": "Line", "sku": "a", "price": "x"}], "note": None}],
            "$[0].lines[0].price",
            "the text is not a decimal number such as 12.50",
        ),
        (dict[str, int] | Line, {"$type": "Line", "sku": "a"}, "$.price", "missing"),
    ],
)
def test_validate_names_place_and_reason(hint: object, value: Any, path: str, reason: str | None) -> None:
    """The place is a path, the reason a sentence, and in a union it speaks about the member that is meant."""
    refused = wrong(hint, value)
    assert refused.path.startswith(path)
    if reason is not None:
        assert refused == Undecodable(path, reason)


def test_validate_shows_no_values() -> None:
    """What was entered may be a secret, so the sentence does not repeat it."""
    assert "secret" not in str(wrong(list[Decimal | UUID], ["secret"]))


@pytest.mark.parametrize("text", ["", "{", "7", '{"type": "nope"}', '{"$ref": "http://127.0.0.1:1/x"}', '{"type": 5}'])
def test_schema_that_cannot_be_used_refuses(text: str) -> None:
    """A damaged schema lets nothing through, fetches nothing, and raises nothing."""
    assert isinstance(validate(text, 1), Err)


def test_validate_survives_deep_values() -> None:
    """A value that nests without end is refused."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert isinstance(checked(Json, value), Err)
    while value:  # taken apart by hand, so that freeing it does not recurse
        value = value[0]


PRIMITIVES: list[Any] = [None, True, 1, 1.5, "a", [1], {"a": 1}]
KINDS: list[tuple[Any, tuple[type, ...]]] = [
    (None, (type(None),)),
    (bool, (bool,)),
    (int, (int,)),
    (float, (int, float)),
    (str, (str,)),
    (list[Any], (list,)),
    (dict[str, Any], (dict,)),
]


@pytest.mark.parametrize(("hint", "kinds"), KINDS)
@pytest.mark.parametrize("value", PRIMITIVES)
def test_primitives_of_another_kind_do_not_validate(hint: object, kinds: tuple[type, ...], value: Any) -> None:
    """The schema and the codec agree on every pair of primitive hint and primitive value."""
    assert isinstance(checked(hint, value), Ok) == (type(value) in kinds)
    assert isinstance(CODEC.revive(value, hint), Ok) == (type(value) in kinds)


Typed = tuple[Any, st.SearchStrategy[Any]]
FINITE = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
LEAVES: list[Typed] = [
    (None, st.none()),
    (bool, st.booleans()),
    (int, st.integers()),
    (float, FINITE | st.integers()),
    (str, st.text()),
    (bytes, st.binary()),
    (Decimal, DECIMALS),
    (dt.datetime, st.datetimes(timezones=st.timezones())),
    (dt.date, st.dates()),
    (dt.time, st.times()),
    (dt.timedelta, st.timedeltas()),
    (UUID, st.uuids()),
    (Colour, st.sampled_from(Colour)),
    (Access, st.sampled_from([Access(0), Access.READ, Access.READ | Access.WRITE])),
    (Literal["a", 1] | None, st.sampled_from(["a", 1, None])),
    (Line, st.builds(Line, st.text(), DECIMALS)),
    (Pair, st.builds(Pair, st.integers(), st.text())),
    (Movie, st.fixed_dictionaries({"title": st.text()}, optional={"year": st.integers()})),
    (Person, st.builds(Person, name=st.text())),
    (ANYTHING, st.none() | st.dictionaries(st.text(), st.integers())),
    (ValueError, st.builds(ValueError, st.text())),
    (Node, st.builds(Node, st.integers(), st.none() | st.builds(Node, st.integers()))),
]
KEYS = [each for each in LEAVES if each[0] in (int, str, UUID, Colour, Line, Decimal)]


def of(generic: Any, *arguments: Any) -> Any:
    """A generic with its arguments, made at run time."""
    return generic[arguments] if len(arguments) > 1 else generic[next(iter(arguments))]


def around(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    """Hints around hints, each with the values that it takes."""
    keys = st.sampled_from(KEYS)
    return st.one_of(
        inner.map(lambda t: (of(list, t[0]), st.lists(t[1], max_size=3))),
        inner.map(lambda t: (of(Sequence, t[0]), st.lists(t[1], max_size=3).map(tuple))),
        inner.map(lambda t: (of(Box, t[0]), t[1].map(Box))),
        keys.map(lambda t: (of(frozenset, t[0]), st.frozensets(t[1], max_size=3))),
        st.tuples(keys, inner).map(
            lambda t: (of(dict, t[0][0], t[1][0]), st.dictionaries(t[0][1], t[1][1], max_size=3))
        ),
        st.tuples(inner, inner).map(lambda t: (of(tuple, t[0][0], t[1][0]), st.tuples(t[0][1], t[1][1]))),
        st.tuples(inner, inner).map(lambda t: (of(Union, t[0][0], t[1][0]), t[0][1] | t[1][1])),
    )


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_what_encode_writes_is_valid(data: st.DataObject) -> None:
    """Whatever the hint, everything that the codec writes for it is valid under its schema, for any validator."""
    hint, values = data.draw(st.recursive(st.sampled_from(LEAVES), around, max_leaves=5))
    written = CODEC.plain(data.draw(values), hint)
    assume("told apart" not in str(written))  # a union such as `list[int] | Sequence[int]`
    plain = written.unwrap()
    schema = json_schema(hint)
    assert validate(json.dumps(schema), plain) == Ok(None)
    jsonschema.Draft202012Validator.check_schema(schema)
    others: Any = jsonschema.Draft202012Validator(schema)
    assert others.is_valid(plain)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_is_invalid_does_not_decode(data: st.DataObject) -> None:
    """The schema never refuses what the codec takes."""
    hint, _ = data.draw(st.recursive(st.sampled_from(LEAVES), around, max_leaves=3))
    scalars = (
        st.none() | st.booleans() | st.integers() | FINITE | st.text() | st.sampled_from(["RED", "a", "1", "Line"])
    )
    keys = st.sampled_from(["$type", "value", "sku", "price", "item", "title"])
    value = data.draw(
        st.recursive(scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3))
    )
    if isinstance(CODEC.revive(value, hint), Ok):
        assert validate(json.dumps(json_schema(hint)), value) == Ok(None)
