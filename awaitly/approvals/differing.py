"""What an edit changed: field by field, between two JSON values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum, unique
from itertools import zip_longest
from typing import Any, Final, TypeGuard

from awaitly.approvals.approval import Approval
from awaitly.approvals.redaction import BLANK
from awaitly.values import frozen

__all__ = ["ABSENT", "Absent", "Difference", "differences", "edits_of"]


@unique
class Absent(Enum):
    """Stands where there is nothing, not even null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


@frozen
class Difference:
    """One field that differs. `before` and `after` are JSON values, or `ABSENT`.

    `path` leads to it from the root: `$.lines[2].amount`; a member whose name is no identifier is `["so"]`.
    """

    path: str
    before: Any
    after: Any


def differences(before: Any, after: Any, *, redact: tuple[str, ...] = ()) -> tuple[Difference, ...]:
    """Tell two JSON values apart, field by field; items of lists are compared by their places.

    That a member named in `redact` differs is told, and not from what to what. Raises `ValueError` where a value is
    nested so deeply that it cannot be gone through.
    """
    try:
        return tuple(_between("$", before, after, redact))
    except RecursionError as exc:
        msg = "these values are nested too deeply to be compared"
        raise ValueError(msg) from exc


def edits_of(approval: Approval) -> tuple[Difference, ...]:
    """Tell what the current revision of an approval has changed of what was proposed; what is redacted stays so."""
    if approval.edited is None:
        return ()
    return differences(json.loads(approval.proposal), json.loads(approval.edited), redact=approval.redact)


def _between(path: str, before: Any, after: Any, redact: tuple[str, ...]) -> Iterator[Difference]:
    if _is_object(before) and _is_object(after):
        for name in dict.fromkeys((*before, *after)):
            old, new = before.get(name, ABSENT), after.get(name, ABSENT)
            there = f"{path}{_member(name)}"
            inner = _between(there, old, new, redact)
            hidden = name in redact
            yield from (_hidden(there, old, new) if hidden and any(inner) else () if hidden else inner)
    elif _is_array(before) and _is_array(after):
        for number, (old, new) in enumerate(zip_longest(before, after, fillvalue=ABSENT)):
            yield from _between(f"{path}[{number}]", old, new, redact)
    elif not _same(before, after):
        yield Difference(path, _veiled(before, redact), _veiled(after, redact))


def _member(name: str) -> str:
    """Write one step of a path, so that it can be taken for no other."""
    return f".{name}" if name.isidentifier() else f"[{json.dumps(name)}]"


def _hidden(path: str, old: Any, new: Any) -> tuple[Difference, ...]:
    return (Difference(path, old if old is ABSENT else BLANK, new if new is ABSENT else BLANK),)


def _veiled(value: Any, redact: tuple[str, ...]) -> Any:
    """Blank redacted members of a value that stands on one side alone."""
    if _is_object(value):
        return {name: BLANK if name in redact else _veiled(part, redact) for name, part in value.items()}
    return [_veiled(part, redact) for part in value] if _is_array(value) else value


def _same(before: Any, after: Any) -> bool:
    """Whether two values are written alike: 1, 1.0 and true are not."""
    return type(before) is type(after) and before == after


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_array(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
