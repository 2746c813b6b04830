"""What a hint means for the codec: one frozen shape per hint, read once, used to encode, to decode and to describe."""

from __future__ import annotations

import enum
from typing import Any

import attrs

from awaitly.values import frozen

__all__ = [
    "SCALARS",
    "Alternatives",
    "Choice",
    "Dress",
    "Entries",
    "Enumeration",
    "Field",
    "Fields",
    "Fixed",
    "Items",
    "Keys",
    "Member",
    "Model",
    "Nothing",
    "Raised",
    "Scalar",
    "Shape",
    "Text",
    "Unknown",
    "json_kinds",
    "runtime_types",
]

SCALARS: tuple[type, ...] = (type(None), bool, int, float, str)
"""The classes for which JSON has a kind of its own."""


@frozen(eq=False)
class Scalar:
    """None, bool, int, float or str."""

    cls: type


@frozen(eq=False)
class Text:
    """A class of `TEXT_FORMATS`."""

    cls: type


@frozen(eq=False)
class Choice:
    """A `Literal` whose values all have the type `cls`."""

    cls: type
    values: tuple[Any, ...]


@frozen(eq=False)
class Enumeration:
    """An enum, written by the name of the member; a flag, by the names of its bits."""

    cls: type[enum.Enum]


@frozen(eq=False)
class Items:
    """A list, set, frozenset or variadic tuple."""

    cls: type
    item: object


@frozen(eq=False)
class Fixed:
    """A tuple with a hint for each place."""

    items: tuple[object, ...]


@frozen(eq=False)
class Entries:
    """A dict: an object where every key is written as text (`textual`), otherwise a list of pairs."""

    key: object
    value: object
    textual: bool


@frozen
class Field:
    """One field: the attribute's name, the key it is written under, and its hint."""

    name: str
    key: str
    hint: object
    required: bool = True
    attribute: attrs.Attribute[Any] | None = None


@frozen(eq=False)
class Fields:
    """An attrs class, a dataclass or a NamedTuple, made by calling it with its fields by name."""

    cls: Any
    fields: tuple[Field, ...]
    tag: str


@frozen(eq=False)
class Keys:
    """A TypedDict."""

    cls: Any
    fields: tuple[Field, ...]


@frozen(eq=False)
class Model:
    """A pydantic model."""

    cls: Any
    tag: str


@frozen(eq=False)
class Raised:
    """An exception as a value."""

    cls: type[Exception]
    tag: str


class Dress(enum.Enum):
    """How a member of a union shows which member it is."""

    TAGGED = enum.auto()
    """A class: its `$type` stands among its fields."""
    BARE = enum.auto()
    """By its JSON kind alone. An object that happens to have a key `$type` is wrapped all the same."""
    WRAPPED = enum.auto()
    """As `{"$type": tag, "value": ...}`, because other members share its JSON kind."""


@frozen(eq=False)
class Member:
    """One member of a union."""

    shape: Shape
    tag: str
    dress: Dress


@frozen(eq=False)
class Alternatives:
    """A closed union."""

    members: tuple[Member, ...]


@frozen(eq=False)
class Nothing:
    """`Never`: no value at all."""


class Unknown:
    """A hint that the codec does not support. Not an attrs class, so that no hook of cattrs could take it for one."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


Shape = (
    Scalar
    | Text
    | Choice
    | Enumeration
    | Items
    | Fixed
    | Entries
    | Fields
    | Keys
    | Model
    | Raised
    | Alternatives
    | Nothing
    | Unknown
)


def runtime_types(shape: Shape) -> frozenset[type]:
    """The exact classes of the values that a shape takes."""
    match shape:
        case Alternatives(members=members):
            return frozenset[type]().union(*(runtime_types(each.shape) for each in members))
        case Scalar(cls=cls) if cls is float:
            return frozenset({float, int})
        case Fixed():
            return frozenset({tuple})
        case Entries() | Keys():
            return frozenset({dict})
        case Nothing() | Unknown():
            return frozenset()
        case _:
            return frozenset({shape.cls})


def json_kinds(shape: Shape) -> frozenset[type]:
    """The kinds of JSON value that a shape is written as, each named by the Python class that `json` gives it."""
    match shape:
        case Alternatives(members=members):
            return frozenset[type]().union(*(_dressed_kinds(each) for each in members))
        case Scalar():
            return runtime_types(shape)
        case Text():
            return frozenset({str})
        case Choice(cls=cls) if cls in SCALARS:
            return frozenset({cls})
        case Choice(cls=cls) | Enumeration(cls=cls):
            return frozenset({list if issubclass(cls, enum.Flag) else str})
        case Items() | Fixed():
            return frozenset({list})
        case Entries(textual=textual):
            return frozenset({dict if textual else list})
        case Keys() | Fields() | Model() | Raised():
            return frozenset({dict})
        case _:
            return frozenset()


def _dressed_kinds(member: Member) -> frozenset[type]:
    return json_kinds(member.shape) if member.dress is Dress.BARE else frozenset({dict})
