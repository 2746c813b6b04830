"""Messages as rows among the approvals: both are what a run hears from outside, and both can wake it."""

from __future__ import annotations

from awaitly.coding.texts import compact
from awaitly.durations import from_micros, to_micros
from awaitly.statuses import WaitKind
from awaitly.storage.journal import (
    Message,
)
from awaitly.storage.records.parts import (
    actor_of,
    content_of,
    dumps,
    optional,
    plain_actor,
    plain_recorded,
    read_row,
    text_of,
)
from awaitly.storage.store import ApprovalRow

__all__ = ["is_message", "message_key", "message_of", "row_of_message"]


def message_key(kind: WaitKind, name: str, key: str) -> str:
    """Give the key of a message's row: it begins with a blank, as no key of an approval does."""
    return f" {kind.value} {dumps([name, key])}"


def is_message(row: ApprovalRow) -> bool:
    """Tell the row of a message from that of an approval."""
    return row.key.startswith(" ")


def row_of_message(message: Message) -> ApprovalRow:
    """Write a message."""
    members: dict[str, object] = {"to": message.name, "is": plain_recorded(message.content)}
    if message.by is not None:
        members["by"] = plain_actor(message.by)
    if message.void:
        members["void"] = True
    return ApprovalRow(
        run_id=message.run_id,
        key=message.key,
        version=message.version,
        workflow=message.workflow,
        open=False,
        ready=message.unread,
        asked_at=to_micros(message.sent_at),
        deadline=None,
        body=dumps(members),
    )


def message_of(row: ApprovalRow) -> Message:
    """Read a message."""
    return read_row(_message_of, row, f"message {row.key!r}")


def _message_of(row: ApprovalRow) -> Message:
    body = compact(row.body)
    return Message(
        run_id=row.run_id,
        key=row.key,
        workflow=row.workflow,
        kind=WaitKind(row.key.split(" ")[1]),
        name=text_of(body["to"]),
        content=content_of(body["is"]),
        sent_at=from_micros(row.asked_at),
        by=optional(actor_of, body.get("by")),
        version=row.version,
        unread=row.ready,
        void=body.get("void", False),
    )
