from __future__ import annotations

import copy
import inspect
import pickle
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve, field, frozen
from attrs.exceptions import FrozenInstanceError
from attrs.validators import ge

from awaitly.changing import changed, quick
from awaitly.durations import as_timedelta


@frozen
class Plain:
    """A record as attrs makes it."""

    name: str
    count: int = field(default=1, validator=ge(1))
    pause: timedelta = field(kw_only=True, converter=as_timedelta)
    parts: list[str] = field(factory=list[str])


@quick
@frozen
class Quick:
    """The same, made faster."""

    name: str
    count: int = field(default=1, validator=ge(1))
    pause: timedelta = field(kw_only=True, converter=as_timedelta)
    parts: list[str] = field(factory=list[str])


@frozen
class Wider(Quick):
    """A subclass with a field of its own."""

    more: str = ""


@quick
@frozen
class Checked:
    """A record that looks at itself once it is made."""

    low: int
    high: int

    def __attrs_post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.low > self.high:
            raise ValueError("upside down")


def test_a_quick_record_is_frozen_as_any_other() -> None:
    """It is of its own class, and nothing of it can be set or deleted."""
    record: Any = Quick("a", pause="2s")
    assert (type(record), record) == (Quick, Quick("a", 1, pause=timedelta(seconds=2)))
    with pytest.raises(FrozenInstanceError):
        record.name = "b"
    with pytest.raises(FrozenInstanceError):
        del record.name
    with pytest.raises(AttributeError):
        record.other = 1


def test_a_quick_record_is_made_of_the_same_arguments() -> None:
    """Defaults, factories, converters and validators count, and its signature says the same."""
    assert inspect.signature(Quick) == inspect.signature(Plain)
    assert Quick("a", pause="1m").parts is not Quick("a", pause="1m").parts
    with pytest.raises(ValueError, match="count"):
        Quick("a", 0, pause="1m")
    with pytest.raises(TypeError, match=r"Quick\.__init__\(\) missing 1 required keyword-only argument: 'pause'"):
        Quick("a")  # type: ignore[call-arg]


def test_a_quick_record_is_copied_as_any_other() -> None:
    """By `evolve`, `copy` and `pickle`, and by `changed`; the copy is of the same class, and frozen too."""
    record = Quick("a", 2, ["x"], pause="1m")
    pickled = pickle.dumps(record)
    copies: list[Any] = [evolve(record), copy.deepcopy(record), pickle.loads(pickled)]  # noqa: S301  (made here)
    for each in copies:
        assert (type(each), each) == (Quick, record)
        with pytest.raises(FrozenInstanceError):
            each.name = "b"
    assert changed(Checked(1, 2), high=3) == Checked(1, 3)
    assert repr(record) == repr(Plain("a", 2, ["x"], pause="1m")).replace("Plain", "Quick")


def test_a_subclass_of_a_quick_record_keeps_its_class() -> None:
    """It is made as attrs makes it, and frozen."""
    record: Any = Wider("a", more="b", pause="1m")
    assert (type(record), record.name, record.more) == (Wider, "a", "b")
    with pytest.raises(FrozenInstanceError):
        record.more = "c"


def test_a_quick_record_looks_at_itself_once_it_is_made() -> None:
    """Its own look comes after its fields, and may refuse them."""
    assert Checked(1, 2) == Checked(1, 2)
    assert hash(Checked(1, 2)) == hash(Checked(1, 2))
    with pytest.raises(ValueError, match="upside down"):
        Checked(2, 1)
