"""Putting runs into a queue, for workers to begin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeAlias

from attrs import evolve

from awaitly.actors import By
from awaitly.durations import from_micros
from awaitly.errors import ConflictReason, NeedsReview, RunConflict, UnknownRun
from awaitly.exceptions import RecordCorrupt
from awaitly.ids import checked_name
from awaitly.replaying.execution import new_run
from awaitly.replaying.workflow import Invocation, checked_invocation
from awaitly.result import Err, Ok, Result
from awaitly.runs import moves
from awaitly.runs.running import RunRefusal
from awaitly.runs.salvage import listed
from awaitly.runs.saving import difference, is_due_soon, state_in
from awaitly.runs.witness import tell_enqueued
from awaitly.statuses import Priority, RunStatus
from awaitly.storage.asked import loaded
from awaitly.storage.journal import DEFAULT_QUEUE, Lease, RunRecord
from awaitly.storage.records import released, row_of_run
from awaitly.storage.store import Changes, Move, RunRow, Store, joined
from awaitly.values import frozen
from awaitly.verbs.messenger import Messenger
from awaitly.working.looks import Looks

__all__ = ["Enqueued", "Queueing", "RequeueRefusal", "id_taken"]

RequeueRefusal: TypeAlias = UnknownRun | RunRefusal
"""Why a run was not put back into its queue."""


@frozen
class Enqueued:
    """A run is in the store for a worker to begin. `replayed`: it was there before, and nothing has changed."""

    run_id: str
    replayed: bool = False


class Queueing(Messenger):
    """What puts runs into a queue."""

    async def enqueue(
        self,
        invocation: Invocation[Any, Any],
        *,
        run_id: str | None = None,
        requested_by: By | None = None,
        at: datetime | None = None,
        queue: str = DEFAULT_QUEUE,
        priority: Priority = Priority.NORMAL,
        connection: object | None = None,
    ) -> Result[Enqueued, RunConflict]:
        """Have a worker of the `queue` run a workflow, at a time or as soon as one is free. Nothing runs here.

        The same id with the same arguments is `Ok` with `replayed=True`, wherever that run stands by now; with others
        it is `RunConflict`. With `connection`, it is in the queue once the caller's own transaction on it is committed
        (`Joining`). Raises `ValueError` where `at` has no time zone.
        """
        checked_invocation("enqueue", invocation)
        checked_name("a queue's name", queue)
        if at is not None and at.tzinfo is None:
            msg = f"a time must say its zone: {at.isoformat()} is naive"
            raise ValueError(msg)
        store = self._store if connection is None else joined(self._store, connection)
        now = from_micros(await store.now())
        run = new_run(invocation, run_id, requested_by, now, _NOBODYS)
        run = evolve(run, due_at=now if at is None else at, queue=queue, priority=priority, **_QUEUED)
        inserted = await _inserted(store, run)
        if isinstance(inserted, Ok) and not inserted.unwrap().replayed:
            tell_enqueued(self._observers, run)
        return inserted

    async def requeue(self, run_id: str) -> Result[Enqueued, RequeueRefusal]:
        """Put a run that failed, or that was set aside, back into its queue, for a worker to try again as `retry` does.

        None of its code is needed here. One whose records still do not decode is `NeedsReview`.
        """
        looks = Looks()
        while True:
            found = looks.again(await loaded(self._store, run_id))
            if found.run is None:
                return Err(UnknownRun(run_id))
            try:
                state = state_in(found, released(found.run))
            except RecordCorrupt as exc:
                return Err(NeedsReview(run_id, str(exc)))
            match moves.retry(state, from_micros(found.now)):
                case Err(refusal):
                    return Err(refusal)
                case Ok(moved):
                    changes, after = difference(Move.RETRY, state, moved.state, moved.facts)
            if isinstance(await self._store.commit(changes), Ok):
                tell_enqueued(self._observers, after.run)
                return Ok(Enqueued(run_id))


_NOBODYS = Lease("", datetime.max.replace(tzinfo=UTC))
_QUEUED: dict[str, Any] = {"status": RunStatus.QUEUED, "lease": None, "begun": False}


async def _inserted(store: Store, run: RunRecord) -> Result[Enqueued, RunConflict]:
    queued = Changes(move=Move.ENQUEUE, runs=(row_of_run(run),), wakes=is_due_soon(run))
    if isinstance(await store.commit(queued), Ok):
        return Ok(Enqueued(run.run_id))
    there = (await store.load(run.run_id)).run
    if there is None:
        return Err(_taken(run.run_id, run.workflow))
    taken = id_taken(there, run.digest)
    return Ok(Enqueued(run.run_id, replayed=True)) if taken is None else Err(taken)


def id_taken(there: RunRow, digest: str) -> RunConflict | None:
    """Say that an id belongs to another start, where it does; one that does not decode may be this very one."""
    return None if listed(there).digest in ("", digest) else _taken(there.run_id, there.workflow)


def _taken(run_id: str, workflow: str) -> RunConflict:
    other = f"the id belongs to a start of {workflow!r} with other arguments; choose another id"
    return RunConflict(run_id, ConflictReason.ID_TAKEN, other)
