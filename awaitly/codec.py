"""Values to JSON text and back, strictly: types come from annotations and a registry, never from the text.

* Every instance of a class is written with a `$type`, the class's `__qualname__`; where a union holds two classes of
  one name, those two (and no others) get their module in front. A text can only ever name a class of the closed set
  that the hint and the registry give; nothing is imported by name.
* Nothing is coerced. An `int` where `float` is annotated is a valid `float` in Python's type system: it is kept, and
  comes back, as that `int`. A `bool` is never an `int`.
* An enum is written by the name of its member, a flag by the names of its bits. Decimal, date, time, UUID and (in
  base64) bytes are text, as is a timedelta (`P1DT3600S`).
* A `datetime` must be aware. Its offset is kept, and the name of its zone is not: it comes back as the same instant
  with the same `utcoffset()`.
* A dict is an object where every key is written as text (str, UUID, enum...), otherwise a list of pairs.
* Where members of a union share a JSON kind (`date | UUID`, `list[int] | tuple[int, ...]`), those that are not the
  kind's own are written as `{"$type": ..., "value": ...}`.
* `Annotated[Decimal, Bounds(gt=0)]`: a number outside of its bounds is refused, both ways.
* A pydantic model decides itself about unknown keys and about defaults; for all other classes every field is
  written, and every field must be there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from awaitly.coding.bounds import Bounds
from awaitly.coding.hints import ANYTHING, ResultHint, argument_hints, bounds_of, result_hint
from awaitly.coding.paths import Refused, located
from awaitly.coding.texts import JsonValue, dump, parse
from awaitly.errors import Undecodable, Unstorable
from awaitly.exceptions import UnstorableValue
from awaitly.result import Err, Ok, Result

if TYPE_CHECKING:
    from cattrs import Converter

    from awaitly.coding.decoders import Decoder
    from awaitly.coding.encoders import Encoder

__all__ = ["ANYTHING", "LIMIT", "Codec", "JsonValue", "ResultHint", "argument_hints", "result_hint", "too_large"]

LIMIT = 2**20
"""How many characters of JSON text a value may take where nothing else is said: 1 MiB, for the text is ASCII."""

Hook = TypeVar("Hook", bound=Callable[[Any, int], Any])


class Codec:
    """Writes values as JSON text and reads them back, by hints.

    `types` is the registry: the classes that may stand where the hint is `ANYTHING`, `object` or `Any`, and the
    subclasses that may stand where a base class of theirs is annotated. `limit` is how many characters of JSON text a
    value may take. No method but `read` and `write` ever raises.
    """

    def __init__(self, types: Iterable[type] = (), *, limit: int = LIMIT) -> None:
        if limit < 1:
            msg = f"the limit of a codec is at least 1 character, not {limit}"
            raise ValueError(msg)
        self.types = tuple(types)
        self.limit = limit
        self._encoders: _Hooks[Encoder] = _Hooks(self._new_encoder)
        self._decoders: _Hooks[Decoder] = _Hooks(self._new_decoder)
        self._lock = threading.Lock()
        self._converter: Converter | None = None

    def encode(self, value: object, hint: object) -> Result[str, Unstorable]:
        """Write `value` as compact ASCII JSON, once it is sure that it is what `hint` says, all the way down."""
        try:
            return Ok(self.write(value, hint))
        except UnstorableValue as exc:
            return Err(exc.error)

    def write(self, value: object, hint: object) -> str:
        """Give what `encode` gives, or raise `UnstorableValue`: the short way for what is about to be kept."""
        try:
            text = dump(self._encoders.of(hint)(value, 0))
        except Exception as failure:
            raise UnstorableValue(_unstorable(failure)) from failure
        if len(text) > self.limit:
            raise UnstorableValue(too_large(text, self.limit))
        return text

    def decode(self, text: str, hint: object) -> Result[Any, Undecodable]:
        """Read what `encode` wrote for the same hint; all else is `Undecodable`, with the place."""
        try:
            return Ok(self._decoders.of(hint)(parse(text), 0))
        except Exception as failure:  # noqa: BLE001  (constructors may run any code)
            return Err(_undecodable(failure))

    def read(self, text: str, hint: object) -> Any:
        """Give what `decode` gives, or raise `ValueError`: the short way for what was written here."""
        try:
            return self._decoders.of(hint)(parse(text), 0)
        except Exception as failure:
            raise ValueError(str(_undecodable(failure))) from failure

    def plain(self, value: object, hint: object) -> Result[JsonValue, Unstorable]:
        """Give the JSON value that `encode` writes."""
        try:
            return Ok(self._encoders.of(hint)(value, 0))
        except Exception as failure:  # noqa: BLE001
            return Err(_unstorable(failure))

    def revive(self, plain: JsonValue, hint: object) -> Result[Any, Undecodable]:
        """Read a JSON value, as `decode` reads its text."""
        try:
            return Ok(self._decoders.of(hint)(plain, 0))
        except Exception as failure:  # noqa: BLE001
            return Err(_undecodable(failure))

    def _new_encoder(self, hint: object) -> Encoder:
        inner, bounds = bounds_of(hint)
        return (
            _bounded_encoder(self._encoders.of(inner), bounds) if bounds else self._shape_encoder(self._shape_of(hint))
        )

    def _new_decoder(self, hint: object) -> Decoder:
        inner, bounds = bounds_of(hint)
        return (
            _bounded_decoder(self._decoders.of(inner), bounds) if bounds else self._shape_decoder(self._shape_of(hint))
        )

    def _shape_of(self, hint: object) -> Any:
        from awaitly.coding.reading import shape_of  # noqa: PLC0415  (see `_new_converter`)

        return shape_of(hint, self.types)

    def _shape_encoder(self, shape: Any) -> Encoder:
        return cast("Encoder", self._hooks().get_unstructure_hook(shape, cache_result=False))

    def _shape_decoder(self, shape: Any) -> Decoder:
        return cast("Decoder", self._hooks().get_structure_hook(shape, cache_result=False))

    def _hooks(self) -> Converter:
        with self._lock:
            if self._converter is None:
                self._converter = self._new_converter()
            return self._converter

    def _new_converter(self) -> Converter:
        # Importing cattrs takes as long as importing awaitly, and the hooks a tenth of that: whoever only decides and
        # lists needs neither.
        from cattrs import Converter  # noqa: PLC0415

        from awaitly.coding.decoders import register_decoders  # noqa: PLC0415
        from awaitly.coding.encoders import register_encoders  # noqa: PLC0415

        converter = Converter(unstructure_fallback_factory=_refuse, structure_fallback_factory=_refuse)
        register_encoders(converter, self._encoders.of, self._shape_encoder)
        register_decoders(converter, self._decoders.of, self._shape_decoder)
        return converter


class _Hooks(Generic[Hook]):
    """The hooks of hints, each made once. A hint that contains itself meets a stand-in for its own hook."""

    def __init__(self, make: Callable[[object], Hook]) -> None:
        self._make = make
        self._made: dict[object, Hook] = {}
        self._making: set[object] = set()
        self._lock = threading.RLock()

    def of(self, hint: object) -> Hook:
        try:
            return self._made[hint]
        except KeyError:
            return self._new(hint)
        except Exception:  # noqa: BLE001  (a hint that cannot be hashed)
            return self._make(hint)

    def _new(self, hint: object) -> Hook:
        if bounds_of(hint)[1] is not None:  # they may be other numbers in each run, so these hooks are not kept
            return self._make(hint)
        with self._lock:
            if hint in self._made:
                return self._made[hint]
            if hint in self._making:
                return self._stand_in(hint)
            self._making.add(hint)
            try:
                self._made[hint] = self._make(hint)
                return self._made[hint]
            finally:
                self._making.discard(hint)

    def _stand_in(self, hint: object) -> Hook:
        def later(value: object, depth: int) -> Any:
            return self.of(hint)(value, depth)

        return cast("Hook", later)


def _bounded_encoder(encode: Encoder, bounds: Bounds) -> Encoder:
    def encode_bounded(value: Any, depth: int) -> Any:
        plain = encode(value, depth)
        bounds.check(value)
        return plain

    return encode_bounded


def _bounded_decoder(decode: Decoder, bounds: Bounds) -> Decoder:
    def decode_bounded(plain: Any, depth: int) -> Any:
        value = decode(plain, depth)
        bounds.check(value)
        return value

    return decode_bounded


def too_large(text: str, limit: int) -> Unstorable:
    """Say that a value takes more text than may be kept."""
    why = f"it takes {len(text)} characters of JSON, and the limit is {limit}: keep it elsewhere, and record where"
    return Unstorable("$", f"{why}; or give the workflow a Codec(limit=...)")


def _refuse(shape: Any) -> Any:
    """Take the place of cattrs' fallbacks, which would let anything pass."""
    raise Refused(getattr(shape, "reason", "not supported"))


def _unstorable(failure: Exception) -> Unstorable:
    refused = located(failure)
    return Unstorable(refused.path, refused.reason)


def _undecodable(failure: Exception) -> Undecodable:
    refused = located(failure)
    return Undecodable(refused.path, refused.reason)
