"""What a run's ledger says, as far as it can be read: nothing in a store that was tampered with ends a command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from awaitly.actors import Actor
from awaitly.approvals.audit import AuditEvent, Entry, Part, said
from awaitly.approvals.veil import Veil
from awaitly.durations import from_micros
from awaitly.values import frozen

__all__ = ["Told", "channel_of", "plain_told", "told_by"]


@frozen
class Told:
    """One entry. `lost` names what was redacted of it; `by` is then None, or `reason`."""

    seq: int
    event: AuditEvent
    key: str
    at: datetime
    revision: int
    by: Actor | None = None
    reason: str | None = None
    to: tuple[str, ...] = ()
    lost: frozenset[str] = frozenset()

    @property
    def without_people(self) -> bool:
        """Whether it was taken out who did it."""
        return Part.PEOPLE.value in self.lost

    @property
    def without_text(self) -> bool:
        """Whether it was taken out what was said."""
        return Part.TEXT.value in self.lost


def told_by(entries: Iterable[Entry]) -> tuple[Told, ...]:
    """Read a ledger; what is no entry is left out, and `audit verify` names it."""
    return tuple(_each(entries))


def _each(entries: Iterable[Entry]) -> Iterator[Told]:
    for entry in entries:
        try:
            yield _told(entry.seq, said(entry))
        except (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError, RecursionError):
            continue


def _told(seq: int, members: dict[str, Any]) -> Told:
    return Told(
        seq,
        AuditEvent(members["event"]),
        _text(members["key"]),
        from_micros(members["at"]),
        int(members["revision"]),
        _actor(members),
        None if members.get("reason") is None else _text(members["reason"]),
        tuple(map(_text, members.get("to", ()))),
        frozenset(map(_text, members.get("redacted", ()))),
    )


def _actor(members: dict[str, Any]) -> Actor | None:
    if "by" not in members:
        return None
    behalf, via = members.get("on_behalf_of"), members.get("via")
    return Actor(
        _text(members["by"]),
        on_behalf_of=None if behalf is None else _text(behalf),
        via=None if via is None else _text(via),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def channel_of(told: Iterable[Told], key: str, name: str, at: datetime) -> str | None:
    """Give the channel by which somebody did something at a time: an approval's own record does not say."""
    found = (each.by.via for each in told if each.by and (each.key, each.by.name, each.at) == (key, name, at))
    return next(found, None)


def plain_told(told: Told, veil: Veil) -> dict[str, Any]:
    """Give the JSON form."""
    return {
        "seq": told.seq,
        "event": told.event.value,
        "key": told.key,
        "at": told.at.isoformat(),
        "revision": told.revision,
        "by": None if told.by is None else told.by.name,
        "on_behalf_of": None if told.by is None else told.by.on_behalf_of,
        "via": None if told.by is None else told.by.via,
        "to": list(told.to),
        "reason": veil.text(told.reason),
        "redacted": sorted(told.lost),
    }
