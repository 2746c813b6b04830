from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import hashlib
import json
import math
import socket
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import pydantic
import pytest
from attrs import define, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from awaitly.codec import Codec
from awaitly.digest import arguments_digest, canonical, digest
from awaitly.errors import Unstorable
from awaitly.exceptions import UnstorableValue
from awaitly.result import Ok
from tests.calls import calls_in


class Colour(enum.Enum):
    """An enum with an alias."""

    RED = 1


class Word(enum.StrEnum):
    """An enum of texts."""

    RED = "RED"


class Access(enum.Flag):
    """A flag."""

    READ = 1
    WRITE = 2


@frozen
class Line:
    """A line of an order."""

    sku: str
    price: Decimal


@frozen
class Other:
    """Like a line, by another name."""

    sku: str
    price: Decimal


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: int


class Pair(NamedTuple):
    """A NamedTuple."""

    left: int
    right: str


class Person(pydantic.BaseModel):
    """A pydantic model that contains itself."""

    name: str
    site: object = None


class Linked(pydantic.BaseModel):
    """A pydantic model with a class of pydantic's own."""

    url: pydantic.AnyUrl


class Login(pydantic.BaseModel):
    """A pydantic model with a secret."""

    password: pydantic.SecretStr


DISTINCT: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    1.0,
    -0.0,
    "",
    "1",
    "1.0",
    "null",
    b"1",
    Decimal(1),
    Decimal("1.0"),
    Decimal("1E+1"),
    10**5000,
    hex(10**5000),
    "é",
    "e\u0301",
    "\ud83d\ude00",
    "\U0001f600",
    "\ud800",
    "\x00",
    UUID(int=1),
    str(UUID(int=1)),
    dt.date(2026, 1, 1),
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2026, 1, 1),  # noqa: DTZ001
    dt.datetime(2026, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
    dt.time(0),
    dt.timedelta(1),
    dt.timedelta(seconds=1),
    Colour.RED,
    Word.RED,
    Access(0),
    Access.READ,
    Access.READ | Access.WRITE,
    [],
    (),
    set[int](),
    frozenset[int](),
    {},
    [1],
    (1,),
    {1},
    [[1]],
    [1, 2],
    [2, 1],
    {"1": 2},
    {1: 2},
    {2: 2},
    {"a": None},
    {"$tuple": [1]},
    {"$type": "Line", "fields": {"sku": "a", "price": {"$decimal": "1"}}},
    Line("a", Decimal(1)),
    Other("a", Decimal(1)),
    Point(1),
    Pair(1, "a"),
    Person(name="a"),
    Linked(url=pydantic.AnyUrl("https://a.example")),
    Linked(url=pydantic.AnyUrl("https://b.example")),
    ValueError("a"),
    KeyError("a"),
]


def test_different_values_have_different_texts() -> None:
    """No two values of different type or content share a text."""
    texts = [canonical(each) for each in DISTINCT]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1: "a", 2: "b"}, {2: "b", 1: "a"}),
        ({3, 1, 2}, {2, 3, 1}),
        ({"x", "y", 1, None}, {None, 1, "y", "x"}),
        (Line("a", Decimal("1.0")), Line("a", Decimal("1.0"))),
        (
            dt.datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")),
            dt.datetime(2026, 7, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))),
        ),
    ],
)
def test_equal_values_have_equal_texts(one: object, other: object) -> None:
    """The order in which dicts and sets were filled, and the name of a zone, do not matter."""
    assert canonical(one) == canonical(other)


def test_text_is_canonical_json() -> None:
    """The text is sorted compact JSON, with characters as they are."""
    value = {"b": [1, "é"], "a": {"c": None}}
    assert canonical(value) == '{"a":{"c":null},"b":[1,"é"]}'
    for each in DISTINCT:
        text = canonical(each)
        again = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        assert again == text or "\ud83d\ude00" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**2000 - 1, str(2**2000 - 1)),
        (2**2000, f'{{"$int":"{hex(2**2000)}"}}'),
        (Decimal("1.0"), '{"$decimal":"1.0"}'),
        (b"1", '{"$bytes":"MQ=="}'),
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), '{"$datetime":"2026-01-01T00:00:00+00:00"}'),
        (dt.date(2026, 1, 1), '{"$date":"2026-01-01"}'),
        (dt.time(1), '{"$time":"01:00:00"}'),
        (dt.timedelta(1, 2, 3), '{"$timedelta":[1,2,3]}'),
        (UUID(int=1), '{"$uuid":"00000000-0000-0000-0000-000000000001"}'),
        ((1,), '{"$tuple":[1]}'),
        ({2, 1}, '{"$set":[1,2]}'),
        (frozenset({2, 1}), '{"$frozenset":[1,2]}'),
        ({2: "b", 1: "a"}, '{"$dict":[[1,"a"],[2,"b"]]}'),
        (Colour.RED, '{"$enum":["Colour","RED"]}'),
        (Access(0), '{"$enum":["Access",0]}'),
        (Line("a", Decimal(1)), '{"$type":"Line","fields":{"price":{"$decimal":"1"},"sku":"a"}}'),
        (Person(name="a"), '{"$type":"Person","fields":{"name":"a","site":null}}'),
        (Linked(url=pydantic.AnyUrl("https://a.example")), '{"$type":"Linked","json":{"url":"https://a.example/"}}'),
        (ValueError("a", 1), '{"$type":"ValueError","args":["a",1]}'),
    ],
)
def test_the_text_of_each_kind_is_fixed(value: object, text: str) -> None:
    """Stored digests must be found again by later releases."""
    assert canonical(value) == text


