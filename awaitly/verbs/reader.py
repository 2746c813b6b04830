"""Looking at runs and approvals, and clearing away old ones: nothing here runs or decides anything."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import evolve

from awaitly.approvals.approval import Approval
from awaitly.approvals.audit import BrokenChain, Entry, Head, Part, said, verify, without
from awaitly.durations import Duration, as_timedelta, from_micros
from awaitly.errors import NeedsReview, PendingApproval, UnknownApproval, UnknownRun
from awaitly.exceptions import RecordCorrupt
from awaitly.result import Err, Ok, Result
from awaitly.runs.salvage import listed, salvaged
from awaitly.runs.saving import approvals_in
from awaitly.runs.watching import watching
from awaitly.statuses import RunStatus
from awaitly.storage.asked import approvals_of, entries_of, listed_approvals, listed_runs, loaded
from awaitly.storage.journal import Message, RunRecord, Step, Wait
from awaitly.storage.records import approval_of
from awaitly.storage.store import (
    NEVER,
    ApprovalQuery,
    ApprovalRow,
    Changes,
    Found,
    Hold,
    Move,
    Page,
    RunQuery,
    RunRow,
    Store,
    Wakes,
)
from awaitly.values import frozen
from awaitly.verbs.progress import Progress, progress_of

__all__ = ["Archive", "History", "Reader", "RunDetails", "still_awaited"]


@frozen
class RunDetails:
    """A run and its approvals as they stand, the decided ones with original, edited value and actors.

    `messages` are what it was told from outside. `damage` has a sentence for each record that does not decode; those
    are left out.
    """

    run: RunRecord
    approvals: tuple[Approval, ...]
    at: datetime
    damage: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()

    @property
    def pending(self) -> tuple[PendingApproval, ...]:
        """What waited for a decision at the time of the look: what is past its deadline did not."""
        return tuple(a.view() for a in self.approvals if a.pending and (a.deadline is None or self.at < a.deadline))

    @property
    def awaiting(self) -> tuple[Wait, ...]:
        """What other than a decision it waited for at the time of the look: what had come, or was over, it did not."""
        return still_awaited(self.run, self.messages, self.at)


@frozen
class History:
    """All that happened in a run: its record, its steps, approvals and messages in order, and its ledger.

    `damage` has a sentence for each record that does not decode; those are left out.
    """

    run: RunRecord
    steps: tuple[Step, ...]
    approvals: tuple[Approval, ...]
    entries: tuple[Entry, ...]
    damage: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()


def still_awaited(run: RunRecord, messages: Iterable[Message], at: datetime) -> tuple[Wait, ...]:
    """Give what other than a decision a parked run waits for at a time: nothing that has come by then, or is over."""
    if run.status is not RunStatus.PARKED or not run.awaiting:
        return ()
    come = {(message.kind, message.name) for message in messages if message.unread}
    return tuple(w for w in run.awaiting if (w.until is None or at < w.until) and (w.kind, w.name) not in come)


Archive: TypeAlias = Callable[[History], Awaitable[None] | None]
"""Takes the history of a run that is about to be deleted; what it raises keeps the run."""


class Reader:
    """What can be asked of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def now(self) -> datetime:
        """Read the store's clock, by which deadlines are judged."""
        return from_micros(await self._store.now())

    def watching(self) -> AbstractAsyncContextManager[Wakes]:
        """Hear that runs have moved: inside `async with`, `next(timeout)` names some, or none where one is to look.

        These are hints, and not every change is told: whoever shows how things stand looks again now and then besides.
        What came before the entering is not told.
        """
        return watching(self._store)

    async def status(self, run_id: str) -> Result[RunDetails, UnknownRun]:
        """Give a run and its approvals as they stand, without running anything."""
        found = await loaded(self._store, run_id)
        if found.run is None:
            return Err(UnknownRun(run_id))
        read = salvaged(evolve(found, steps=()), found.run)
        return Ok(RunDetails(read.run, read.approvals, from_micros(found.now), read.damage, read.messages))

    async def history(self, run_id: str) -> Result[History, UnknownRun]:
        """Give all that happened in a run."""
        found = await loaded(self._store, run_id)
        if found.run is None:
            return Err(UnknownRun(run_id))
        return Ok(await self._history(found, found.run))

    async def _history(self, found: Found, row: RunRow) -> History:
        read = salvaged(found, row)
        entries = await self._store.entries(row.run_id)
        return History(read.run, read.steps, read.approvals, entries, read.damage, read.messages)

    async def progress(self, run_id: str, chain: str) -> Result[Progress, UnknownApproval | NeedsReview]:
        """Tell which stages of a chain are completed, which one waits and for whom, which remain or are left out."""
        found = await approvals_of(self._store, run_id)
        try:
            approvals = approvals_in(found)
        except RecordCorrupt as exc:
            return Err(NeedsReview(run_id, str(exc)))
        progress = progress_of(run_id, chain, approvals)
        chains = tuple(dict.fromkeys(a.stage.chain for a in approvals if a.stage is not None))
        return Err(UnknownApproval(run_id, chain, chains)) if progress is None else Ok(progress)

    async def ledger(self, run_id: str) -> tuple[Entry, ...]:
        """Read a run's ledger, in order; `said(entry)` tells what an entry says, `verify` checks the chain."""
        return await entries_of(self._store, run_id)

    async def redact(
        self, run_id: str, *, parts: Collection[Part] = (Part.TEXT,), key: str | None = None
    ) -> Result[int, BrokenChain]:
        """Take texts, or people, out of a run's ledger for good; gives how many entries have changed.

        The chain still verifies, and says where something was taken out. `key` names the approval whose entries are
        meant. What stands in the approvals themselves goes with `cleanup`. Refused where the chain is broken.
        """
        entries = await entries_of(self._store, run_id)
        match verify(run_id, entries):
            case Err(broken):
                return Err(broken)
            case Ok(_):
                pass
        meant = [entry for entry in entries if key is None or said(entry)["key"] == key]
        redacted = tuple(new for entry in meant if (new := without(entry, parts)) is not entry)
        if redacted:
            await self._store.commit(Changes(move=Move.REDACT, redacted=redacted))
        return Ok(len(redacted))

    async def verify(self, run_id: str, exported: Head | None = None) -> Result[Head, BrokenChain]:
        """Check a run's ledger, against a head that was exported before where one is given."""
        return verify(run_id, await entries_of(self._store, run_id), exported)

    async def pending(
        self,
        *,
        run_id: str | None = None,
        prefix: str | None = None,
        workflow: str | None = None,
        older_than: Duration | None = None,
        due_within: Duration | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[PendingApproval]:
        """List what waits for a decision, the oldest first; what is past its deadline is no longer listed.

        `prefix` is one of run ids. `older_than` leaves out what was asked since; `due_within` what has longer, or no
        deadline. `after` is the `after` of the page before.
        """
        now = await self._store.now()
        query = ApprovalQuery(
            run_id=run_id,
            prefix=prefix,
            workflow=workflow,
            alive_at=now,
            asked_before=None if older_than is None else now - _micros(older_than),
            deadline_before=None if due_within is None else min(now + _micros(due_within), NEVER),
            limit=limit,
            after=after,
        )
        page = await listed_approvals(self._store, query)
        return Page(tuple(map(_view, page.items)), page.after)

    async def runs(
        self,
        *,
        prefix: str | None = None,
        workflow: str | None = None,
        statuses: Iterable[RunStatus] | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[RunRecord]:
        """List runs, the newest first. `prefix` is one of run ids; `after` is the `after` of the page before."""
        names = tuple(status.value for status in (RunStatus if statuses is None else statuses))
        query = RunQuery(prefix=prefix, workflow=workflow, statuses=names, limit=limit, after=after)
        page = await listed_runs(self._store, query)
        return Page(tuple(map(listed, page.items)), page.after)

    async def cleanup(self, *, older_than: Duration, archive: Archive | None = None, batch: int = 1_000) -> int:
        """Delete runs that ended longer ago than that, with all that belongs to them; gives how many.

        `archive` is called with the history of each before it is deleted. What it raises goes on to the caller: that
        run stays, and those before it are gone. A run whose deletion fails is archived again the next time; one with
        damaged records stays, for what does not decode could not be archived. `batch` runs are listed at once; runs
        that wait are not looked at, nor those of whose end their parent is still to hear.
        """
        before = await self._store.now() - _micros(older_than)
        ended = tuple(status.value for status in RunStatus if status.ended)
        deleted = 0
        after: str | None = None
        while True:
            query = RunQuery(statuses=ended, updated_before=before, limit=batch, after=after)
            page = await self._store.page_runs(query)
            for row in page.items:
                if row.due_at is not None:  # others are to be told of its end
                    continue
                if archive is None or await self._archived(row, archive):
                    deleted += await self._forgotten(row)
            if page.after is None:
                return deleted
            after = page.after

    async def _archived(self, row: RunRow, archive: Archive) -> bool:
        """Hand a run's history over; False where it moved since it was listed, or not all of it can be read."""
        found = await self._store.load(row.run_id)
        if found.run is None or found.run.version != row.version:
            return False
        history = await self._history(found, found.run)
        if history.damage:
            return False
        keeping = archive(history)
        if inspect.isawaitable(keeping):
            await keeping
        return True

    async def _forgotten(self, row: RunRow) -> bool:
        """Delete a run, unless it has moved since it was listed."""
        forgotten = (Hold(row.run_id, row.version),)
        return isinstance(await self._store.commit(Changes(move=Move.CLEANUP, forgotten=forgotten)), Ok)


def _micros(length: Duration) -> int:
    """Give a length of time in microseconds, which is at most what a store can compare."""
    return min(as_timedelta(length) // timedelta(microseconds=1), NEVER)


def _view(row: ApprovalRow) -> PendingApproval:
    """Show a row, also one that does not decode: a listing leaves nothing out."""
    try:
        return approval_of(row).view()
    except RecordCorrupt as exc:
        asked = from_micros(row.asked_at)
        return PendingApproval(row.run_id, row.key, str(exc), row.workflow, None, 0, "", asked)
