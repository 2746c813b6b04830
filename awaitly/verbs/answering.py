"""Taking decisions: the verbs by which people answer what runs ask, with none of their code at hand."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from awaitly.actors import By, as_actor
from awaitly.approvals.approval import Decision
from awaitly.approvals.events import Approve, Reject, Shown
from awaitly.errors import Refusal, RunCancelled
from awaitly.observing import Observers
from awaitly.replaying.execution import Execution
from awaitly.replaying.workflow import Workflow
from awaitly.result import Result
from awaitly.runs.picking import always, editing
from awaitly.runs.standing import NO_RULES, Rules, Standings
from awaitly.storage.store import Store, joined
from awaitly.verbs.desk import CancelRefusal, Desk
from awaitly.verbs.scheduling import Scheduling
from awaitly.working.executor import Executor

__all__ = ["Answering"]

T = TypeVar("T")
E = TypeVar("E")


class Answering(Scheduling):
    """Takes decisions on runs; `executor` goes on with a run where that is wanted in the same call."""

    def __init__(self, store: Store, observers: Observers, executor: Executor, rules: Rules = NO_RULES) -> None:
        super().__init__(store, observers)
        self._executor = executor
        self._standings = Standings(store, rules)
        self._desk = Desk(store, executor, self._standings)

    @overload
    async def approve(
        self,
        run_id: str,
        key: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: None = None,
        connection: object | None = None,
    ) -> Result[Decision, Refusal]: ...
    @overload
    async def approve(
        self,
        run_id: str,
        key: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., T, E],
        connection: object | None = None,
    ) -> Result[Execution[T, E], Refusal]: ...
    async def approve(
        self,
        run_id: str,
        key: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., Any, Any] | None = None,
        connection: object | None = None,
    ) -> Result[Any, Refusal]:
        """Vote yes. `key` may be left out where only one approval waits.

        `revision` and `digest` say what was seen; a decision on anything else is `StaleRevision`. With `resume` (the
        run's workflow) the run goes on at once, here, and the result is its `Execution`: the decision and the claim of
        the run are then one commit. With `connection`, the decision stands once the
        caller's own transaction on it is committed, where the store can join one (`Joining`).
        """
        event = Approve(as_actor(by), Shown(revision=revision, digest=digest))
        return await self._at(connection).decide(run_id, key, always(event), resume)

    @overload
    async def reject(
        self,
        run_id: str,
        key: str | None = None,
        reason: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: None = None,
        connection: object | None = None,
    ) -> Result[Decision, Refusal]: ...
    @overload
    async def reject(
        self,
        run_id: str,
        key: str | None = None,
        reason: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., T, E],
        connection: object | None = None,
    ) -> Result[Execution[T, E], Refusal]: ...
    async def reject(
        self,
        run_id: str,
        key: str | None = None,
        reason: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., Any, Any] | None = None,
        connection: object | None = None,
    ) -> Result[Any, Refusal]:
        """Vote no. `key` may be left out where only one approval waits; the rest is as in `approve`."""
        event = Reject(as_actor(by), reason, Shown(revision=revision, digest=digest))
        return await self._at(connection).decide(run_id, key, always(event), resume)

    @overload
    async def edit(
        self,
        run_id: str,
        key: str | None,
        value: object,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: None = None,
        connection: object | None = None,
    ) -> Result[Decision, Refusal]: ...
    @overload
    async def edit(
        self,
        run_id: str,
        key: str | None,
        value: object,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., T, E],
        connection: object | None = None,
    ) -> Result[Execution[T, E], Refusal]: ...
    async def edit(
        self,
        run_id: str,
        key: str | None,
        value: object,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., Any, Any] | None = None,
        connection: object | None = None,
    ) -> Result[Any, Refusal]:
        """Change what is proposed; where one approval suffices, that decides. `InvalidEdit` changes nothing.

        The rest is as in `approve`.
        """
        shown = Shown(revision=revision, digest=digest)
        return await self._at(connection).decide(
            run_id, key, editing(value, as_actor(by), shown, self._executor.reader_of), resume
        )

    async def cancel(
        self, run_id: str, key: str | None = None, reason: str | None = None, *, by: By
    ) -> Result[RunCancelled, CancelRefusal]:
        """End a run from outside, and withdraw what it asks. `key` may name the question that prompts it.

        Only whoever requested the run, or an actor with the role `admin`, may do this where a requester is known.
        """
        return await self._desk.cancel(run_id, key, reason, as_actor(by))

    def _at(self, connection: object | None) -> Desk:
        """Give the desk that writes by the caller's connection, where there is one."""
        if connection is None:
            return self._desk
        store = joined(self._store, connection)
        return Desk(store, self._executor.on(store), self._standings)