def test_what_the_codec_gives_back_has_the_same_text() -> None:
    """A replay that digests a decoded value finds the digest of the original."""
    moment = dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))
    codec = Codec([Line, Person, Decimal, dt.datetime, tuple, set, Colour])
    value = {"a": [Line("a", Decimal("1.00")), moment, (1, 2.0), {1}, Colour.RED], "b": Person(name="x")}
    back = codec.decode(codec.encode(value, object).unwrap(), object).unwrap()
    assert canonical(back) == canonical(value)


def test_digest_is_versioned_sha256_over_length_prefixed_parts() -> None:
    """The format is fixed: stored digests must be found again by later releases."""
    expected = hashlib.sha256(b"1:a" + "2:é".encode()).hexdigest()
    assert digest("a", "é") == "v1:" + expected
    assert digest() == "v1:" + hashlib.sha256(b"").hexdigest()


@given(st.lists(st.text(st.characters(exclude_categories=[]))), st.lists(st.text(st.characters(exclude_categories=[]))))
def test_no_two_lists_of_parts_collide(one: list[str], other: list[str]) -> None:
    """Where a part ends is part of what is digested; lone surrogates are digested as well."""
    assert (digest(*one) == digest(*other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "b"), ("ab",)),
        (("1:a",), ("a",)),
        (("", "a"), ("a", "")),
        (("\ud83d\ude00",), ("\U0001f600",)),
    ],
)
def test_parts_that_look_alike_differ(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Joined or shifted parts are other parts."""
    assert digest(*one) != digest(*other)


def test_arguments_digest_is_the_digest_of_the_canonical_texts() -> None:
    """The quick way and the long way agree."""
    calls: list[tuple[tuple[object, ...], dict[str, object]]] = [
        (("a", 1, True, None, Decimal("1.5"), 10**5000), {"b": 1, "a": "é"}),
        ((Line("a", Decimal(1)), [1]), {}),
        ((), {"x": {1: 2}}),
    ]
    for args, kwargs in calls:
        assert arguments_digest("f", args, kwargs) == Ok(digest("f", canonical(list(args)), canonical(kwargs)))


def test_arguments_digest_tells_calls_apart() -> None:
    """Name, place and keyword all count; the order of keywords does not."""
    base = arguments_digest("f", (1, 2), {"a": 1, "b": 2})
    assert base == arguments_digest("f", (1, 2), {"b": 2, "a": 1})
    assert base != arguments_digest("g", (1, 2), {"a": 1, "b": 2})
    assert base != arguments_digest("f", (2, 1), {"a": 1, "b": 2})
    assert base != arguments_digest("f", (1,), {"a": 1, "b": 2})
    assert base != arguments_digest("f", (1, 2), {"a": 2, "b": 1})
    assert arguments_digest("f", (1,), {}) != arguments_digest("f", (True,), {})


def refused(*args: object, **kwargs: object) -> Unstorable:
    """The refusal of a call that must be refused."""
    return arguments_digest("f", args, kwargs).failure()


class Plain:
    """A class that is no value."""


class Text(str):
    """A subclass of str."""

    __slots__ = ()


def test_what_cannot_be_digested_is_refused_with_its_path() -> None:
    """Sockets, functions, generators, unknown classes and subclasses of scalars have no text of their own."""
    with socket.socket() as sock:
        assert refused(session=sock).path == "$.kwargs.session"
    assert refused(1, [0, {"lines": [1, 2, lambda: 1]}]).path == "$.args[1][1].lines[2]"
    assert refused(each for each in [1]).path == "$.args[0]"
    assert refused({7: Plain()}).path == "$.args[0][7]"
    assert refused(Line("a", cast("Decimal", Plain()))).path == "$.args[0].price"
    assert refused(Text("a")).path == "$.args[0]"
    assert refused(Person(name="a", site=Plain())).path == "$.args[0].site"
    assert "content" in refused(int).reason


def test_a_class_that_merely_lists_fields_has_no_content() -> None:
    """Only a tuple's `_fields` are all that it holds."""

    class Node:
        _fields = ("left",)
        left = 1

    assert "no content" in refused(Node()).reason


def test_masked_secrets_are_no_content() -> None:
    """Two secrets look alike in a model's JSON, so that JSON is no ground for a digest."""
    assert refused(Login(password=pydantic.SecretStr("a"))).path == "$.args[0].password"


@pytest.mark.parametrize("value", [math.nan, math.inf, Decimal("NaN"), Decimal("Infinity")])
def test_numbers_must_be_finite(value: object) -> None:
    """NaN is not even equal to itself."""
    assert refused([1, value]).path == "$.args[0][1]"
    assert refused(value).path == "$.args[0]"
    assert refused(value).reason == f"a {type(value).__name__} must be finite, and this is NaN or Infinity"


def test_value_that_contains_itself_is_refused() -> None:
    """A cycle is a refusal with a path; 64 levels are digested."""
    loop: list[object] = []
    loop.append(loop)
    assert refused(loop).path == "$.args[0]" + "[0]" * 64

    @define
    class Knot:
        next: object = None

    knot = Knot()
    knot.next = {"a": (knot,)}
    assert "nested deeper" in refused(knot).reason
    deep: object = 1
    for _ in range(64):
        deep = [deep]
    assert isinstance(arguments_digest("f", (deep,), {}), Ok)
    assert "nested deeper" in refused([deep]).reason


def nested(core: object, levels: int, wrap: Callable[[Any], object]) -> object:
    """Put a value into as many others."""
    for _ in range(levels):
        core = wrap(core)
    return core


def in_list(inner: Any) -> list[Any]:
    """Wrap a value in a list."""
    return [inner]


def in_tuple(inner: Any) -> tuple[Any]:
    """Wrap a value in a tuple."""
    return (inner,)


HOLDERS: dict[str, Callable[[Any], object]] = {
    "list": in_list,
    "tuple": in_tuple,
    "frozenset": lambda inner: frozenset({inner}),
    "object": lambda inner: {"a": inner},
    "dict": lambda inner: {1: inner},
    "attrs": lambda inner: Line(inner, Decimal(1)),
    "NamedTuple": lambda inner: Pair(inner, "a"),
    "pydantic": lambda inner: Person(name="a", site=inner),
    "exception": ValueError,
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_whatever_holds_another_value_is_one_level(holder: str) -> None:
    """64 levels of it have a text, and 65 have none."""
    assert canonical(nested(1, 64, HOLDERS[holder]))
    with pytest.raises(UnstorableValue, match="nested deeper"):
        canonical(nested(1, 65, HOLDERS[holder]))


def test_a_key_stands_one_level_below_its_dict() -> None:
    """As the value beside it does."""
    assert canonical({nested(1, 63, in_tuple): 1})
    with pytest.raises(UnstorableValue, match="nested deeper"):
        canonical({nested(1, 64, in_tuple): 1})


def test_the_json_of_a_model_stands_one_level_below_it() -> None:
    """Where a model has a text by its JSON alone."""
    linked = Linked(url=pydantic.AnyUrl("https://a.example"))
    assert canonical(nested(linked, 62, in_list))
    with pytest.raises(UnstorableValue):
        canonical(nested(linked, 63, in_list))


def test_canonical_raises_unstorable_value() -> None:
    """Where there is no Result to answer with, the refusal is a TypeError that carries it."""
    with pytest.raises(UnstorableValue) as caught:
        canonical([1, len])
    assert caught.value.error.path == "$[1]"


def test_property_that_raises_is_a_refusal() -> None:
    """Values may run code; the digest does not raise."""

    @frozen
    class Sour:
        n: int = field(default=1)

        def __getattribute__(self, name: str) -> Any:
            if name != "n":
                return object.__getattribute__(self, name)
            raise RuntimeError(name)

    assert refused(Sour()).path == "$.args[0].n"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.uuids(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.builds(Person, name=st.text(), site=inner)
    ),
    max_leaves=8,
)


def kind(value: Any) -> Any:
    """A value with its types spelled out, for an equality that tells 1 from True and 0.0 from -0.0."""
    if isinstance(value, Person):
        return (Person, value.name, kind(value.site))
    cls: Any = value.__class__
    if cls is dict:
        return (dict, frozenset((kind(key), kind(each)) for key, each in value.items()))
    if cls in (list, tuple):
        return (cls, tuple(kind(each) for each in value))
    return (cls, repr(value))


@given(VALUES, VALUES)
def test_texts_are_equal_exactly_when_values_are(one: object, other: object) -> None:
    """Canonical texts are equal where values and types are, and nowhere else."""
    assert (canonical(one) == canonical(other)) == (kind(one) == kind(other))


def test_digest_is_quick() -> None:
    """It runs for every step call, and calls few functions for that, in Python and in C."""
    assert calls_in(lambda: arguments_digest("load_order", ("order-1", 5), {})) <= 40
