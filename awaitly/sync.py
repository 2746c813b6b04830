"""The same without `await`: an orchestrator for plain code, over one loop thread that lives as long as it does."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar, overload

from awaitly.actors import By
from awaitly.approvals.approval import Decision
from awaitly.approvals.audit import BrokenChain, Head
from awaitly.approvals.grants import Rule
from awaitly.attended import Attended
from awaitly.durations import Duration
from awaitly.errors import (
    PendingApproval,
    PromiseRefusal,
    Refusal,
    RunCancelled,
    RunConflict,
    Sent,
    SignalRefusal,
    UnknownRun,
    UnknownSchedule,
)
from awaitly.notifying.channels import NotificationChannel
from awaitly.observing import Observer
from awaitly.replaying.execution import Execution
from awaitly.replaying.host import INLINE
from awaitly.replaying.workflow import Invocation, Workflow
from awaitly.result import Result
from awaitly.runs.settling import Settlement
from awaitly.statuses import Priority, RunStatus
from awaitly.storage.journal import DEFAULT_QUEUE, RunRecord
from awaitly.storage.store import Page, Store
from awaitly.verbs import orchestrator
from awaitly.verbs.desk import CancelRefusal
from awaitly.verbs.doctor import Diagnosis
from awaitly.verbs.queueing import Enqueued, RequeueRefusal
from awaitly.verbs.reader import Archive, History, RunDetails
from awaitly.verbs.scheduling import Scheduled
from awaitly.verbs.settling import SettleRefusal
from awaitly.working.dispatch import Dispatcher
from awaitly.working.worker import CONCURRENCY, GRACE, Worker

__all__ = ["Orchestrator"]

T = TypeVar("T")
E = TypeVar("E")


class Orchestrator(Attended):
    """`awaitly.Orchestrator` for plain code: the same verbs, the same values. Use it as `with Orchestrator(...)`.

    It may be used from several threads. Workflows are still `async def`; their steps may be plain functions.
    """

    def __init__(
        self,
        store: Store,
        *,
        workflows: Iterable[Workflow[..., Any, Any]] = (),
        lease: Duration = "30s",
        inline: Duration = INLINE,
        observers: Iterable[Observer] = (),
        dispatcher: Dispatcher | None = None,
        rules: Iterable[Rule] = (),
        channels: Iterable[NotificationChannel] = (),
    ) -> None:
        options: dict[str, Any] = {"observers": observers, "dispatcher": dispatcher, "rules": rules}
        options["channels"] = channels
        super().__init__(orchestrator.Orchestrator(store, workflows=workflows, lease=lease, inline=inline, **options))

    @property
    def workflows(self) -> Mapping[str, Workflow[..., Any, Any]]:
        """The workflows that this orchestrator was given, by name."""
        return self._inner.workflows

    def call(self, verb: Callable[[orchestrator.Orchestrator], Coroutine[Any, Any, T]]) -> T:
        """Have the asynchronous orchestrator inside do something, on its own loop, and wait for it.

        For adapters that are written for it: `orchestrator.call(lambda inner: inner.now())`.
        """
        return self._run(verb(self._inner))

    def start(
        self,
        invocation: Invocation[T, E],
        *,
        run_id: str | None = None,
        requested_by: By | None = None,
        queue: str = DEFAULT_QUEUE,
    ) -> Execution[T, E]:
        """Run a workflow here and now, until it ends or parks."""
        return self._run(self._inner.start(invocation, run_id=run_id, requested_by=requested_by, queue=queue))

    def start_new(
        self, invocation: Invocation[T, E], run_id: str, *, requested_by: By | None = None, queue: str = DEFAULT_QUEUE
    ) -> Execution[T, E] | None:
        """Run a workflow here and now as `start` does; None where its id is taken, and that run is left alone."""
        return self._run(self._inner.start_new(invocation, run_id, requested_by=requested_by, queue=queue))

    def enqueue(
        self,
        invocation: Invocation[Any, Any],
        *,
        run_id: str | None = None,
        requested_by: By | None = None,
        at: datetime | None = None,
        queue: str = DEFAULT_QUEUE,
        priority: Priority = Priority.NORMAL,
    ) -> Result[Enqueued, RunConflict]:
        """Have a worker of the `queue` run a workflow, at a time or as soon as one is free. Nothing runs here."""
        return self._run(
            self._inner.enqueue(
                invocation, run_id=run_id, requested_by=requested_by, at=at, queue=queue, priority=priority
            )
        )

    @overload
    def resume(self, run_id: str) -> Execution[Any, Any]: ...
    @overload
    def resume(self, run_id: str, workflow: Workflow[..., T, E]) -> Execution[T, E | UnknownRun]: ...
    def resume(self, run_id: str, workflow: Workflow[..., Any, Any] | None = None) -> Execution[Any, Any]:
        """Go on with a run that was decided or told, or that lost its process; one that still waits says so again."""
        return self._run(self._inner.resume(run_id) if workflow is None else self._inner.resume(run_id, workflow))

    @overload
    def retry(self, run_id: str) -> Execution[Any, Any]: ...
    @overload
    def retry(self, run_id: str, workflow: Workflow[..., T, E]) -> Execution[T, E | UnknownRun]: ...
    def retry(self, run_id: str, workflow: Workflow[..., Any, Any] | None = None) -> Execution[Any, Any]:
        """Try a run again that failed or was set aside."""
        return self._run(self._inner.retry(run_id) if workflow is None else self._inner.retry(run_id, workflow))

    def fork(self, run_id: str, *, before: str, new_id: str | None = None) -> Execution[Any, Any]:
        """Start a new run with the steps of another that were recorded before a step or approval."""
        return self._run(self._inner.fork(run_id, before=before, new_id=new_id))

    def requeue(self, run_id: str) -> Result[Enqueued, RequeueRefusal]:
        """Put a run that failed, or that was set aside, back into its queue, for a worker to go on with."""
        return self._run(self._inner.requeue(run_id))

    def settle(
        self, run_id: str, settlement: Settlement, *, key: str | None = None, by: By
    ) -> Result[RunRecord, SettleRefusal]:
        """Say what came of a call that may run at most once, and whose process died in its midst."""
        return self._run(self._inner.settle(run_id, settlement, key=key, by=by))

    def doctor(
        self, *, workflow: str | None = None, since: Duration | None = None, grace: Duration = "1m"
    ) -> tuple[Diagnosis, ...]:
        """Replay every run that is to go on, dry, and say how it gets on with today's code."""

        async def looked() -> tuple[Diagnosis, ...]:
            return tuple([each async for each in self._inner.doctor(workflow=workflow, since=since, grace=grace)])

        return self._run(looked())

    def recover(self) -> tuple[Execution[Any, Any], ...]:
        """Go on with every run that is due."""
        return self._run(self._inner.recover())

    @contextmanager
    def working(
        self,
        *,
        concurrency: int = CONCURRENCY,
        queues: Iterable[str] = (DEFAULT_QUEUE,),
        grace: Duration = GRACE,
    ) -> Generator[Worker]:
        """Let a worker go on with whatever is due, on the orchestrator's own thread, until this is left."""
        worker = self._inner.working(concurrency=concurrency, queues=queues, grace=grace)
        self._run(worker.__aenter__())
        try:
            yield worker
        finally:
            self._run(worker.__aexit__(None, None, None))

    def work(
        self,
        *,
        once: bool = False,
        idle_exit: Duration | None = None,
        concurrency: int = CONCURRENCY,
        queues: Iterable[str] = (DEFAULT_QUEUE,),
        grace: Duration = GRACE,
    ) -> None:
        """Be a worker: until nothing is due (`once`), until nothing was for so long (`idle_exit`), or for ever."""
        self._run(self._inner.work(once=once, idle_exit=idle_exit, concurrency=concurrency, queues=queues, grace=grace))

    def wait(
        self, run_id: str, workflow: Workflow[..., Any, Any] | None = None, *, timeout: Duration | None = None
    ) -> Execution[Any, Any]:
        """Wait until a run has ended; at the `timeout`, give it as it then stands."""
        return self._run(self._inner.wait(run_id, workflow, timeout=timeout))

    @overload
    def approve(
        self,
        run_id: str,
        key: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: None = None,
    ) -> Result[Decision, Refusal]: ...
    @overload
    def approve(
        self,
        run_id: str,
        key: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., T, E],
    ) -> Result[Execution[T, E], Refusal]: ...
    def approve(
        self,
        run_id: str,
        key: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., Any, Any] | None = None,
    ) -> Result[Any, Refusal]:
        """Vote yes; with `resume`, let the run go on at once and give its `Execution`."""
        verb: Any = self._inner.approve
        done: Result[Any, Refusal] = self._run(
            verb(run_id, key, by=by, revision=revision, digest=digest, resume=resume)
        )
        return done

    @overload
    def reject(
        self,
        run_id: str,
        key: str | None = None,
        reason: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: None = None,
    ) -> Result[Decision, Refusal]: ...
    @overload
    def reject(
        self,
        run_id: str,
        key: str | None = None,
        reason: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., T, E],
    ) -> Result[Execution[T, E], Refusal]: ...
    def reject(
        self,
        run_id: str,
        key: str | None = None,
        reason: str | None = None,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., Any, Any] | None = None,
    ) -> Result[Any, Refusal]:
        """Vote no; `resume` is as in `approve`."""
        verb: Any = self._inner.reject
        done: Result[Any, Refusal] = self._run(
            verb(run_id, key, reason, by=by, revision=revision, digest=digest, resume=resume)
        )
        return done

    @overload
    def edit(
        self,
        run_id: str,
        key: str | None,
        value: object,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: None = None,
    ) -> Result[Decision, Refusal]: ...
    @overload
    def edit(
        self,
        run_id: str,
        key: str | None,
        value: object,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., T, E],
    ) -> Result[Execution[T, E], Refusal]: ...
    def edit(
        self,
        run_id: str,
        key: str | None,
        value: object,
        *,
        by: By,
        revision: int | None = None,
        digest: str | None = None,
        resume: Workflow[..., Any, Any] | None = None,
    ) -> Result[Any, Refusal]:
        """Change what is proposed; `resume` is as in `approve`."""
        verb: Any = self._inner.edit
        done: Result[Any, Refusal] = self._run(
            verb(run_id, key, value, by=by, revision=revision, digest=digest, resume=resume)
        )
        return done

    def signal(
        self, run_id: str, name: str, value: object = None, *, key: str = "", by: By | None = None
    ) -> Result[Sent, SignalRefusal]:
        """Tell a run something for which it waits, or will wait, with `run.wait_for(name, ...)`."""
        return self._run(self._inner.signal(run_id, name, value, key=key, by=by))

    def resolve(self, promise_id: str, value: object = None, *, by: By | None = None) -> Result[Sent, PromiseRefusal]:
        """Keep a promise of a run; the first that resolves or rejects it wins."""
        return self._run(self._inner.resolve(promise_id, value, by=by))

    def reject_promise(
        self, promise_id: str, reason: str | None = None, *, by: By | None = None
    ) -> Result[Sent, PromiseRefusal]:
        """Say that a promise will not be kept."""
        return self._run(self._inner.reject_promise(promise_id, reason, by=by))

    def cancel(
        self, run_id: str, key: str | None = None, reason: str | None = None, *, by: By
    ) -> Result[RunCancelled, CancelRefusal]:
        """End a run from outside, and withdraw what it asks."""
        return self._run(self._inner.cancel(run_id, key, reason, by=by))

    def status(self, run_id: str) -> Result[RunDetails, UnknownRun]:
        """Give a run and its approvals as they stand."""
        return self._run(self._inner.status(run_id))

    def history(self, run_id: str) -> Result[History, UnknownRun]:
        """Give all that happened in a run."""
        return self._run(self._inner.history(run_id))

    def verify(self, run_id: str, exported: Head | None = None) -> Result[Head, BrokenChain]:
        """Check a run's ledger."""
        return self._run(self._inner.verify(run_id, exported))

    def pending(
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
        """List what waits for a decision, the oldest first."""
        return self._run(
            self._inner.pending(
                run_id=run_id,
                prefix=prefix,
                workflow=workflow,
                older_than=older_than,
                due_within=due_within,
                limit=limit,
                after=after,
            )
        )

    def runs(
        self,
        *,
        prefix: str | None = None,
        workflow: str | None = None,
        statuses: Iterable[RunStatus] | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[RunRecord]:
        """List runs, the newest first."""
        return self._run(
            self._inner.runs(prefix=prefix, workflow=workflow, statuses=statuses, limit=limit, after=after)
        )

    def cleanup(self, *, older_than: Duration, archive: Archive | None = None, batch: int = 1_000) -> int:
        """Delete runs that ended longer ago than that; `archive` is called on the orchestrator's own thread."""
        return self._run(self._inner.cleanup(older_than=older_than, archive=archive, batch=batch))

    def schedule(
        self,
        name: str,
        cron: str,
        invocation: Invocation[Any, Any],
        *,
        timezone: str = "UTC",
        requested_by: By | None = None,
        queue: str = DEFAULT_QUEUE,
        priority: Priority = Priority.NORMAL,
    ) -> Scheduled:
        """Have a worker run a workflow at each tick of `cron`, by the clocks of `timezone`."""
        options: dict[str, Any] = {"requested_by": requested_by, "queue": queue, "priority": priority}
        return self._run(self._inner.schedule(name, cron, invocation, timezone=timezone, **options))

    def unschedule(self, name: str, *, by: By | None = None) -> Result[Scheduled, UnknownSchedule]:
        """End a schedule, and give it as it was."""
        return self._run(self._inner.unschedule(name, by=by))

    def schedules(self) -> tuple[Scheduled, ...]:
        """List all schedules, by name."""
        return self._run(self._inner.schedules())
