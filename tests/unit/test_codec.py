from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import functools
import json
import math
import socket
import subprocess
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    Never,
    NewType,
    NotRequired,
    Required,
    TypedDict,
    TypeVar,
    Union,
    cast,
)
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import pydantic
import pytest
import returns.result
from attrs import define, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.future import FutureResult
from returns.io import IOResult
from typing_extensions import TypeAliasType

from awaitly.codec import ANYTHING, Codec, ResultHint, argument_hints, result_hint
from awaitly.errors import Undecodable, Unstorable
from awaitly.result import Err, Ok, Result, catching
from tests.calls import calls_in

T = TypeVar("T")
CODEC = Codec()
UTC = dt.UTC


def text_of(value: object, hint: object, codec: Codec = CODEC) -> str:
    """The text of a value that must have one."""
    return codec.encode(value, hint).unwrap()


def kept(value: object, hint: object, codec: Codec = CODEC) -> str:
    """Encode, decode, compare value and types all the way down; the text is the answer."""
    text = text_of(value, hint, codec)
    assert text.isascii()
    assert same(codec.decode(text, hint).unwrap(), value)
    return text


def class_of(value: object) -> Any:
    """The class of a value, for type checkers without a word on its parameters."""
    return type(value)


def same(one: Any, other: Any) -> bool:
    """Equality that looks at types, too, and takes a datetime for its clock and its offset."""
    if class_of(one) is not class_of(other):
        return False
    if isinstance(one, dt.datetime):
        moments = (one.replace(tzinfo=None), other.replace(tzinfo=None))
        return bool(one.utcoffset() == other.utcoffset() and moments[0] == moments[1])
    cls: Any = class_of(one)
    if cls in (list, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if cls is dict:
        return same(list(one.items()), list(other.items()))
    if cls in (set, frozenset):
        return {(class_of(each), each) for each in one} == {(class_of(each), each) for each in other}
    if isinstance(one, (Decimal, float)):
        return repr(one) == repr(other)
    if attrs.has(cls):
        return all(same(getattr(one, each.name), getattr(other, each.name)) for each in attrs.fields(cls))
    return bool(one == other)


def unstorable(value: object, hint: object, codec: Codec = CODEC) -> Unstorable:
    """The refusal of a value that must be refused."""
    refused = codec.encode(value, hint).failure()
    assert isinstance(refused, Unstorable)
    return refused


def undecodable(text: str, hint: object, codec: Codec = CODEC) -> Undecodable:
    """The refusal of a text that must be refused."""
    refused = codec.decode(text, hint).failure()
    assert isinstance(refused, Undecodable)
    return refused


class Colour(enum.Enum):
    """An enum with an alias."""

    RED = 1
    GREEN = "green"
    CRIMSON = 1  # noqa: PIE796  (an alias)


class Word(enum.StrEnum):
    """An enum of texts."""

    YES = "y"


class Number(enum.IntEnum):
    """An enum of ints."""

    ONE = 1


class Access(enum.Flag):
    """A flag."""

    READ = enum.auto()
    WRITE = enum.auto()
    BOTH = READ | WRITE


@frozen
class Line:
    """A line of an order."""

    sku: str
    price: Decimal


@frozen
class Order:
    """An order."""

    id: str
    amount: Decimal
    lines: list[Line] = attrs.Factory(list[Line])
    paid: bool = False


@frozen
class SpecialOrder(Order):
    """A subclass with one field more."""

    reason: str = ""


@frozen
class Node:
    """A class that contains itself."""

    value: int
    next: Node | None = None


@frozen
class Circle:
    """One of two classes with the same fields."""

    size: int


@frozen
class Square:
    """The other of two classes with the same fields."""

    size: int


@frozen
class Box(Generic[T]):
    """A generic class."""

    item: T


@frozen
class IntBox(Box[int]):
    """A subclass of a generic class that is made concrete."""

    label: str


@dataclasses.dataclass(frozen=True)
class Point:
    """A dataclass."""

    x: int
    y: float = 0.0


class Pair(NamedTuple):
    """A NamedTuple."""

    left: int
    right: str


class Movie(TypedDict):
    """A TypedDict."""

    title: Required[str]
    year: NotRequired[int]


class Person(pydantic.BaseModel):
    """A pydantic model that contains itself."""

    name: str
    age: int
    born: dt.date | None = None
    friends: list[Person] = []


UserId = NewType("UserId", int)
Json = TypeAliasType("Json", "str | int | list[Json] | dict[str, Json] | None")


# Leaves


@pytest.mark.parametrize(
    ("value", "hint", "text"),
    [
        (None, None, "null"),
        (True, bool, "true"),
        (7, int, "7"),
        (-(10**400), int, str(-(10**400))),
        (1.0, float, "1.0"),
        (-0.0, float, "-0.0"),
        ("é\x00\ud800", str, '"\\u00e9\\u0000\\ud800"'),
        (b"\x00\xff", bytes, '"AP8="'),
        (Decimal("1.50"), Decimal, '"1.50"'),
        (Decimal("1E+5"), Decimal, '"1E+5"'),
        (Decimal("-0E-7"), Decimal, '"-0E-7"'),
        (dt.date(2026, 1, 31), dt.date, '"2026-01-31"'),
        (dt.time(12, 0, 0, 5), dt.time, '"12:00:00.000005"'),
        (dt.timedelta(days=-1, microseconds=1), dt.timedelta, '"-P0DT86399.999999S"'),
        (dt.timedelta.min, dt.timedelta, '"-P999999999DT0S"'),
        (dt.timedelta.max, dt.timedelta, '"P999999999DT86399.999999S"'),
        (UUID(int=1), UUID, '"00000000-0000-0000-0000-000000000001"'),
        (Colour.RED, Colour, '"RED"'),
        (Word.YES, Word, '"YES"'),
        (Number.ONE, Number, '"ONE"'),
        (Access.READ | Access.WRITE, Access, '["READ","WRITE"]'),
        (Access(0), Access, "[]"),
        ("a", Literal["a", 1], '"a"'),
        (1, Literal["a", 1], "1"),
        (Colour.RED, Literal[Colour.RED], '"RED"'),
        (b"x", Literal[b"x"], '"eA=="'),
        (7, UserId, "7"),
        (7, Annotated[int, ["unhashable"]], "7"),
        ([1], list[Annotated[int, ["unhashable"]]], "[1]"),
    ],
)
def test_leaf_round_trips(value: object, hint: object, text: str) -> None:
    """Each leaf has one text, and comes back equal and of the same type."""
    assert kept(value, hint) == text


def test_int_where_float_is_annotated_stays_an_int() -> None:
    """An int is a valid float for Python's type system: it is taken, and comes back as the int that it was."""
    assert kept(3, float) == "3"
    assert kept(3.0, float) == "3.0"
    assert kept([1, 2.5], list[float]) == "[1,2.5]"


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (True, int),
        (1, bool),
        (True, float),
        ("7", int),
        (7, str),
        (1.0, int),
        ("ab", list[str]),
        ("ab", Sequence[str]),
        ([1], tuple[int, ...]),
        ((1,), list[int]),
        ({1}, frozenset[int]),
        (Number.ONE, int),
        (Word.YES, str),
        (dt.datetime(2026, 1, 1, tzinfo=UTC), dt.date),
        (1.5, Decimal),
        (OrderedDict[str, int](a=1), dict[str, int]),
        (defaultdict[str, int](int), Mapping[str, int]),
        (Pair(1, "a"), tuple[int, str]),
        (True, Literal[1]),
        (1, Literal[True]),
        (2, Literal[1]),
        ((1, 2), tuple[int]),
        (bytearray(b"x"), bytes),
        (None, Never),
        (object(), object),
        ((1,), ANYTHING),
        (Decimal(1), Any),
    ],
)
def test_encode_coerces_nothing(value: object, hint: object) -> None:
    """A value of another type than the annotated one is refused at the root."""
    assert unstorable(value, hint).path == "$"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('"7"', int),
        ("true", int),
        ("1", bool),
        ("1.0", int),
        ('"1"', float),
        ("true", float),
        ("1e999", float),
        ("1", Decimal),
        ('" 1"', Decimal),
        ('"1_0"', Decimal),
        ('"NaN"', Decimal),
        ('"\\u0661"', Decimal),
        ('"2026-01-01T00:00:00"', dt.datetime),
        ('"20260101T000000Z"', dt.datetime),
        ('"2026-02-30"', dt.date),
        ('"12:00\\n"', dt.time),
        ('"P"', dt.timedelta),
        ('"P1DT"', dt.timedelta),
        ('"P9999999999D"', dt.timedelta),
        ('"AP8"', bytes),
        ('"AP9="', bytes),
        ('"AP 8="', bytes),
        ('"{00000000-0000-0000-0000-000000000001}"', UUID),
        ('"BLUE"', Colour),
        ("1", Colour),
        ('"READ"', Access),
        ('["READ","READ"]', Access),
        ("true", Literal[1]),
        ('"ab"', list[str]),
        ("[1,1]", set[int]),
        ("[1,2]", tuple[int]),
        ("null", Never),
        ("", int),
        ("[1", list[int]),
        ("1 2", int),
        ("NaN", float),
        ("-Infinity", float),
    ],
)
def test_decode_coerces_nothing(text: str, hint: object) -> None:
    """A JSON value of another kind, or a text of another format, is undecodable."""
    assert undecodable(text, hint).path.startswith("$")


