"""What stored records are made of: actors, outcomes and results as plain JSON, and the reading of a row's body."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast

from awaitly.actors import Actor
from awaitly.approvals.outcomes import Approved, Edited, Outcome, Rejected
from awaitly.coding.texts import compact, writer
from awaitly.durations import from_micros, to_micros
from awaitly.errors import Expired, UnexpectedError
from awaitly.exceptions import RecordCorrupt
from awaitly.storage.journal import (
    Arrived,
    Content,
    Decided,
    Elapsed,
    Failed,
    Raised,
    Recorded,
    Returned,
)
from awaitly.storage.store import ApprovalRow, NoticeRow, RunRow, StepRow

__all__ = [
    "actor_of",
    "content_of",
    "count_of",
    "dumps",
    "json_of",
    "moment_of",
    "optional",
    "outcome_of",
    "plain_actor",
    "plain_outcome",
    "plain_recorded",
    "read_row",
    "recorded_of",
    "text_of",
    "texts_of",
    "truth_of",
]

T = TypeVar("T")
R = TypeVar("R", RunRow, StepRow, ApprovalRow, NoticeRow)

dumps = writer(json.JSONEncoder(separators=(",", ":"), check_circular=False))


def optional(read: Callable[[Any], T], value: Any) -> T | None:
    """Read or write what may be absent."""
    return None if value is None else read(value)


def read_row(read: Callable[[R], T], row: R, what: str) -> T:
    """Read a row; raises `RecordCorrupt`, which names it, where its body is not such a record."""
    try:
        row.body.encode("ascii")
        return read(row)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as exc:
        raise RecordCorrupt(row.run_id, f"{what}: {type(exc).__name__}: {exc}") from exc


# Actors


def plain_actor(actor: Actor) -> object:
    """Write an actor: a name alone where there is nothing else to say."""
    if not actor.roles and actor.on_behalf_of is None:
        return actor.name
    return [actor.name, sorted(actor.roles), *([actor.on_behalf_of] if actor.on_behalf_of else [])]


def actor_of(plain: Any) -> Actor:
    """Read an actor."""
    if isinstance(plain, str):
        return Actor(plain)
    return Actor(plain[0], plain[1], on_behalf_of=plain[2] if len(plain) > 2 else None)  # noqa: PLR2004


# Outcomes of approvals and of steps


def plain_outcome(outcome: Outcome[str]) -> list[object]:
    """Write what was decided: a tag, then the members."""
    match outcome:
        case Approved(value, by, at):
            return ["approved", value, plain_actor(by), to_micros(at)]
        case Edited(original, value, by, at):
            return ["edited", original, value, plain_actor(by), to_micros(at)]
        case Rejected(reason, by, at):
            return ["rejected", reason, plain_actor(by), to_micros(at)]
        case Expired(run_id, key, deadline):
            return ["expired", run_id, key, to_micros(deadline)]


def outcome_of(plain: list[Any]) -> Outcome[str]:
    """Read what was decided. Raises `ValueError`."""
    match plain:
        case ["approved", str(value), by, at]:
            return Approved(value, actor_of(by), from_micros(at))
        case ["edited", str(original), str(value), by, at]:
            return Edited(original, value, actor_of(by), from_micros(at))
        case ["rejected", reason, by, at]:
            return Rejected(reason, actor_of(by), from_micros(at))
        case ["expired", str(run_id), str(key), at]:
            return Expired(run_id, key, from_micros(at))
        case _:
            msg = f"no outcome: {_tagged(plain)}"
            raise ValueError(msg)


def plain_recorded(recorded: Recorded) -> list[object]:
    """Write what a step recorded: a tag, then the members."""
    match recorded:
        case Returned(payload):
            return ["ok", payload]
        case Failed(payload):
            return ["err", payload]
        case Raised(UnexpectedError(kind, message, where, attempts)):
            return ["raised", kind, message, where, attempts]
        case Decided(outcome):
            return ["decided", *plain_outcome(outcome)]
        case Arrived(message, content):
            return ["arrived", message, *plain_recorded(content)]
        case Elapsed(at):
            return ["elapsed", to_micros(at)]


def recorded_of(plain: list[Any]) -> Recorded:
    """Read what a step recorded. Raises `ValueError`."""
    match plain:
        case ["ok", str(payload)]:
            return Returned(payload)
        case ["decided", *outcome]:
            return Decided(outcome_of(outcome))
        case ["arrived", str(message), *content]:
            return Arrived(message, content_of(content))
        case ["elapsed", int(at)]:
            return Elapsed(from_micros(at))
        case _:
            return content_of(plain)


def content_of(plain: list[Any]) -> Content:
    """Read what a call, another run or somebody outside came up with. Raises `ValueError`."""
    match plain:
        case ["ok", str(payload)]:
            return Returned(payload)
        case ["err", str(payload)]:
            return Failed(payload)
        case ["raised", str(kind), str(message), where, int(attempts)]:
            return Raised(UnexpectedError(kind, message, where, attempts))
        case _:
            msg = f"no recorded result: {_tagged(plain)}"
            raise ValueError(msg)


def _tagged(plain: Any) -> str:
    """Name what a record is by its tag, and not by its content: these words are logged."""
    match plain:
        case [str(tag), *_]:
            return repr(tag)
        case _:
            return type(plain).__name__


# Members of bodies


def text_of(value: Any) -> str:
    """Take a text for granted, or raise `TypeError`."""
    if not isinstance(value, str):
        msg = f"a text was expected, not {type(value).__name__}"
        raise TypeError(msg)
    return value


def texts_of(value: Any) -> tuple[str, ...]:
    """Take a list of texts for granted, or raise `TypeError`."""
    if not isinstance(value, list):
        msg = f"a list of texts was expected, not {type(value).__name__}"
        raise TypeError(msg)
    return tuple(map(text_of, cast("list[object]", value)))


def json_of(value: Any) -> str:
    """Take JSON text for granted, or raise `ValueError` or `TypeError`."""
    compact(text_of(value))
    return str(value)


def count_of(value: Any) -> int:
    """Take a count for granted, or raise `TypeError`."""
    if type(value) is not int or value < 0:
        msg = f"a count was expected, not {value if type(value) is int else type(value).__name__}"
        raise TypeError(msg)
    return value


def truth_of(value: Any) -> bool:
    """Take a yes or no for granted, or raise `TypeError`."""
    if type(value) is not bool:
        msg = f"true or false was expected, not {type(value).__name__}"
        raise TypeError(msg)
    return value


def moment_of(micros: int | None) -> datetime | None:
    """Read a time that may be absent."""
    return None if micros is None else from_micros(micros)
