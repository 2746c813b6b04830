"""The mailbox of runs: what they are told from outside, checked, kept once, and taken up when they look."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TypeAlias

from attrs import frozen

from awaitly.actors import Actor
from awaitly.changing import changed
from awaitly.durations import from_micros
from awaitly.editing import written
from awaitly.errors import AlreadySent, DurabilityUnknown, InvalidPayload, RunEnded, Sent, UnknownRun
from awaitly.exceptions import CommitUnknown, RecordCorrupt
from awaitly.journal import Content, Message, Returned, RunRecord
from awaitly.looks import Looks
from awaitly.records import message_key, message_of, row_of_message, run_of
from awaitly.result import Err, Ok, Result
from awaitly.salvage import standing
from awaitly.schema import validate
from awaitly.statuses import RunStatus, WaitKind
from awaitly.store import Changes, Found, Hold, Move, RunRow, Store

__all__ = ["Letter", "Mailbox", "PostRefusal", "payload"]

PostRefusal: TypeAlias = UnknownRun | RunEnded | InvalidPayload | AlreadySent | DurabilityUnknown
"""Why something that was sent to a run was not kept."""


@frozen
class Letter:
    """Something for a run: what kind of wait it is for, under which name; `key` tells several of one name apart."""

    run_id: str
    kind: WaitKind
    name: str
    content: Content
    by: Actor | None = None
    key: str = ""


def payload(run_id: str, name: str, value: object) -> Result[Returned, InvalidPayload]:
    """Write a value that is to be sent: dicts, lists and None are JSON already, others go as the type that they are."""
    match written(value):
        case Ok(text):
            return Ok(Returned(text))
        case Err(unstorable):
            return Err(InvalidPayload(run_id, name, unstorable.path, unstorable.reason))


class Mailbox:
    """Takes letters for the runs of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def post(self, letter: Letter) -> Result[Sent, PostRefusal]:
        """Keep a letter for its run: load, check, commit, again where the run moved meanwhile.

        The first under a name and key stays, unless it came early and turned out to be none that the run can read. One
        with the same content again is `Ok` and changes nothing.
        """
        looks = Looks()
        try:
            while True:
                found = looks.again(await self._store.load(letter.run_id))
                answer = await self._tried(letter, found)
                if answer is not None:
                    return answer
        except CommitUnknown as exc:
            return Err(DurabilityUnknown(letter.run_id, str(exc)))

    async def _tried(self, letter: Letter, found: Found) -> Result[Sent, PostRefusal] | None:
        if found.run is None or found.run.status == RunStatus.SCHEDULED.value:
            return Err(UnknownRun(letter.run_id))
        key = message_key(letter.kind, letter.name, letter.key)
        run = _readable(found.run)
        before = next((message_of(row) for row in found.approvals if row.key == key), None)
        if before is not None and (run is None or _misfit(before, run) is None):
            return _again(letter, before)
        if standing(found.run).ended if run is None else run.status.ended:
            return Err(RunEnded(letter.run_id, standing(found.run) if run is None else run.status))
        if run is not None and (misfit := _misfit(letter, run)) is not None:
            return Err(misfit)
        message = _message(letter, found.run, found.now, 1 if before is None else before.version + 1)
        changes = _keeping(message, found.run, run)
        return Ok(Sent(letter.run_id, letter.name)) if isinstance(await self._store.commit(changes), Ok) else None


def _readable(row: RunRow) -> RunRecord | None:
    try:
        return run_of(row)
    except RecordCorrupt:
        return None


def _again(letter: Letter, kept: Message) -> Result[Sent, AlreadySent]:
    if kept.content == letter.content:
        return Ok(Sent(letter.run_id, letter.name, replayed=True))
    who = None if kept.by is None else kept.by.name
    return Err(AlreadySent(letter.run_id, letter.name, kept.sent_at, who, letter.kind))


def _misfit(letter: Letter | Message, run: RunRecord) -> InvalidPayload | None:
    """Say what is wrong with something that the run waits for right now, by the schema that it waits with."""
    if not isinstance(letter.content, Returned):
        return None
    for schema in _schemas(letter, run):
        match validate(schema, json.loads(letter.content.payload)):
            case Err(misfit):
                return InvalidPayload(letter.run_id, letter.name, misfit.path, misfit.reason)
            case Ok(_):
                continue
    return None


def _schemas(letter: Letter | Message, run: RunRecord) -> Iterable[str]:
    return (w.schema for w in run.awaiting if (w.kind, w.name) == (letter.kind, letter.name) and w.schema)


def _message(letter: Letter, row: RunRow, now: int, version: int) -> Message:
    return Message(
        run_id=letter.run_id,
        key=message_key(letter.kind, letter.name, letter.key),
        workflow=row.workflow,
        kind=letter.kind,
        name=letter.name,
        content=letter.content,
        sent_at=from_micros(now),
        by=letter.by,
        version=version,
    )


def _keeping(message: Message, row: RunRow, run: RunRecord | None) -> Changes:
    """Give the commit that keeps a message. One that a parked run does not wait for wakes nobody."""
    unread = run is None or run.status is not RunStatus.PARKED or _awaited(message, run)
    kept = changed(message, unread=unread)
    held = (Hold(row.run_id, row.version),)
    return Changes(move=Move.SIGNAL, holds=held, approvals=(row_of_message(kept),), wakes=unread)


def _awaited(message: Message, run: RunRecord) -> bool:
    return any((wait.kind, wait.name) == (message.kind, message.name) for wait in run.awaiting)
