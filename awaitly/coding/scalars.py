"""Values that need no other hook: checked for exactly the type that is expected, written as JSON and read back."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from awaitly.coding.formats import TEXT_FORMATS
from awaitly.coding.nouns import unexpected
from awaitly.coding.paths import MAX_DEPTH, Refused, class_of_value, located, mismatch, segment, too_deep, type_name
from awaitly.coding.shapes import SCALARS, Choice, Enumeration, Nothing, Scalar, Text

__all__ = [
    "decode_choice",
    "decode_enumeration",
    "decode_nothing",
    "decode_scalar",
    "decode_text",
    "encode_choice",
    "encode_enumeration",
    "encode_nothing",
    "encode_scalar",
    "encode_text",
    "plain_json",
]

Encoder = Callable[[Any, int], Any]
Decoder = Callable[[Any, int], Any]

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SURELY_SHORT = 2000


def encode_scalar(shape: Scalar) -> Encoder:
    """JSON has a kind for it; a bool is no int, an int is a valid float."""
    special: dict[type, Encoder] = {str: _string, int: _integer, float: _number}
    cls = shape.cls

    def encode(value: Any, _depth: int) -> Any:
        if type(value) is not cls:
            raise mismatch(type_name(cls), value)
        return value

    return special.get(cls, encode)


def _string(value: Any, _depth: int) -> Any:
    if type(value) is not str:
        raise mismatch("str", value)
    if not value.isascii() and _PAIR.search(value):
        raise Refused("the text holds a character as two surrogates, which JSON cannot tell from the character itself")
    return value


def _integer(value: Any, _depth: int) -> Any:
    if type(value) is not int:
        raise mismatch("int", value)
    if value.bit_length() > _SURELY_SHORT:
        _check_digits(value)
    return value


def _check_digits(value: int) -> None:
    try:
        str(value)
    except ValueError:
        raise Refused(
            "the int has more digits than this Python converts to text (see sys.set_int_max_str_digits)"
        ) from None


def _number(value: Any, depth: int) -> Any:
    if type(value) is int:
        return _integer(value, depth)
    if type(value) is not float:
        raise mismatch("float", value)
    if value - value != 0.0:
        raise Refused("a float must be finite, and this is NaN or Infinity")
    return value


def encode_text(shape: Text) -> Encoder:
    """Written in its text format."""
    cls, write = shape.cls, TEXT_FORMATS[shape.cls].write

    def encode(value: Any, _depth: int) -> Any:
        if type(value) is not cls:
            raise mismatch(cls.__name__, value)
        return write(value)

    return encode


def encode_choice(shape: Choice) -> Encoder:
    """One of the values of a Literal, written as its class is."""
    cls, values = shape.cls, shape.values
    write = _leaf(cls)

    def encode(value: Any, depth: int) -> Any:
        if type(value) is not cls or value not in values:
            raise Refused(f"expected one of {', '.join(map(repr, values))}")
        return write(value, depth)

    return encode


def _leaf(cls: Any) -> Encoder:
    if issubclass(cls, enum.Enum):
        return encode_enumeration(Enumeration(cls))
    return encode_text(Text(cls)) if cls in TEXT_FORMATS else encode_scalar(Scalar(cls))


def encode_enumeration(shape: Enumeration) -> Encoder:
    """The name of the member, or the names of the bits of a flag."""
    cls, write = shape.cls, _flag_names if issubclass(shape.cls, enum.Flag) else _member_name

    def encode(value: Any, _depth: int) -> Any:
        if type(value) is not cls:
            raise mismatch(cls.__qualname__, value)
        return write(value)

    return encode


def _member_name(value: Any) -> str:
    return cast("str", value.name)


def _flag_names(value: Any) -> list[str]:
    bits = list(value)
    again = type(value)(0)
    for bit in bits:
        again |= bit
    if again != value:
        raise Refused(f"the {type(value).__qualname__} has bits without a name")
    return [bit.name for bit in bits]


def encode_nothing(_shape: Nothing) -> Encoder:
    """No value at all."""

    def encode(value: Any, _depth: int) -> Any:
        raise mismatch("no value at all (Never)", value)

    return encode


# The way back


def decode_scalar(shape: Scalar) -> Decoder:
    """Exactly this JSON kind; a number for a float may be an integer, and stays one."""
    cls, check = shape.cls, encode_scalar(shape)
    kinds = (float, int) if cls is float else (cls,)

    def decode(plain: Any, depth: int) -> Any:
        if type(plain) not in kinds:
            raise unexpected(type_name(cls), plain)
        return check(plain, depth)

    return decode


def decode_text(shape: Text) -> Decoder:
    """A text of exactly this format."""
    cls, load = shape.cls, TEXT_FORMATS[shape.cls].load

    def decode(plain: Any, _depth: int) -> Any:
        if type(plain) is not str:
            raise unexpected(f"{cls.__name__} as text", plain)
        return load(plain)

    return decode


def decode_choice(shape: Choice) -> Decoder:
    """One of the values of a Literal."""
    values, load = shape.values, _leaf_decoder(shape.cls)

    def decode(plain: Any, depth: int) -> Any:
        value = load(plain, depth)
        if value not in values:
            raise Refused(f"expected one of {', '.join(map(repr, values))}")
        return value

    return decode


def _leaf_decoder(cls: Any) -> Decoder:
    if issubclass(cls, enum.Enum):
        return decode_enumeration(Enumeration(cls))
    return decode_text(Text(cls)) if cls in TEXT_FORMATS else decode_scalar(Scalar(cls))


def decode_enumeration(shape: Enumeration) -> Decoder:
    """The member of this name, or the flag of these names; a name may be an alias."""
    cls = shape.cls
    if issubclass(cls, enum.Flag):
        return partial(_flag, cls)

    def decode(plain: Any, _depth: int) -> Any:
        return _named_member(cls, plain)

    return decode


def _named_member(cls: type[enum.Enum], plain: Any) -> Any:
    if type(plain) is not str:
        raise unexpected(f"the name of a {cls.__qualname__}", plain)
    member = cls.__members__.get(plain)
    if member is None:
        raise Refused(f"{cls.__qualname__} has no member of this name; it has {', '.join(cls.__members__)}")
    return member


def _flag(cls: type[enum.Flag], plain: Any, _depth: int) -> Any:
    if class_of_value(plain) is not list:
        raise unexpected(f"the names of the bits of a {cls.__qualname__}", plain)
    bits = [_in_list(index, cls, name) for index, name in enumerate(plain)]
    if len(set(bits)) < len(bits):
        raise Refused("the same name stands twice")
    flag = cls(0)
    for bit in bits:
        flag |= bit
    return flag


def _in_list(index: int, cls: type[enum.Enum], name: object) -> Any:
    try:
        return _named_member(cls, name)
    except Refused as refused:
        raise located(refused, f"[{index}]") from None


def decode_nothing(_shape: Nothing) -> Decoder:
    """No value at all."""

    def decode(plain: Any, _depth: int) -> Any:
        raise unexpected("no value at all (Never)", plain)

    return decode


# What foreign code calls JSON


def plain_json(value: Any, depth: int) -> Any:
    """A copy of what shall be plain JSON all the way down, for values that foreign code gives or gets."""
    cls = class_of_value(value)
    if cls in SCALARS:
        return _PLAIN[cls](value, depth)
    if cls is not list and cls is not dict:
        raise mismatch("a plain JSON value", value)
    if depth >= MAX_DEPTH:
        raise too_deep()
    pairs = value.items() if cls is dict else enumerate(value)
    copies = [(key, _plain_part(key, each, depth + 1)) for key, each in pairs]
    return dict(copies) if cls is dict else [each for _, each in copies]


def _plain_part(key: Any, value: Any, depth: int) -> Any:
    try:
        if type(key) is not int:
            _string(key, depth)
        return plain_json(value, depth)
    except Exception as failure:  # noqa: BLE001
        raise located(failure, segment(key)) from None


_PLAIN = {cls: encode_scalar(Scalar(cls)) for cls in SCALARS}
