"""How an approval is being handled, as plain JSON: only what differs from nothing having happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from awaitly.approvals.escalation import rungs
from awaitly.approvals.handling import Delegation, Handling, Inquiry, Remark, RemarkKind, Taken
from awaitly.approvals.policy import Policy
from awaitly.durations import from_micros, to_micros
from awaitly.storage.records.parts import (
    actor_of,
    count_of,
    moment_of,
    optional,
    plain_actor,
    text_of,
    texts_of,
    truth_of,
)

__all__ = ["handling_of", "plain_handling"]

_MICROSECOND = timedelta(microseconds=1)


def plain_handling(h: Handling) -> dict[str, object]:
    """Write how an approval is being handled."""
    given: tuple[tuple[str, object], ...] = (
        ("taken", h.taken and [plain_actor(h.taken.by), to_micros(h.taken.at)]),
        ("delegations", [_plain_delegation(each) for each in h.delegations]),
        ("assigned_at", h.assigned_at),
        ("told", h.told),
        ("levels", [to_micros(level) for level in h.levels]),
        ("reminded", h.reminded),
        ("reminded_at", optional(to_micros, h.reminded_at)),
        ("inquiry", h.inquiry and _plain_inquiry(h.inquiry)),
        ("stopped", h.stopped // _MICROSECOND),
        ("remarks", [[r.kind.value, plain_actor(r.by), to_micros(r.at), r.text] for r in h.remarks]),
        ("seen", [list(look) for look in h.seen]),
        ("spoofed", [list(once) for once in h.spoofed]),
    )
    members: dict[str, object] = {name: value for name, value in given if value}
    if h.assigned is not None:
        members["assigned"] = list(h.assigned)
    return members


def _plain_delegation(d: Delegation) -> list[object]:
    return [d.owner, d.to, list(d.grants), to_micros(d.at), list(d.through)]


def _plain_inquiry(inquiry: Inquiry) -> list[object]:
    at, deadline = to_micros(inquiry.at), optional(to_micros, inquiry.deadline)
    return [plain_actor(inquiry.by), at, inquiry.stops_clock, deadline]


def handling_of(plain: Mapping[str, Any], policy: Policy) -> Handling:
    """Read how an approval is being handled. Raises what `read_row` turns into `RecordCorrupt`."""
    read = _handling_of(plain)
    levels = len(policy.escalations)
    if read.told > len(rungs(policy.escalations)) or read.assigned_at > levels or len(read.levels) not in (0, levels):
        msg = f"its ladder has {levels} levels, and more of them are said to be told"
        raise ValueError(msg)
    return read


def _handling_of(plain: Mapping[str, Any]) -> Handling:
    return Handling(
        taken=optional(_taken, plain.get("taken")),
        delegations=tuple(map(_delegation, plain.get("delegations", ()))),
        assigned=optional(texts_of, plain.get("assigned")),
        assigned_at=count_of(plain.get("assigned_at", 0)),
        told=count_of(plain.get("told", 0)),
        levels=tuple(map(from_micros, plain.get("levels", ()))),
        reminded=count_of(plain.get("reminded", 0)),
        reminded_at=moment_of(plain.get("reminded_at")),
        inquiry=optional(_inquiry, plain.get("inquiry")),
        stopped=count_of(plain.get("stopped", 0)) * _MICROSECOND,
        remarks=tuple(map(_remark, plain.get("remarks", ()))),
        seen=_each_once(plain.get("seen", ())),
        spoofed=_each_once(plain.get("spoofed", ())),
    )


def _each_once(plain: list[Any]) -> tuple[tuple[str, int], ...]:
    """Read who has done something once at which revision."""
    return tuple((text_of(name), count_of(revision)) for name, revision in plain)


def _taken(plain: list[Any]) -> Taken:
    by, at = plain
    return Taken(actor_of(by), from_micros(at))


def _delegation(plain: list[Any]) -> Delegation:
    owner, to, grants, at, through = plain
    return Delegation(text_of(owner), text_of(to), texts_of(grants), from_micros(at), texts_of(through))


def _inquiry(plain: list[Any]) -> Inquiry:
    by, at, stops_clock, deadline = plain
    return Inquiry(actor_of(by), from_micros(at), truth_of(stops_clock), moment_of(deadline))


def _remark(plain: list[Any]) -> Remark:
    kind, by, at, text = plain
    return Remark(RemarkKind(kind), actor_of(by), from_micros(at), text_of(text))