def test_alias_of_enum_member_decodes() -> None:
    """A member that was renamed keeps its old name as an alias, so an alias is read; the canonical name is written."""
    assert CODEC.decode('"CRIMSON"', Colour) == Ok(Colour.RED)
    assert text_of(Colour.CRIMSON, Colour) == '"RED"'


def test_flag_with_unnamed_bits_is_refused() -> None:
    """Bits without a name could not be written by name."""

    class Loose(enum.Flag, boundary=enum.KEEP):
        A = 1

    assert "without a name" in unstorable(Loose(6), Loose).reason


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("hint", [list[float], ANYTHING])
def test_float_must_be_finite(value: float, hint: object) -> None:
    """NaN and the infinities are refused with the path."""
    assert unstorable([1.0, value], hint) == Unstorable("$[1]", "a float must be finite, and this is NaN or Infinity")


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_decimal_must_be_finite(value: str) -> None:
    """NaN and Infinity are Decimals that no amount of money is."""
    assert unstorable({"a": Decimal(value)}, dict[str, Decimal]).path == "$.a"


def test_naive_datetime_is_refused() -> None:
    """A naive datetime names no instant; the reason says what to do."""
    refused = unstorable({"at": dt.datetime(2026, 1, 1)}, dict[str, dt.datetime])  # noqa: DTZ001
    assert refused.path == "$.at"
    assert "aware" in refused.reason


def test_datetime_keeps_offset_and_not_zone() -> None:
    """A zoneinfo datetime comes back as the same instant, in a fixed zone of the same offset."""
    moment = dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))
    back = CODEC.decode(text_of(moment, dt.datetime), dt.datetime).unwrap()
    assert back.timestamp() == moment.timestamp()
    assert back.utcoffset() == moment.utcoffset() == dt.timedelta(hours=1)
    assert back.tzinfo == dt.timezone(dt.timedelta(hours=1))


def test_time_with_zone_that_needs_a_date_is_refused() -> None:
    """Without a date a zone has no offset, and would be lost."""
    kept(dt.time(1, tzinfo=UTC), dt.time)
    assert "offset" in unstorable(dt.time(1, tzinfo=ZoneInfo("Europe/Berlin")), dt.time).reason


