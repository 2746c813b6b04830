"""Frozen values: defined by shared methods, and like those of attrs to whoever holds one."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs
import pytest

import awaitly
from awaitly.values import frozen

T = TypeVar("T")

Maker = Callable[..., Any]
"""Takes what `attrs.frozen` takes."""


@pytest.fixture(params=[attrs.frozen, frozen], ids=["attrs", "awaitly"])
def maker(request: pytest.FixtureRequest) -> Maker:
    """Give attrs' own decorator, then awaitly's: each fact here holds for both."""
    made: Maker = request.param
    return made


def point(maker: Maker, **options: Any) -> Any:
    """Define a class with each kind of field."""

    class Point:
        x: int
        _y: int = 2
        note: str = attrs.field(default="", eq=False)
        secret: str = attrs.field(default="s", repr=False)
        size: int = attrs.field(default=1, repr=lambda size: f"<{size}>")
        late: int = attrs.field(init=False, default=5)

    return maker(Point, **options)


@frozen
class Kept(Generic[T]):
    """A value that pickle can find."""

    value: T
    below: Kept[T] | None = None


def test_equality(maker: Maker) -> None:
    """Values are equal whose compared fields are, in either order, and never to another class's."""
    one = point(maker)
    assert one(1, note="a") == one(1, note="b")
    assert one(1) != one(2)
    assert one(1) != one(1, secret="t")
    assert one(1) != point(maker)(1)
    assert one(1) != (1, 2, "s", 1, 5)


def test_hash(maker: Maker) -> None:
    """Equal values have one hash, and those of two classes find themselves side by side in a dictionary."""
    one, other = point(maker), point(maker)
    assert hash(one(1, note="a")) == hash(one(1, note="b"))
    assert {one(1): "one", other(1): "other"} == {one(1): "one", other(1): "other"}
    with pytest.raises(TypeError, match="unhashable"):
        hash(one([]))


def test_repr(maker: Maker) -> None:
    """A value shows the fields that may be seen, each in the way in which it wants to be."""
    assert repr(point(maker)(1, note="n")) == "Point(x=1, _y=2, note='n', size=<1>, late=5)"


def test_a_value_in_itself(maker: Maker) -> None:
    """A value that holds itself shows where it begins again."""
    inside: list[Any] = []
    inside.append(point(maker)(inside))
    assert repr(inside[0]) == "Point(x=[...], _y=2, note='', size=<1>, late=5)"


def test_half_made() -> None:
    """What a failed initialiser leaves behind can still be shown, as a debugger would."""
    kind: Any = Kept
    assert repr(kind.__new__(kind)) == "Kept(value=NOTHING, below=NOTHING)"


def test_no_fields(maker: Maker) -> None:
    """Values of a class without fields are all equal."""

    class Empty:
        pass

    kind = maker(Empty)
    assert kind() == kind()
    assert hash(kind()) == hash(kind())
    assert repr(kind()) == "Empty()"


def test_own_methods(maker: Maker) -> None:
    """A class's own repr, equality and hash are kept."""

    class Own:
        x: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

    kind = maker(Own)
    assert (repr(kind(1)), kind(1) == kind(2), hash(kind(1))) == ("own", True, 7)


def test_own_hash(maker: Maker) -> None:
    """A class's own hash is kept beside the shared equality."""

    class Own:
        x: int

        def __hash__(self) -> int:
            return 7

    kind = maker(Own)
    assert (kind(1) == kind(1), kind(1) == kind(2), hash(kind(1))) == (True, False, 7)


def test_identity(maker: Maker) -> None:
    """A class that asks for no equality is compared by identity."""
    kind = point(maker, eq=False)
    value = kind(1)
    assert value == value  # noqa: PLR0124  (identity is what is tested)
    assert value != kind(1)
    assert hash(value) != hash(kind(1))


def test_inherited(maker: Maker) -> None:
    """A class made of another one compares and shows the fields of both."""
    base = point(maker)
    more = maker(type("More", (base,), {"__annotations__": {"z": int}, "z": 9}))
    assert more(1) == more(1)
    assert more(1, z=3) != more(1)
    assert more(1) != base(1)
    assert repr(more(1)) == "More(x=1, _y=2, note='', size=<1>, late=5, z=9)"


def test_frozen(maker: Maker) -> None:
    """A field cannot be set, and no other attribute can be added."""
    value = point(maker)(1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        value.x = 2
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        value.another = 2


def test_copies() -> None:
    """A value comes back equal from pickle, from a copy and from `evolve`."""
    value = Kept([1, 2], Kept([3]))
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301  (its own text)
    assert copy.deepcopy(value) == value
    assert attrs.evolve(value, below=None) == Kept([1, 2])


def test_what_is_exported_has_no_methods_of_its_own() -> None:
    """No public value has a repr written for it alone: each would be compiled whenever awaitly is imported."""
    values = [getattr(awaitly, name) for name in awaitly.__all__]
    classes = [each for each in values if isinstance(each, type) and attrs.has(each) and each is not awaitly.Policy]
    written = [each.__name__ for each in classes if "attrs generated" in each.__repr__.__code__.co_filename]
    assert len(classes) > 100  # else nothing was looked at
    assert written == []
