"""The mailbox of runs in a store: what they are told from outside, kept once, and taken up when they look."""

from __future__ import annotations

from attrs import evolve

from awaitly.durations import from_micros
from awaitly.errors import DurabilityUnknown, RunEnded, Sent, SignalRefusal, UnknownRun
from awaitly.exceptions import CommitUnknown, RecordCorrupt
from awaitly.observing import NOBODY, Observers, RunSignalled
from awaitly.result import Err, Ok, Result
from awaitly.runs.letters import Kept, Letter, LetterRefusal, again, message_from, received
from awaitly.runs.salvage import standing
from awaitly.statuses import RunStatus
from awaitly.storage.asked import loaded
from awaitly.storage.journal import Arrived, Message, RunRecord
from awaitly.storage.records import is_message, message_of, row_of_message, run_of, step_of
from awaitly.storage.store import Changes, Found, Hold, Move, RunRow, Store
from awaitly.working.looks import Looks

__all__ = ["Mailbox", "keeping"]


class Mailbox:
    """Takes letters for the runs of a store."""

    def __init__(self, store: Store, observers: Observers = NOBODY) -> None:
        self._store = store
        self._observers = observers

    async def post(self, letter: Letter) -> Result[Sent, SignalRefusal]:
        """Keep a letter for its run: load, check, commit, again where the run moved meanwhile.

        The first under a name and key stays, unless it turned out to be none that the run can read. One with the same
        content again is `Ok` and changes nothing.
        """
        looks = Looks()
        try:
            while True:
                found = looks.again(await loaded(self._store, letter.run_id))
                answer = await self._tried(letter, found)
                if answer is not None:
                    return answer
        except CommitUnknown as exc:
            return Err(DurabilityUnknown(letter.run_id, str(exc)))

    async def _tried(self, letter: Letter, found: Found) -> Result[Sent, SignalRefusal] | None:
        if found.run is None or found.run.status == RunStatus.SCHEDULED.value:
            return Err(UnknownRun(letter.run_id))
        match _read(letter, found, found.run):
            case Err(refusal):
                return Err(refusal)
            case Ok(kept):
                pass
        if isinstance(kept, Sent):
            return Ok(kept)
        if isinstance(await self._store.commit(keeping(found.run, kept)), Err):
            return None
        self._tell(kept)
        return Ok(Sent(letter.run_id, letter.name))

    def _tell(self, message: Message) -> None:
        if self._observers:
            by = None if message.by is None else message.by.name
            told = RunSignalled(
                run_id=message.run_id, workflow=message.workflow, kind=message.kind, name=message.name, by=by
            )
            self._observers.tell(told)


def _read(letter: Letter, found: Found, row: RunRow) -> Result[Message | Sent, LetterRefusal]:
    kept, now = _kept(letter, found), from_micros(found.now)
    try:
        run: RunRecord = run_of(row)
    except RecordCorrupt:
        if standing(row).ended:
            return Err(RunEnded(letter.run_id, standing(row)))
        if kept.message is not None:
            return again(letter, kept.message)
        return Ok(message_from(letter, row.workflow, kept, now, unread=True))
    return received(letter, run, kept, now)


def _kept(letter: Letter, found: Found) -> Kept:
    """Give what the run was told before. The steps are only read where the letter's slot is filled."""
    latest = max((from_micros(row.asked_at) for row in found.approvals if is_message(row)), default=None)
    message = next((message_of(row) for row in found.approvals if row.key == letter.slot), None)
    if message is None:
        return Kept(latest=latest)
    recorded = (step_of(row).recorded for row in found.steps)
    taken = any(isinstance(each, Arrived) and each.message == letter.slot for each in recorded)
    return Kept(message, taken, latest)


def keeping(row: RunRow, *messages: Message) -> Changes:
    """Give the commit that keeps messages of a run which stands as it does; those that are unread wake it.

    Messages that wake nobody move the run a version on: whoever is about to take it without them looks again.
    """
    rows = tuple(map(row_of_message, messages))
    if any(message.unread for message in messages):
        return Changes(move=Move.SIGNAL, holds=(Hold(row.run_id, row.version),), approvals=rows, wakes=True)
    return Changes(move=Move.SIGNAL, runs=(evolve(row, version=row.version + 1),), approvals=rows)