def test_int_beyond_the_digit_limit_is_refused_with_path() -> None:
    """Python's limit on digits makes a refusal, both ways, and not a crash."""
    assert unstorable({"a": [10**5000]}, dict[str, list[int]]).path == "$.a[0]"
    assert undecodable('{"a":[0,1' + "0" * 5000 + "]}", dict[str, list[int]]).path == "$.a[1]"


def test_surrogate_pair_in_two_is_refused() -> None:
    """JSON cannot tell two surrogates that make a pair from the character, so that text would change silently."""
    assert unstorable({"a": "\ud83d\ude00"}, ANYTHING).path == "$.a"
    kept(["\ude00\ud83d", "\U0001f600"], list[str])


# Containers


@pytest.mark.parametrize(
    ("value", "hint", "text"),
    [
        ([1, 2], list[int], "[1,2]"),
        ((1, 2), tuple[int, ...], "[1,2]"),
        ((1, "a"), tuple[int, str], '[1,"a"]'),
        ((), tuple[()], "[]"),
        ((1, "a"), tuple, '[1,"a"]'),
        ([1, "a"], list, '[1,"a"]'),
        ({3, 1, 2}, set[int], "[1,2,3]"),
        (frozenset({"b", "a"}), frozenset[str], '["a","b"]'),
        ({"b": 1, "a": 2}, dict[str, int], '{"b":1,"a":2}'),
        ({"$type": 1}, dict[str, int], '{"$type":1}'),
        ({1: "a"}, dict[int, str], '[[1,"a"]]'),
        ({UUID(int=1): 1}, dict[UUID, int], '{"00000000-0000-0000-0000-000000000001":1}'),
        ({Colour.RED: 1}, dict[Colour, int], '{"RED":1}'),
        ({(1, "a"): 1}, dict[tuple[int, str], int], '[[[1,"a"],1]]'),
        ({1: "a", "1": "b"}, dict[int | str, str], '[[1,"a"],["1","b"]]'),
        ({Line("a", Decimal(1)): 1}, dict[Line, int], '[[{"$type":"Line","sku":"a","price":"1"},1]]'),
        ({"a": 1}, Mapping[str, int], '{"a":1}'),
        ([1], Sequence[int], "[1]"),
        ((1,), Sequence[int], '{"$type":"tuple","value":[1]}'),
        ({"title": "x"}, Movie, '{"title":"x"}'),
        ({"title": "x", "year": 1}, Movie, '{"title":"x","year":1}'),
        ([1, {"a": [None]}], Json, '[1,{"a":[null]}]'),
    ],
)
def test_container_round_trips(value: object, hint: object, text: str) -> None:
    """Each container has one text, and comes back equal and of the same type."""
    assert kept(value, hint) == text


@pytest.mark.parametrize(
    ("value", "hint", "path"),
    [
        ([1, "a"], list[int], "$[1]"),
        ((1, 2), tuple[int, str], "$[1]"),
        ({"a": {"b c": [1.5]}}, dict[str, dict[str, list[int]]], '$.a["b c"][0]'),
        ({7: "a"}, dict[int, int], "$[7]"),
        ({7: 1}, dict[str, int], "$"),
        ({"title": 1}, Movie, "$.title"),
        ({"year": 1}, Movie, "$.title"),
        ({"title": "x", "more": 1}, Movie, "$.more"),
        (Order("a", cast("Decimal", 1.5)), Order, "$.amount"),
        (Order("a", Decimal(1), [Line("x", cast("Decimal", "1"))]), Order, "$.lines[0].price"),
        ([None, Order("a", Decimal(1), paid=cast("bool", 1))], list[Order | None], "$[1].paid"),
        ({"a": lambda: 1}, ANYTHING, "$.a"),
    ],
)
def test_encode_names_the_path(value: object, hint: object, path: str) -> None:
    """What does not conform to the hint is found at encode, and its place is named."""
    assert unstorable(value, hint).path == path


@pytest.mark.parametrize(
    ("text", "hint", "path"),
    [
        ('[1,"a"]', list[int], "$[1]"),
        ('{"title":"x","more":1}', Movie, "$.more"),
        ("{}", Movie, "$.title"),
        ("[[1,2],[1,3]]", dict[int, int], "$[1]"),
        ("[[1,2],[1]]", dict[int, int], "$[1]"),
        ('{"RED":1,"CRIMSON":2}', dict[Colour, int], "$.CRIMSON"),
        ('{"BLUE":1}', dict[Colour, int], "$.BLUE"),
        ('{"$type":"Line","sku":"a"}', Line, "$.price"),
        ('{"$type":"Line","sku":"a","price":"1","x":1}', Line, "$.x"),
        ('{"sku":"a","price":"1"}', Line, "$.$type"),
        ('{"$type":"Order","sku":"a","price":"1"}', Line, "$.$type"),
        ('[{"$type":"Line","sku":"a","price":1}]', list[Line | None], "$[0].price"),
        ('[{"$type":"Nope"}]', list[Line | Order], "$[0].$type"),
        ('[{"$type":7}]', list[Line | Order], "$[0].$type"),
        ('{"a":{"b":1,"c":2,"b":3}}', ANYTHING, "$.a.b"),
        ('{"a":[1,NaN]}', ANYTHING, "$.a[1]"),
        ('{"a":[1,1e999]}', ANYTHING, "$.a[1]"),
        ('{"$type":"tuple","value":[1,"a"]}', Sequence[int], "$.value[1]"),
        ('{"$type":"tuple","value":[1],"x":1}', Sequence[int], "$.x"),
    ],
)
def test_decode_names_the_path(text: str, hint: object, path: str) -> None:
    """What does not conform to the hint is found at decode, and its place is named."""
    assert undecodable(text, hint).path == path


def test_refusals_do_not_show_values() -> None:
    """A reason names types, never what may be a secret."""
    assert "secret" not in str(unstorable({"a": "secret"}, dict[str, int]))
    assert "secret" not in str(undecodable('{"a":"secret"}', dict[str, int]))
    assert "secret" not in str(undecodable('{"$type":"Person","name":"x","age":"secret"}', Person))


