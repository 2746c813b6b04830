"""Letters to runs: whether one is kept, as a rule over what is known of the run. Nothing is stored here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeAlias

from awaitly.actors import Actor
from awaitly.approvals.editing import written
from awaitly.codec import Codec
from awaitly.errors import AlreadySent, InvalidPayload, RunEnded, Sent, UnexpectedError
from awaitly.result import Err, Ok, Result
from awaitly.schema import validate
from awaitly.statuses import RunStatus, WaitKind
from awaitly.storage.journal import Content, Failed, Message, Raised, Returned, RunRecord
from awaitly.storage.records import message_key
from awaitly.values import frozen

__all__ = [
    "Kept",
    "Letter",
    "LetterRefusal",
    "again",
    "letter_home",
    "message_from",
    "payload",
    "received",
    "rejection",
]

LetterRefusal: TypeAlias = RunEnded | InvalidPayload | AlreadySent
"""Why a letter is not kept by a run that there is."""

_TICK = timedelta(microseconds=1)
_REASONS = Codec()


@frozen
class Letter:
    """Something for a run: what kind of wait it is for, under which name; `key` tells several of one name apart."""

    run_id: str
    kind: WaitKind
    name: str
    content: Content
    by: Actor | None = None
    key: str = ""

    @property
    def slot(self) -> str:
        """The key of the message that it becomes: there is one under each."""
        return message_key(self.kind, self.name, self.key)


@frozen
class Kept:
    """What a run was told before.

    `message` is in the letter's slot, if any is; `taken`: a call took it. `latest`: when the last of all came.
    """

    message: Message | None = None
    taken: bool = False
    latest: datetime | None = None


def payload(run_id: str, name: str, value: object) -> Result[Returned, InvalidPayload]:
    """Write a value that is to be sent: dicts, lists and None are JSON already, others go as the type that they are."""
    match written(value):
        case Ok(text):
            return Ok(Returned(text))
        case Err(unstorable):
            return Err(InvalidPayload(run_id, name, unstorable.path, unstorable.reason))


def rejection(run_id: str, name: str, reason: str | None) -> Result[Failed, InvalidPayload]:
    """Write why a promise will not be kept."""
    match _REASONS.encode(reason, str | None):
        case Ok(text):
            return Ok(Failed(text))
        case Err(unstorable):
            return Err(InvalidPayload(run_id, name, unstorable.path, unstorable.reason))


def letter_home(run: RunRecord) -> Letter:
    """Say what a child came to, as its parent hears it."""
    return Letter(run.parent or "", WaitKind.CHILD, run.run_id, _came_to(run))


def _came_to(run: RunRecord) -> Content:
    if isinstance(run.result, Returned | Failed | Raised):
        return run.result
    who = run.by.name if run.by else "nobody known"
    why = f": {run.reason}" if run.reason else ""
    return Raised(UnexpectedError("RunCancelled", f"run {run.run_id} was cancelled by {who}{why}"))


def received(letter: Letter, run: RunRecord, kept: Kept, now: datetime) -> Result[Message | Sent, LetterRefusal]:
    """Give the message that is to be kept, or `Sent` where it is kept already.

    The first in a slot stays, unless the run has looked at it and cannot read it.
    """
    before = kept.message
    if before is not None and not _is_free(before, run, taken=kept.taken):
        return again(letter, before)
    if run.status.ended:
        return Err(RunEnded(letter.run_id, run.status))
    misfit = _misfit(letter, run)
    return Ok(message_from(letter, run.workflow, kept, now, unread=_wakes(letter, run))) if misfit is None else misfit


def message_from(letter: Letter, workflow: str, kept: Kept, now: datetime, *, unread: bool) -> Message:
    """Give a letter as the message that is kept; it comes after all that came before, whatever the clock says."""
    return Message(
        run_id=letter.run_id,
        key=letter.slot,
        workflow=workflow,
        kind=letter.kind,
        name=letter.name,
        content=letter.content,
        sent_at=now if kept.latest is None else max(now, kept.latest + _TICK),
        by=letter.by,
        version=1 if kept.message is None else kept.message.version + 1,
        unread=unread,
    )


def _is_free(before: Message, run: RunRecord, *, taken: bool) -> bool:
    """Whether a slot may be filled again: what is in it counts no more, or the run waits on although it is there."""
    if before.void:
        return True
    if taken or run.status.ended:
        return False
    looked_at = run.status is RunStatus.PARKED and not before.unread and _awaited(before, run)
    return looked_at or isinstance(_misfit(before, run), Err)


def again(letter: Letter, kept: Message) -> Result[Message | Sent, LetterRefusal]:
    """Answer somebody whose letter's slot is filled."""
    if kept.content == letter.content:
        return Ok(Sent(letter.run_id, letter.name, replayed=True))
    who = None if kept.by is None else kept.by.name
    return Err(AlreadySent(letter.run_id, letter.name, kept.sent_at, who, letter.kind))


def _misfit(letter: Letter | Message, run: RunRecord) -> Err[InvalidPayload] | None:
    """Say what is wrong with something that the run waits for right now, where none of the waits can read it."""
    if not isinstance(letter.content, Returned) or letter.kind is WaitKind.CHILD:
        return None
    value, misfit = json.loads(letter.content.payload), None
    for schema in _schemas(letter, run):
        match validate(schema, value):
            case Ok(_):
                return None
            case Err(wrong):
                misfit = misfit or Err(InvalidPayload(letter.run_id, letter.name, wrong.path, wrong.reason))
    return misfit


def _schemas(letter: Letter | Message, run: RunRecord) -> Iterable[str]:
    return (w.schema for w in run.awaiting if (w.kind, w.name) == (letter.kind, letter.name) and w.schema)


def _wakes(letter: Letter, run: RunRecord) -> bool:
    """Whether somebody must look at the run: it parks right now, perhaps on this, or it is parked on it.

    A run that was not begun, or is to be tried again, or was set aside, reads all that it was told when its time comes.
    """
    return run.status is RunStatus.RUNNING or (run.status is RunStatus.PARKED and _awaited(letter, run))


def _awaited(letter: Letter | Message, run: RunRecord) -> bool:
    return any((wait.kind, wait.name) == (letter.kind, letter.name) for wait in run.awaiting)
