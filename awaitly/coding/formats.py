"""Scalars that travel as text: how each is written, read back strictly, and described in a schema."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from awaitly.coding.paths import Refused
from awaitly.values import frozen

__all__ = ["TEXT_FORMATS", "TextFormat"]

_DAY = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_OFFSET = r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{6})?)?)"
_DURATION = (
    r"(-?)P(?=[0-9T])(?:([0-9]{1,10})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,12})H)?(?:([0-9]{1,14})M)?(?:([0-9]{1,15})(?:\.([0-9]{1,6}))?S)?)?"
)


@frozen
class TextFormat:
    """How values of one class are written as text; `write` and `read` raise `Refused` or any exception."""

    cls: type
    noun: str
    write: Callable[[Any], str]
    read: Callable[[str], object]
    pattern: str
    name: str | None = None

    def load(self, text: str) -> object:
        """Read `text` where it has exactly this format."""
        if re.fullmatch(self.pattern, text) is None:
            raise Refused(f"the text is not {self.noun}")
        return self.read(text)


def _write_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _read_bytes(text: str) -> bytes:
    try:
        value = base64.b64decode(text, validate=True)
    except binascii.Error:
        value = None
    if value is None or _write_bytes(value) != text:
        raise Refused("the text is not base64")
    return value


def _write_decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise Refused("a Decimal must be finite, and this is NaN or Infinity")
    return str(value)


def _write_datetime(value: datetime) -> str:
    if value.utcoffset() is None:
        raise Refused(
            "a datetime must be aware, and this one is naive: give it a timezone, such as datetime.now(timezone.utc)"
        )
    return value.isoformat()


def _write_time(value: time) -> str:
    if value.tzinfo is not None and value.utcoffset() is None:
        raise Refused("a time may have a fixed offset, but its timezone has none without a date")
    return value.isoformat()


def _write_timedelta(value: timedelta) -> str:
    span = abs(value)
    fraction = f".{span.microseconds:06}" if span.microseconds else ""
    return f"{'-' if value < timedelta(0) else ''}P{span.days}DT{span.seconds}{fraction}S"


def _read_timedelta(text: str) -> timedelta:
    found = re.fullmatch(_DURATION, text)
    if found is None:
        raise Refused("the text is not a duration")
    sign, days, hours, minutes, seconds, fraction = found.groups()
    span = timedelta(
        days=int(days or 0),
        hours=int(hours or 0),
        minutes=int(minutes or 0),
        seconds=int(seconds or 0),
        microseconds=int((fraction or "").ljust(6, "0")),
    )
    return -span if sign else span


_BASE64 = r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?"

TEXT_FORMATS: dict[type, TextFormat] = {
    each.cls: each
    for each in (
        TextFormat(bytes, "base64", _write_bytes, _read_bytes, _BASE64),
        TextFormat(
            Decimal,
            "a decimal number such as 12.50",
            _write_decimal,
            Decimal,
            r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?",
            "decimal",
        ),
        TextFormat(
            datetime,
            "a moment with an offset, such as 2026-01-31T12:00:00+00:00",
            _write_datetime,
            datetime.fromisoformat,
            f"{_DAY}T{_CLOCK}{_OFFSET}",
            "date-time",
        ),
        TextFormat(date, "a date such as 2026-01-31", date.isoformat, date.fromisoformat, _DAY, "date"),
        TextFormat(time, "a time such as 12:00:00", _write_time, time.fromisoformat, f"{_CLOCK}{_OFFSET}?", None),
        TextFormat(timedelta, "a duration such as P1DT3600S", _write_timedelta, _read_timedelta, _DURATION, "duration"),
        TextFormat(
            UUID,
            "a UUID",
            str,
            UUID,
            r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
            "uuid",
        ),
    )
}
"""The text format of each class that JSON has no kind for."""