def test_value_that_contains_itself_is_refused() -> None:
    """A cycle is a refusal with a path, in lists, in dicts, and in classes."""
    loop: list[object] = []
    loop.append(loop)
    assert unstorable(loop, ANYTHING).path == "$" + "[0]" * 64

    @define
    class Knot:
        next: object = None

    knot = Knot()
    knot.next = knot
    assert "nested deeper" in unstorable(knot, Knot, Codec([Knot])).reason


def test_depth_is_limited_both_ways() -> None:
    """64 levels are taken; 65 are refused at encode and at decode; ten thousand are no RecursionError."""

    def nested(levels: int) -> str:
        return "[" * levels + "]" * levels

    deepest = CODEC.decode(nested(64), ANYTHING).unwrap()
    kept(deepest, ANYTHING)
    assert unstorable([deepest], ANYTHING).path == "$" + "[0]" * 64
    assert "nested deeper" in undecodable(nested(65), ANYTHING).reason
    assert "nested deeper" in undecodable(nested(100_000), ANYTHING).reason


# Classes


@pytest.mark.parametrize(
    ("value", "hint", "text"),
    [
        (Line("a", Decimal("1.0")), Line, '{"$type":"Line","sku":"a","price":"1.0"}'),
        (Node(1, Node(2)), Node, '{"$type":"Node","value":1,"next":{"$type":"Node","value":2,"next":null}}'),
        (Point(1, 2.0), Point, '{"$type":"Point","x":1,"y":2.0}'),
        (Pair(1, "a"), Pair, '{"$type":"Pair","left":1,"right":"a"}'),
        (Box(1), Box[int], '{"$type":"Box","item":1}'),
        (Box([Box("a")]), Box[list[Box[str]]], '{"$type":"Box","item":[{"$type":"Box","item":"a"}]}'),
        (Box({"a": 1}), Box, '{"$type":"Box","item":{"a":1}}'),
        (IntBox(1, "a"), IntBox, '{"$type":"IntBox","item":1,"label":"a"}'),
    ],
)
def test_class_round_trips(value: object, hint: object, text: str) -> None:
    """Instances are written with `$type` first, also where the annotation is that very class."""
    assert kept(value, hint) == text


def test_type_arguments_are_checked() -> None:
    """`Box[int]` takes no `Box[str]`, and neither does a subclass of `Box[int]`."""
    assert unstorable(Box("a"), Box[int]).path == "$.item"
    assert unstorable(IntBox(cast("int", "a"), "b"), IntBox).path == "$.item"


def test_subclass_is_refused_unless_in_the_closed_set() -> None:
    """A subclass may hold more than its base; a union or the registry lets it in, under its own tag."""
    special = SpecialOrder("a", Decimal(1), reason="vip")
    assert unstorable(special, Order).path == "$"
    assert kept(special, Order | SpecialOrder).startswith('{"$type":"SpecialOrder"')
    assert kept(special, Order, Codec([SpecialOrder])).startswith('{"$type":"SpecialOrder"')
    assert kept(Order("a", Decimal(1)), Order, Codec([SpecialOrder])).startswith('{"$type":"Order"')


def test_base_that_is_no_value_stands_for_its_registered_subclasses() -> None:
    """An abstract base can be annotated where the registry says what may stand for it."""

    class Shape: ...

    @frozen
    class Dot(Shape):
        x: int

    kept(Dot(1), Shape, Codec([Dot]))
    assert "not supported" in unstorable(Dot(1), Shape).reason


def test_registry_is_what_may_stand_for_anything() -> None:
    """`object`, `Any` and no annotation take plain JSON values and the registered classes, and no others."""
    codec = Codec([Line, Decimal, Colour])
    for hint in (object, Any, ANYTHING):
        kept([Line("a", Decimal(1)), Decimal("1.0"), "1.0", Colour.RED, {"RED": None}], hint, codec)
        assert unstorable([Order("a", Decimal(1))], hint, codec).path == "$[0]"
    assert undecodable('{"$type":"Order"}', ANYTHING, codec).path == "$.$type"


def test_plain_dict_with_a_type_key_is_never_taken_for_a_class() -> None:
    """A dict that looks like an instance is wrapped, and comes back as the dict that it was."""
    lookalike = {"$type": "Line", "sku": "a", "price": "1"}
    for hint in (ANYTHING, dict[str, str] | Line, dict[str, str] | None):
        assert kept(lookalike, hint, Codec([Line])).startswith('{"$type":"dict"')


def test_aliases_and_private_fields() -> None:
    """A field is written under the name that the constructor takes."""

    @frozen
    class Account:
        _token: str
        number: int = field(alias="no")

    account = cast("Any", Account)(token="t", no=1)
    assert kept(account, Account) == f'{{"$type":"{Account.__qualname__}","token":"t","no":1}}'


def test_fields_that_could_not_be_set_again_are_refused() -> None:
    """`init=False` and `InitVar` cannot be restored; the refusal names class and field."""

    @define
    class Counted:
        n: int
        seen: int = field(init=False, default=0)

    @dataclasses.dataclass
    class Built:
        seed: dataclasses.InitVar[int]
        n: int = dataclasses.field(init=False, default=0)

    @dataclasses.dataclass
    class Seeded:
        seed: dataclasses.InitVar[int]

    refused = unstorable(Counted(1), Counted)
    assert refused.path == "$.seen"
    assert "init=False" in refused.reason
    assert unstorable(Built(1), Built).path == "$.n"
    assert "cannot be made again" in unstorable(Seeded(1), Seeded).reason


def test_validators_run_on_decode() -> None:
    """A value that the class itself refuses is undecodable, at the place of the object."""

    @frozen
    class Positive:
        n: int = field(validator=attrs.validators.gt(0))

    text = text_of([Positive(1)], list[Positive]).replace('"n":1', '"n":-1')
    refused = undecodable(text, list[Positive])
    assert refused.path == "$[0]"
    assert "ValueError" in refused.reason


