"""JSON text, strictly: no NaN, no key twice, and for whatever is wrong the place where it stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, cast

from awaitly.coding.paths import Refused, segment
from awaitly.values import frozen

__all__ = ["JsonValue", "compact", "dump", "parse", "writer"]

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
"""What JSON can say."""


def writer(encoder: json.JSONEncoder) -> Callable[[Any], str]:
    """Give what `encoder.encode` does, in half the time: that sets the encoder in C up anew for each text.

    The encoder must not check for circles, or remember what it met on one text at the next.
    """
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    e: Any = encoder
    text_of = json.encoder.encode_basestring_ascii if e.ensure_ascii else json.encoder.encode_basestring
    separators = e.key_separator, e.item_separator
    write = make(None, e.default, text_of, None, *separators, e.sort_keys, e.skipkeys, e.allow_nan)
    return lambda plain: "".join(write(plain, 0))


_write = writer(json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False, check_circular=False))


def dump(plain: Any) -> str:
    """Write a JSON value compactly, in ASCII."""
    return int.__repr__(plain) if type(plain) is int else _write(plain)


_LENIENT = json.JSONDecoder()


def compact(text: str) -> Any:
    """Read JSON as `json.loads` does, and faster where no blanks stand around it, as in all that is written here."""
    return _read(_LENIENT, text)


def _read(decoder: json.JSONDecoder, text: str) -> Any:
    try:
        value, end = decoder.raw_decode(text)
    except ValueError:
        return decoder.decode(text)
    return value if end == len(text) else decoder.decode(text)


def parse(text: str) -> Any:
    """Read a JSON text; raises `Refused`."""
    if not isinstance(cast("object", text), str):
        raise Refused(f"expected a text, got {type(text).__qualname__}")
    try:
        return _read(_DECODER, text)
    except json.JSONDecodeError as failure:
        raise Refused(f"not JSON: {failure.msg} at character {failure.pos}") from None
    except (_Unwanted, ValueError):
        raise _explained(text) from None


class _Unwanted(Exception):
    """Something in the text is not wanted; where, a second reading finds out."""


@frozen
class _Bad:
    """A place in the text, and what is wrong there."""

    reason: str


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise _Unwanted
    return entries


def _unwanted(_literal: str) -> Any:
    raise _Unwanted


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_unwanted)


# The second reading


def _explained(text: str) -> Refused:
    """Read once more, with marks in place of what is wrong, and find the first mark."""
    marked = json.JSONDecoder(object_pairs_hook=_Pairs, parse_constant=_constant, parse_int=_digits).decode(text)
    return next(_marks(marked, ()), Refused("not JSON"))


class _Pairs(list[tuple[str, Any]]):
    """The entries of an object, as they stand."""


def _constant(literal: str) -> _Bad:
    return _Bad(f"{literal} is not JSON")


def _digits(literal: str) -> object:
    try:
        return int(literal)
    except ValueError:
        return _Bad("the integer has more digits than this Python reads (see sys.set_int_max_str_digits)")


def _marks(plain: object, trail: tuple[str, ...]) -> Iterator[Refused]:
    if isinstance(plain, _Bad):
        yield Refused(plain.reason, trail)
    elif isinstance(plain, _Pairs):
        yield from _marked_entries(plain, trail)
    elif isinstance(plain, list):
        for index, each in enumerate(cast("list[object]", plain)):
            yield from _marks(each, (f"[{index}]", *trail))


def _marked_entries(pairs: Iterable[tuple[str, object]], trail: tuple[str, ...]) -> Iterator[Refused]:
    seen: set[str] = set()
    for key, each in pairs:
        here = (segment(key), *trail)
        if key in seen:
            yield Refused("the same key stands twice", here)
        seen.add(key)
        yield from _marks(each, here)
