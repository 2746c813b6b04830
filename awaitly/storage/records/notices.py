"""Notices as rows."""

from __future__ import annotations

from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.notices import Notice, NoticeKind
from awaitly.coding.texts import compact
from awaitly.durations import from_micros, to_micros
from awaitly.storage.records.parts import count_of, dumps, moment_of, optional, read_row, text_of
from awaitly.storage.store import NoticeRow

__all__ = ["notice_of", "row_of_notice"]


def row_of_notice(notice: Notice) -> NoticeRow:
    """Write a notice."""
    members: dict[str, object] = {
        "number": notice.number,
        "kind": notice.kind.value,
        "at": to_micros(notice.at),
    }
    given: tuple[tuple[str, object], ...] = (
        ("about", notice.about),
        ("event", notice.event and notice.event.value),
        ("to", list(notice.to)),
        ("attempts", notice.attempts),
        ("sent_at", optional(to_micros, notice.sent_at)),
        ("receipt", notice.receipt),
        ("error", notice.error),
        ("since", optional(to_micros, notice.since)),
        ("place", notice.place),
        ("part", notice.part),
    )
    members.update((name, value) for name, value in given if value or value == "")
    return NoticeRow(
        run_id=notice.run_id,
        key=notice.key,
        version=notice.version,
        channel=notice.channel,
        due_at=optional(to_micros, notice.due_at),
        dead=notice.dead,
        body=dumps(members),
    )


def notice_of(row: NoticeRow) -> Notice:
    """Read a notice. Raises `RecordCorrupt`."""
    return read_row(_notice_of, row, f"notice {row.key!r}")


def _notice_of(row: NoticeRow) -> Notice:
    body = compact(row.body)
    return Notice(
        run_id=row.run_id,
        number=count_of(body["number"]),
        channel=row.channel,
        kind=NoticeKind(body["kind"]),
        at=from_micros(body["at"]),
        about=optional(text_of, body.get("about")),
        event=optional(AuditEvent, body.get("event")),
        to=tuple(map(text_of, body.get("to", ()))),
        due_at=moment_of(row.due_at),
        attempts=count_of(body.get("attempts", 0)),
        sent_at=moment_of(body.get("sent_at")),
        receipt=optional(text_of, body.get("receipt")),
        error=optional(text_of, body.get("error")),
        dead=row.dead,
        since=moment_of(body.get("since")),
        place=optional(text_of, body.get("place")),
        part=count_of(body.get("part", 0)),
        version=row.version,
    )