def test_converter_does_not_hide_a_wrong_type() -> None:
    """Converters run on decode, after the JSON value was checked against the annotation."""

    @frozen
    class Count:
        n: int = field(converter=int)

    text = kept(Count(1), Count)
    assert undecodable(text.replace("1}", '"1"}'), Count).path == "$.n"


def test_converter_that_changes_its_own_output_is_refused() -> None:
    """Such a converter would change the value on every decode."""

    def louder(text: str) -> str:
        return text + "!"

    @frozen
    class Shout:
        words: str = field(converter=louder)

    assert unstorable(Shout("a"), Shout).path == "$.words"


def test_unresolvable_field_annotations_are_refused() -> None:
    """A class whose annotations cannot be read is refused with the name that is not defined."""

    @frozen
    class Far:
        near: int

    Far.__annotations__["near"] = "Nowhere"
    assert "'Nowhere' is not defined" in unstorable(Far(1), Far).reason


def test_unsupported_classes_are_refused() -> None:
    """There is no fallback: what is not known is not written."""
    with socket.socket() as sock:
        assert "socket are not supported" in unstorable(sock, socket.socket).reason
    assert unstorable({"a": 1}, OrderedDict[str, int]).path == "$"
    assert unstorable(1, "int").path == "$"
    assert unstorable(1, Callable[[], int]).path == "$"


def test_pickle_like_text_imports_nothing() -> None:
    """A text can name any module it likes; only classes of the closed set are made."""
    assert undecodable('{"$type":"subprocess.Popen","args":["true"]}', ANYTHING).path == "$.$type"


# Unions


@pytest.mark.parametrize(
    ("value", "hint", "text"),
    [
        (1, int | None, "1"),
        (None, int | None, "null"),
        (Circle(1), Circle | Square, '{"$type":"Circle","size":1}'),
        (Square(1), Circle | Square | str, '{"$type":"Square","size":1}'),
        ("a", Circle | Square | str, '"a"'),
        (1, int | float | bool | str, "1"),
        (True, int | float | bool | str, "true"),
        (1.0, int | float | bool | str, "1.0"),
        ("1.0", str | Decimal, '"1.0"'),
        (Decimal("1.0"), str | Decimal, '{"$type":"Decimal","value":"1.0"}'),
        (Decimal("1.0"), int | Decimal, '"1.0"'),
        (UUID(int=1), UUID | dt.date, '{"$type":"UUID","value":"00000000-0000-0000-0000-000000000001"}'),
        (dt.date(2026, 1, 1), UUID | dt.date, '{"$type":"date","value":"2026-01-01"}'),
        ([1], list[int] | set[int], "[1]"),
        ({1}, list[int] | set[int], '{"$type":"set","value":[1]}'),
        (["1"], list[Decimal] | list[str], '{"$type":"list[str]","value":["1"]}'),
        ([Decimal(1)], list[Decimal] | list[str], '{"$type":"list[Decimal]","value":["1"]}'),
        ("a", Literal["a"] | Colour, '"a"'),
        (Colour.RED, Literal["a"] | Colour, '{"$type":"Colour","value":"RED"}'),
        ("a", Literal["a"] | str, '"a"'),  # noqa: PYI051
        (Box(1), Box[int] | Box[str], '{"$type":"Box[int]","item":1}'),
        (Box("1"), Box[int] | Box[str], '{"$type":"Box[str]","item":"1"}'),
        ({"title": "x"}, Movie | Line, '{"title":"x"}'),
        (Person(name="a", age=1), Person | Line, '{"$type":"Person","name":"a","age":1,"born":null,"friends":[]}'),
    ],
)
def test_union_round_trips(value: object, hint: object, text: str) -> None:
    """Classes are told apart by tag, primitives by JSON kind, and what shares a kind is wrapped with its tag."""
    assert kept(value, hint) == text


def test_classes_of_one_name_get_their_module() -> None:
    """Two classes of one name in a union are tagged with their module, and only those two."""

    def made(module: str) -> type:
        cls = attrs.make_class("Thing", {"n": attrs.field(type=int)}, frozen=True)
        cls.__module__, cls.__qualname__ = module, "Thing"
        return cls

    ours, theirs = made("ours"), made("theirs")
    hint = union(ours, theirs, Circle)
    assert kept(ours(1), hint) == '{"$type":"ours.Thing","n":1}'
    assert kept(theirs(1), hint) == '{"$type":"theirs.Thing","n":1}'
    assert kept(Circle(1), hint) == '{"$type":"Circle","size":1}'
    assert kept(ours(1), ours) == '{"$type":"Thing","n":1}'
    assert kept([ours(1), theirs(2)], ANYTHING, Codec([ours, theirs])).count("s.Thing") == 2


def test_classes_that_cannot_be_told_apart_are_refused() -> None:
    """Where even the module does not help, the union is refused, and no value is guessed at."""
    twins = [attrs.make_class("Twin", ["n"], frozen=True) for _ in range(2)]
    assert "told apart" in unstorable(twins[0](1), twins[0] | twins[1]).reason


# Pydantic


def test_pydantic_round_trips() -> None:
    """A model is written by its own JSON, with `$type`, and validated strictly."""
    kept(Person(name="a", age=1, born=dt.date(2000, 1, 1), friends=[Person(name="b", age=2)]), Person)
    kept([Box(Person(name="a", age=1))], list[Box[Person]])
    assert undecodable('[{"$type":"Person","name":"a","age":"1"}]', list[Person]).path == "$[0].age"
    assert undecodable('{"$type":"Person","name":"a","age":1,"friends":[{}]}', Person).path == "$.friends[0].name"


def test_pydantic_aliases_and_root_models() -> None:
    """Aliases are used both ways; a root model stands under `root`."""

    class Aliased(pydantic.BaseModel):
        name: str = pydantic.Field(alias="theName")

    class Names(pydantic.RootModel[list[str]]): ...

    kept(Aliased(theName="a"), Aliased)
    assert '"root":["a"]' in kept(Names(["a"]), Names)


def test_pydantic_model_that_does_not_come_back_equal_is_refused() -> None:
    """A secret that is masked in the JSON, or an excluded field, would be lost silently."""

    class Login(pydantic.BaseModel):
        password: pydantic.SecretStr

    class Half(pydantic.BaseModel):
        kept: int
        lost: int = pydantic.Field(default=0, exclude=True)

    assert "come back equal" in unstorable([Login(password=pydantic.SecretStr("x"))], list[Login]).reason
    assert "come back equal" in unstorable(Half(kept=1, lost=1), Half).reason


def test_pydantic_serializer_that_raises_is_a_refusal() -> None:
    """Foreign code may raise; the codec does not."""

    class Broken(pydantic.BaseModel):
        n: int

        @pydantic.field_serializer("n")
        def fail(self, n: int) -> int:
            raise RuntimeError("no")

    class Loose(pydantic.BaseModel):
        n: float

    assert unstorable([Broken(n=1)], list[Broken]).path == "$[0]"
    assert unstorable([Loose(n=math.nan)], list[Loose]).path == "$[0]"
    assert unstorable(Person.model_construct(name=cast("str", 1), age=1), Person).path.startswith("$")


# Exceptions as values


class Declined(Exception):
    """An exception with an attribute that its args give."""

    def __init__(self, code: str, at: int) -> None:
        super().__init__(code, at)
        self.code = code


class Fussy(Exception):
    """An exception that its args cannot make."""

    def __init__(self, *, code: str) -> None:
        super().__init__(f"code {code}")


@catching(ValueError, KeyError)
def risky(text: str) -> int:
    """A function that raises what is caught."""
    return int(text)


def test_exception_round_trips() -> None:
    """An exception that `catching` kept is written by its class's name and its args, and made again."""
    hint = result_hint(risky).error
    error = risky("x").failure()
    text = text_of(error, hint)
    assert json.loads(text) == {"$type": "ValueError", "args": list(error.args)}
    back = CODEC.decode(text, hint).unwrap()
    assert type(back) is ValueError
    assert back.args == error.args


def test_exception_with_attributes_from_its_args_round_trips() -> None:
    """Attributes that the constructor sets from the args, and the file name of an OSError, come back too."""
    back = CODEC.decode(text_of(Declined("x", 1), Declined), Declined).unwrap()
    assert (back.code, back.args) == ("x", ("x", 1))
    missing = FileNotFoundError(2, "No such file", "a.txt")
    again = CODEC.decode(text_of(missing, FileNotFoundError), FileNotFoundError).unwrap()
    assert (again.errno, again.filename) == (2, "a.txt")


def test_exception_that_would_lose_something_is_refused() -> None:
    """Args that are not plain JSON, attributes of its own, another constructor: all refused with the path."""
    assert unstorable(ValueError(Decimal(1)), ValueError).path == "$.args[0]"
    assert unstorable([ValueError({"a": {1}})], list[ValueError]).path == "$[0].args[0].a"
    assert unstorable(Fussy(code="x"), Fussy).path == "$.args"
    more = ValueError("x")
    more.response = object()  # type: ignore[attr-defined]
    assert "holds more" in unstorable(more, ValueError).reason
    assert unstorable(UnicodeError("x"), ValueError).path == "$"


def test_exception_notes_are_not_part_of_the_value() -> None:
    """A note is for the traceback; it does not stand in the way."""
    error = ValueError("x")
    error.add_note("while testing")
    assert text_of(error, ValueError) == '{"$type":"ValueError","args":["x"]}'


# Text and hints


def test_unhashable_and_odd_hints_do_not_raise() -> None:
    """A hint may be any object at all."""
    odd: list[Any] = [[], {}, 1, "Order", lambda: 1, type[int], Callable[..., int], Iterator[int], of(list, "Nope")]
    for hint in odd:
        assert isinstance(CODEC.encode(1, hint), Err)
        assert isinstance(CODEC.decode("1", hint), Err)


def test_plain_and_revive_are_the_two_halves() -> None:
    """`plain` gives the JSON value before it is dumped, `revive` reads it."""
    plain = CODEC.plain(Line("a", Decimal(1)), Line).unwrap()
    assert plain == {"$type": "Line", "sku": "a", "price": "1"}
    assert CODEC.revive(plain, Line) == Ok(Line("a", Decimal(1)))
    assert isinstance(CODEC.revive(cast("Any", {"$type": {1}}), Line), Err)
    assert isinstance(CODEC.plain(math.nan, float), Err)


def test_plain_value_is_a_copy() -> None:
    """What `plain` gives shares nothing with the value."""
    value = {"a": [1]}
    plain = CODEC.plain(value, ANYTHING).unwrap()
    value["a"].append(2)
    assert plain == {"a": [1]}


def test_import_stays_light() -> None:
    """Importing the three modules imports none of cattrs, jsonschema, pydantic, returns.future."""
    heavy = "{'cattrs', 'jsonschema', 'pydantic', 'returns.future'}"
    code = f"import sys, awaitly.codec, awaitly.schema, awaitly.digest; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_codec_serves_many_threads() -> None:
    """Hooks that are made in several threads at once, of a hint that contains itself, are whole."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    with ThreadPoolExecutor(8) as pool:
        for _ in range(50):
            answers = pool.map(Codec().encode, [[1, {"a": [None]}]] * 8, [Json] * 8)
            assert set(answers) == {Ok('[1,{"a":[null]}]')}


def test_encode_is_quick() -> None:
    """A small attrs class, once it is known, takes few calls of functions, in Python and in C."""
    line = Line("a", Decimal(1))
    text_of(line, Line)
    assert calls_in(lambda: CODEC.encode(line, Line)) <= 28


# Properties

LEAVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (None, st.none()),
    (bool, st.booleans()),
    (int, st.integers()),
    (float, st.floats(allow_nan=False, allow_infinity=False) | st.integers()),
    (str, st.text(st.characters(exclude_categories=[]))),
    (bytes, st.binary()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (dt.datetime, st.datetimes(timezones=st.timezones())),
    (dt.date, st.dates()),
    (dt.time, st.times()),
    (dt.timedelta, st.timedeltas()),
    (UUID, st.uuids()),
    (Colour, st.sampled_from(Colour)),
    (Access, st.sampled_from([Access(0), Access.READ, Access.WRITE, Access.BOTH])),
    (Literal["a", 1] | None, st.sampled_from(["a", 1, None])),
    (Line, st.builds(Line, st.text(), st.decimals(allow_nan=False, allow_infinity=False))),
    (Pair, st.builds(Pair, st.integers(), st.text())),
    (Point, st.builds(Point, st.integers(), st.floats(allow_nan=False, allow_infinity=False))),
]
KEYS = [each for each in LEAVES if each[0] in (int, str, bytes, UUID, Colour, Line, Pair)]
Typed = tuple[Any, st.SearchStrategy[Any]]


def typed_around(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    """Hints around hints, each with the values that it takes."""
    keys = st.sampled_from(KEYS)
    return st.one_of(
        inner.map(lambda t: (of(list, t[0]), st.lists(t[1], max_size=3))),
        inner.map(lambda t: (of(tuple, t[0], ...), st.lists(t[1], max_size=3).map(tuple))),
        inner.map(lambda t: (of(Box, t[0]), t[1].map(Box))),
        keys.map(lambda t: (of(frozenset, t[0]), st.frozensets(t[1], max_size=3))),
        st.tuples(keys, inner).map(
            lambda t: (of(dict, t[0][0], t[1][0]), st.dictionaries(t[0][1], t[1][1], max_size=3))
        ),
        st.tuples(inner, inner).map(lambda t: (of(tuple, t[0][0], t[1][0]), st.tuples(t[0][1], t[1][1]))),
        st.tuples(inner, inner).map(lambda t: (union(t[0][0], t[1][0]), t[0][1] | t[1][1])),
    )


def union(*members: Any) -> Any:
    """A union made at run time."""
    return Union[members]  # noqa: UP007


def of(generic: Any, *arguments: Any) -> Any:
    """A generic with its arguments, made at run time."""
    return generic[arguments] if len(arguments) > 1 else generic[next(iter(arguments))]


TYPED: st.SearchStrategy[Typed] = st.recursive(st.sampled_from(LEAVES), typed_around, max_leaves=5)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_typed_value_round_trips(data: st.DataObject) -> None:
    """Whatever the hint, an equal value of equal types comes back, and its text is stable."""
    hint, values = data.draw(TYPED)
    value = data.draw(values)
    match CODEC.encode(value, hint):
        case Ok(text):
            back = CODEC.decode(text, hint).unwrap()
            assert same(back, value)
            assert text_of(back, hint) == text
        case Err(refused):
            assert "surrogates" in refused.reason


class Hostile:
    """Whatever is done with it raises."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __hash__(self) -> int:
        raise RuntimeError("hash")

    def __str__(self) -> str:
        raise RuntimeError("str")


@define
class Sour:
    """Its one field raises."""

    n: int

    def __getattribute__(self, name: str) -> Any:
        if name == "n":
            raise Mute
        return object.__getattribute__(self, name)


class Mute(Exception):
    """Its text raises."""

    def __str__(self) -> str:
        raise RuntimeError("str")


ODDITIES = [Hostile(), Hostile, Sour(1), Mute(), iter([]), len, math.nan, 10**5000, Box(Hostile()), Node, ..., ZoneInfo]
ODD: st.SearchStrategy[Any] = st.integers(0, len(ODDITIES) - 1).map(lambda index: ODDITIES[index])
OBJECTS: st.SearchStrategy[Any] = st.recursive(
    ODD | st.integers() | st.text() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.builds(Box, inner),
    max_leaves=5,
)
HINTS: st.SearchStrategy[Any] = ODD | st.sampled_from(
    [
        ANYTHING,
        Any,
        int,
        str,
        Sour,
        Hostile,
        Mute,
        Box,
        Box[int],
        Node,
        list[Sour],
        dict[str, Any],
        [],
        Json,
        Person,
        "x",
        Never,
    ]
)


@settings(max_examples=300, deadline=None)
@given(OBJECTS, HINTS)
def test_encode_never_raises(value: object, hint: object) -> None:
    """Any object under any hint is a text or a refusal."""
    codec = Codec([Sour, Box, Mute])
    assert isinstance(codec.encode(value, hint), (Ok, Err))
    assert isinstance(codec.plain(value, hint), (Ok, Err))
    assert isinstance(codec.revive(cast("Any", value), hint), (Ok, Err))


@settings(max_examples=300, deadline=None)
@given(st.text() | st.sampled_from(["{}", '{"$type":"Box","item":1}', "[" * 5000, '"\\ud800"', "1e400"]), HINTS)
def test_decode_never_raises(text: str, hint: object) -> None:
    """Any text under any hint is a value or undecodable."""
    assert isinstance(Codec([Sour, Box, Mute]).decode(text, hint), (Ok, Err))


@given(st.data())
def test_truncated_text_is_undecodable(data: st.DataObject) -> None:
    """No prefix of an object's text decodes."""
    text = text_of(Order("a", Decimal(1), [Line("x", Decimal(2))]), Order)
    cut = data.draw(st.integers(0, len(text) - 1))
    assert undecodable(text[:cut], Order).path == "$"


# Reading annotations


async def closed(a: str, *, b: int = 0) -> Result[Order, ValueError]:
    """The closed union."""
    raise NotImplementedError


def only_ok() -> Ok[Order]:
    """No error."""
    raise NotImplementedError


def only_err() -> Err[ValueError]:
    """No value."""
    raise NotImplementedError


def open_result() -> returns.result.Result[Order, ValueError]:
    """The open base class."""
    raise NotImplementedError


def future() -> FutureResult[Order, ValueError]:
    """A FutureResult."""
    raise NotImplementedError


def io() -> IOResult[Order, ValueError]:
    """An IOResult."""
    raise NotImplementedError


def coroutine() -> Coroutine[Any, Any, Result[Order, ValueError]]:
    """A coroutine function, spelled out."""
    raise NotImplementedError


def awaitable() -> Awaitable[Annotated[Result[Order, ValueError], "note"]]:
    """Anything that can be awaited."""
    raise NotImplementedError


def split() -> Ok[int] | Ok[str] | Err[ValueError] | Err[KeyError]:
    """Several values, several errors."""
    raise NotImplementedError


class Service:
    """A service with a method and a call."""

    async def load(self, a: str) -> Result[Order, ValueError]:
        """A method."""
        raise NotImplementedError

    async def __call__(self, a: str) -> Result[Order, ValueError]:
        """A call."""
        raise NotImplementedError


def logged(f: Callable[..., T]) -> Callable[..., T]:
    """A decorator that keeps the name."""

    @functools.wraps(f)
    def wrapper(*args: object, **kwargs: object) -> T:
        return f(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize(
    "f",
    [
        closed,
        open_result,
        future,
        io,
        coroutine,
        awaitable,
        functools.partial(closed, "a"),
        functools.partial(functools.partial(closed), "a"),
        Service().load,
        Service.load,
        Service(),
        logged(closed),
        logged(logged(open_result)),
        functools.partial(logged(Service().load), "a"),
        functools.lru_cache(open_result),
    ],
)
def test_result_hint_reads_every_way_to_say_it(f: Callable[..., Any]) -> None:
    """Value and error are found in each of the forms that a step may take."""
    assert result_hint(f) == ResultHint(Order, ValueError)


def test_result_hint_of_one_side() -> None:
    """`Ok[T]` alone can hold no error, `Err[E]` alone no value."""
    assert result_hint(only_ok) == ResultHint(Order, Never)
    assert result_hint(only_err) == ResultHint(Never, ValueError)
    assert result_hint(split) == ResultHint(union(int, str), union(ValueError, KeyError))


def test_result_hint_of_catching() -> None:
    """`catching` declares what it catches."""
    assert result_hint(risky) == ResultHint(int, union(ValueError, KeyError))


def test_result_hint_without_annotation() -> None:
    """Where nothing, or no result, is annotated, both hints are ANYTHING."""

    def bare() -> None:
        raise NotImplementedError

    bare.__annotations__.clear()

    def plain() -> int:
        raise NotImplementedError

    def generic() -> Result[Any, object]:
        raise NotImplementedError

    for f in (bare, plain, generic, len, Order, functools.partial(len), cast("Any", 7), cast("Any", Hostile())):
        assert result_hint(f) == ResultHint(ANYTHING, ANYTHING, None)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax came with Python 3.12")
def test_new_style_aliases_and_generics() -> None:
    """`type` statements and bracketed type parameters read like the older spellings."""
    names: dict[str, Any] = {"frozen": frozen, "Result": Result, "__name__": "made"}
    source = """
from __future__ import annotations
type Pairs[T] = list[tuple[T, T]]
@frozen
class Crate[T]:
    item: T
def echo[T](item: T) -> Result[T, Crate[int]]: ...
"""
    exec(source, names)  # noqa: S102
    kept([(1, 2)], of(names["Pairs"], int))
    kept(names["Crate"](1), of(names["Crate"], int))
    assert unstorable([(1, "a")], of(names["Pairs"], int)).path == "$[0][1]"
    assert unstorable(names["Crate"]("a"), of(names["Crate"], int)).path == "$.item"
    assert result_hint(names["echo"]) == ResultHint(ANYTHING, of(names["Crate"], int))


def test_result_hint_that_cannot_be_resolved() -> None:
    """The names of local classes may be out of reach; the reason is kept for a later message."""

    def load_order() -> object:
        raise NotImplementedError

    load_order.__annotations__["return"] = "Result[Hidden, ValueError]"
    assert result_hint(load_order) == ResultHint(
        unresolved="the annotations of load_order could not be resolved: name 'Hidden' is not defined"
    )


def test_result_hint_finds_local_classes_that_the_body_uses() -> None:
    """What a function closes over is in reach of its annotations."""

    @frozen
    class Local:
        n: int

    def load() -> Result[Local, ValueError]:
        """A method."""
        return Ok(Local(1))

    assert result_hint(load) == ResultHint(Local, ValueError)


def test_argument_hints() -> None:
    """Every parameter has a hint; an unreadable annotation spoils only its own."""

    def f(a: int, b: object, c: object, *rest: str, d: object = None, **more: float) -> Order:
        raise NotImplementedError

    f.__annotations__["b"] = "Hidden"
    del f.__annotations__["c"]
    assert argument_hints(f) == {
        "a": int,
        "b": ANYTHING,
        "c": ANYTHING,
        "rest": str,
        "d": ANYTHING,
        "more": float,
    }
    assert argument_hints(Service().load) == {"a": str}
    assert argument_hints(functools.partial(closed, "x")) == {"b": int}
    assert argument_hints(cast("Any", 7)) == {}


def test_hints_are_cached_weakly() -> None:
    """Reading a function's hints keeps the function no longer than it would live."""
    import gc  # noqa: PLC0415
    import weakref  # noqa: PLC0415

    def short_lived() -> Result[int, ValueError]:
        raise NotImplementedError

    assert result_hint(short_lived) is result_hint(short_lived)
    gone = weakref.ref(short_lived)
    del short_lived
    gc.collect()
    assert gone() is None
