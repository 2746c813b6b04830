"""Waiting for what is not a person: a time, a signal, a promise, another run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Generic, TypeAlias, TypeVar

from awaitly.changing import changed
from awaitly.codec import ResultHint
from awaitly.digest import digest
from awaitly.durations import Duration, as_span
from awaitly.errors import PromiseRejected, TimedOut, UnexpectedError
from awaitly.ids import LONGEST_NAME, checked_name, checked_run_id
from awaitly.replaying.calling import Attempts, Body, result_of
from awaitly.replaying.line import FORGOING, RACING, Line, park
from awaitly.replaying.promises import Promise, promise_id
from awaitly.replaying.questions import schema_text
from awaitly.replaying.replay import Scope, Spot
from awaitly.replaying.signals import Doubted, Forgone, Parked, Signal
from awaitly.replaying.workflow import Invocation, checked_invocation
from awaitly.result import Err, Ok, Result
from awaitly.runs.letters import letter_home
from awaitly.statuses import Priority, RunStatus, WaitKind
from awaitly.storage.journal import Arrived, Content, Elapsed, Failed, Message, Returned, RunRecord, Step, Wait
from awaitly.values import frozen

__all__ = ["Pauses"]

T = TypeVar("T")
E = TypeVar("E")
E_contra = TypeVar("E_contra", contravariant=True)

Until: TypeAlias = Callable[[], datetime]
"""When a wait that begins now is over."""


@frozen
class Pause:
    """One wait of the code: where it stands, for what, and the type of what may come.

    `at` is where it is waited for, if not where it was called. `about` is what must be the same on a replay. `fatal`: a
    failure that comes is tried again with the run.
    """

    scope: Scope
    spot: Spot
    kind: WaitKind
    name: str = ""
    schema: str = ""
    hint: ResultHint | None = None
    about: str = ""
    fatal: bool = False
    at: str | None = None

    @property
    def place(self) -> str:
        """Where it is waited for."""
        return self.spot.place if self.at is None else self.at


class _Looks:
    """The call at which a promise is awaited next; `over`: its time was up."""

    __slots__ = ("over", "pause")

    def __init__(self, pause: Pause) -> None:
        self.pause = pause
        self.over = False


class Pauses(Line, Generic[E_contra]):
    """The waits of a workflow that no person ends by deciding."""

    # Times

    def sleep(self, length: Duration) -> Coroutine[Any, Any, None]:
        """Go on after a length of time, also over restarts. A short one is waited for here, a long one parks the run.

        Raises `ValueError` where the length is none.
        """
        span = as_span(length)
        return self._slept(self._pause("sleep", WaitKind.TIMER), lambda: self._host.clock() + span)

    def sleep_until(self, moment: datetime) -> Coroutine[Any, Any, None]:
        """Go on at a moment, at once if it has passed. Raises `ValueError` where it has no time zone."""
        if moment.tzinfo is None:
            msg = f"a time must say its zone: {moment.isoformat()} is naive"
            raise ValueError(msg)
        return self._slept(self._pause("sleep", WaitKind.TIMER), lambda: moment)

    async def _slept(self, pause: Pause, until: Until) -> None:
        await self._waited(pause, until)

    # Signals and promises

    def wait_for(
        self, name: str, kind: type[T], *, timeout: Duration | None = None
    ) -> Coroutine[Any, Any, Result[T, TimedOut]]:
        """Wait for a signal, and give what it brought, or `TimedOut`.

        A signal that came before anybody waited for it is kept, and one that is there when the time is up still counts.
        Each call takes one signal of the name, in the order of their arrival; those that do not decode as `kind` are
        left aside. Raises `ValueError` where the timeout is no length of time.
        """
        hint = ResultHint(kind, type(None))
        name = checked_name("a signal's name", name)
        pause = self._pause(name, WaitKind.SIGNAL, name, schema_text(kind), hint)
        return self._told(pause, self._from_now(timeout))

    async def _told(self, pause: Pause, until: Until | None) -> Result[Any, TimedOut]:
        match await self._waited(pause, until):
            case Arrived(content=Returned() as content):
                return self._read(pause, content)
            case Elapsed(at):
                return Err(TimedOut(self.run_id, pause.spot.key, at))
            case other:
                raise self._journal.drift(pause.spot, repr(other), "a wait for a signal")

    def promise(self: Pauses[PromiseRejected], name: str, kind: type[T]) -> Promise[T]:
        """Make a promise that somebody else keeps, from any process, by its `id` (`Orchestrator.resolve`)."""
        name = checked_name("a promise's name", name)
        scope = self._scope()
        spot = scope.take_named(name)
        pause = Pause(scope, spot, WaitKind.PROMISE, spot.key, schema_text(kind), ResultHint(kind, str | None))
        looks = _Looks(pause)
        return Promise(
            promise_id(self.run_id, spot.key),
            lambda timeout: self._looked(looks, timeout),
            lambda error: self._ending(error, spot.key),
        )

    async def _looked(self, looks: _Looks, timeout: Duration | None) -> Result[Any, PromiseRejected | TimedOut]:
        """Wait for a promise; after a wait whose time was up, this is a call of its own.

        It is the line that awaits which waits, be it another than the one that made the promise.
        """
        scope = self._scope()
        if looks.over:
            looks.pause = changed(looks.pause, scope=scope, spot=scope.take(looks.pause.name))
            looks.over = False
        pause = looks.pause
        here = pause if scope is pause.scope else changed(pause, scope=scope, at=f"{scope.path}@")
        if FORGOING.get() and self._journal.waits_elsewhere(pause.spot.key, here.place):
            raise Forgone
        result = await self._kept(here, timeout)
        match result:
            case Err(TimedOut()):
                looks.over = looks.over or pause is looks.pause
            case _:
                pass
        return result

    async def _kept(self, pause: Pause, timeout: Duration | None) -> Result[Any, PromiseRejected | TimedOut]:
        match await self._waited(pause, self._from_now(timeout)):
            case Arrived(content=Failed(payload)):
                return Err(PromiseRejected(self.run_id, pause.spot.key, json.loads(payload)))
            case Arrived(content=content):
                return self._read(pause, content)
            case Elapsed(at):
                return Err(TimedOut(self.run_id, pause.spot.key, at))

    # Other runs

    def child(
        self,
        invocation: Invocation[T, E_contra],
        *,
        run_id: str | None = None,
        queue: str | None = None,
        priority: Priority | None = None,
    ) -> Coroutine[Any, Any, T]:
        """Run another workflow as a run of its own, and give its value; where it fails, this one ends with its error.

        Its id is made of this run's and the key of the call where none is given, so it begins once. It is worked off
        like any other that is enqueued, in this run's queue unless `queue` names another. Cancelling this run cancels
        it. What ends it from outside ends this run with `UnexpectedError`.
        """
        pause, record = self._begin_child(invocation, run_id, queue, priority, fatal=True)
        return self._unwrapped_child(pause, record)

    def attempt_child(
        self,
        invocation: Invocation[T, E],
        *,
        run_id: str | None = None,
        queue: str | None = None,
        priority: Priority | None = None,
    ) -> Coroutine[Any, Any, Result[T, E | UnexpectedError]]:
        """Run another workflow, as `child` does, and give its result as it is."""
        return self._outcome_of_child(*self._begin_child(invocation, run_id, queue, priority, fatal=False))

    def _begin_child(
        self,
        invocation: Invocation[Any, Any],
        run_id: str | None,
        queue: str | None,
        priority: Priority | None,
        *,
        fatal: bool,
    ) -> tuple[Pause, RunRecord]:
        checked_invocation("run.child", invocation)
        scope, own = self._scope(), self._run
        spot = self._called(scope.take(invocation.workflow.name))
        child = checked_run_id(run_id or _id_of_child(own.run_id, spot.key))
        now = self._host.clock()
        record = invocation.recorded(
            child,
            now,
            status=RunStatus.QUEUED,
            requested_by=own.requested_by,
            due_at=now,
            begun=False,
            queue=own.queue if queue is None else checked_name("a queue", queue),
            priority=priority or own.priority,
            parent=own.run_id,
        )
        hint, about = invocation.workflow.hint, invocation.digest
        return Pause(scope, spot, WaitKind.CHILD, child, about, hint, about, fatal), record

    async def _unwrapped_child(self, pause: Pause, record: RunRecord) -> Any:
        match await self._outcome_of_child(pause, record):
            case Ok(value):
                return value
            case Err(error):
                raise self._ending(error, pause.spot.key)

    async def _outcome_of_child(self, pause: Pause, record: RunRecord) -> Result[Any, Any]:
        match await self._waited(pause, None, record):
            case Arrived(content=content):
                return self._read(pause, content)
            case Elapsed():
                raise self._journal.drift(pause.spot, "a time", "another run")

    async def _launched(self, wait: Wait, record: RunRecord) -> Arrived | None:
        """Have another run begin, once; what is recorded before is durable by then, and so is that it is to begin.

        Gives what it came to where it is over already, as after a retry of this run.
        """
        recorder = self._journal.recorder
        if recorder is None:
            error = UnexpectedError("NoStore", "another run can only begin where there is a store", wait.key)
            raise self._ending(error, wait.key)
        await self._journal.note(wait)
        there = await self._journal.launch(recorder, record)
        if there is None or (there.digest, there.parent) != (record.digest, record.parent):
            why = f"the id {record.run_id!r} belongs to another run; choose another"
            raise self._ending(UnexpectedError("IdTaken", why, wait.key), wait.key)
        self._journal.awaiting[wait.key] = changed(wait, attempts=1)
        if there.status.ended and there.status is not RunStatus.FAILED:
            home = letter_home(there)
            return Arrived(home.slot, home.content)
        return None

    # The next attempt of a step

    async def _attempts(self, scope: Scope, spot: Spot, hashed: str) -> Attempts:
        """Give how a step is to be tried; parks the run where the time of the next attempt is far off."""
        known, before = self._journal.awaiting.get(spot.key), 0
        if known is not None and known.kind is WaitKind.OUTCOME:
            raise self._doubted(spot, known, hashed)
        if known is not None:
            if (known.kind, known.name) != (WaitKind.RETRY, hashed):
                raise self._journal.drift(spot, f"a wait for {known.kind.value}", "a step, or other arguments of it")
            self._journal.expect_in_place(spot, known.place)
            self._journal.visited.add(spot.key)
            await self._until(scope, known)
            before = known.attempts
        return Attempts(before, lambda attempt, length: self._between(scope, spot, hashed, attempt, length))

    def _doubted(self, spot: Spot, known: Wait, hashed: str) -> Signal:
        if known.name != hashed:
            return self._journal.drift(spot, "a call with other arguments", "different ones")
        self._journal.expect_in_place(spot, known.place)
        doubted = Doubted(spot.key)
        self._journal.close(doubted)
        return doubted

    async def _begun(self, body: Body, spot: Spot, hashed: str) -> None:
        """Before a body: take the run and make all durable, and that the call begins too where it may run only once."""
        if body.at_most_once:
            await self._journal.note(Wait(spot.key, spot.place, WaitKind.OUTCOME, self._host.clock(), hashed))
        else:
            await self._journal.settle()

    async def _between(self, scope: Scope, spot: Spot, hashed: str, attempt: int, length: timedelta) -> None:
        """Let time pass after an attempt that failed; how many there were is durable by then."""
        now = self._host.clock()
        wait = Wait(spot.key, spot.place, WaitKind.RETRY, now, hashed, now + length, attempts=attempt)
        if length <= self._host.inline:
            await self._journal.note(wait)
        await self._until(scope, wait)

    async def _until(self, scope: Scope, wait: Wait) -> None:
        until = wait.until or self._host.clock()
        if until - self._host.clock() > self._host.inline:
            raise self._park_on(scope, wait)
        await self._passed(until)

    # What all of them do

    def _pause(
        self, key: str, kind: WaitKind, name: str = "", schema: str = "", hint: ResultHint | None = None
    ) -> Pause:
        scope = self._scope()
        spot = self._called(scope.take(key) if kind is WaitKind.TIMER else scope.take_named(key))
        return Pause(scope, spot, kind, name, schema, hint)

    def _from_now(self, length: Duration | None) -> Until | None:
        if length is None:
            return None
        span = as_span(length)
        return lambda: self._host.clock() + span

    async def _waited(self, pause: Pause, until: Until | None, child: RunRecord | None = None) -> Arrived | Elapsed:
        """Give what ended a wait, recorded; parks the run where nothing has yet."""
        self._arrive(pause.scope, pause.spot)
        hashed = digest(pause.kind.value, pause.about or pause.name)
        step = self._journal.find(pause.spot, hashed)
        if step is not None:
            if isinstance(step.recorded, Arrived | Elapsed):
                return step.recorded
            raise self._journal.drift(pause.spot, "a step", f"a wait for a {pause.kind.value}")
        self._journal.expect_no_question(pause.spot)
        wait = self._wait_at(pause, until)
        ended = self._ended(pause, wait)
        if ended is None and child is not None and not wait.attempts:
            ended = await self._launched(wait, child)
        if ended is None and self._is_short(wait):
            ended = await self._passed(wait.until or self._host.clock())
        if ended is None:
            raise self._park_on(pause.scope, self._journal.awaiting.get(wait.key, wait))
        step = Step(pause.spot.key, pause.spot.place, hashed, ended, wait.since, self._host.clock())
        failed = isinstance(ended, Arrived) and not isinstance(ended.content, Returned)
        self._add(changed(step, fatal=True) if pause.fatal and failed else step)
        return ended

    def _wait_at(self, pause: Pause, until: Until | None) -> Wait:
        """Give the wait that the run is known to be in, or a new one."""
        self._journal.visited.add(pause.spot.key)
        known = self._journal.awaiting.get(pause.spot.key)
        if known is None:
            moment, end = self._host.clock(), None if until is None else until()
            return Wait(pause.spot.key, pause.place, pause.kind, moment, pause.name, end, pause.schema)
        if (known.kind, known.name) != (pause.kind, pause.name):
            was, found = f"a wait for a {known.kind.value} {known.name}", f"one for a {pause.kind.value} {pause.name}"
            raise self._journal.drift(pause.spot, was.rstrip(), found.rstrip())
        if pause.kind is WaitKind.CHILD and known.schema != pause.schema:
            raise self._journal.drift(pause.spot, "another run with other arguments", "different ones")
        if not known.place.endswith("@"):  # one that another line waits for, be it this one or not
            self._journal.expect_in_place(pause.spot, known.place)
        if known.schema != pause.schema:  # senders are held to what the code of today can read
            known = self._journal.awaiting[known.key] = changed(known, schema=pause.schema)
        return known

    def _ended(self, pause: Pause, wait: Wait) -> Arrived | Elapsed | None:
        """Give what ended a wait: what came counts before the time that is up."""
        message = self._journal.hear(pause.kind, pause.name, lambda message: self._fits(pause, message))
        if message is not None:
            return Arrived(message.key, message.content)
        if wait.until is not None and wait.until <= self._looked_at(pause):
            return Elapsed(wait.until)
        return None

    def _looked_at(self, pause: Pause) -> datetime:
        """Give the time as of which it is known what came: that of taking the run, where anything can come at all."""
        alone = pause.kind is WaitKind.TIMER and RACING.get() is None
        return self._host.clock() if alone else self._run.updated_at

    def _fits(self, pause: Pause, message: Message) -> bool:
        if pause.hint is None or pause.kind is WaitKind.CHILD:
            return True
        try:
            result_of(message.content, pause.hint, self._codec)
        except ValueError:
            return False
        return True

    def _is_short(self, wait: Wait) -> bool:
        if wait.kind is not WaitKind.TIMER or wait.until is None or RACING.get() is not None:
            return False
        return wait.until - self._host.clock() <= self._host.inline

    async def _passed(self, until: datetime) -> Elapsed:
        """Wait for a time here."""
        while (left := until - self._host.clock()) > timedelta(0):
            await asyncio.sleep(left.total_seconds())
            self._check_open()
        return Elapsed(until)

    def _park_on(self, scope: Scope, wait: Wait) -> Parked:
        self._journal.parked[wait.key] = wait
        return park(scope, Parked((), (wait,)))

    def _read(self, pause: Pause, content: Content) -> Result[Any, Any]:
        try:
            return result_of(content, pause.hint or ResultHint(object, object), self._codec)
        except ValueError as exc:
            raise self._journal.drift(pause.spot, "a value of another type", f"one for which {exc}") from exc


def _id_of_child(run_id: str, key: str) -> str:
    """Make a child's id, the same on every replay; where it would be too long for an id, of its digest."""
    readable = f"{run_id}.{key}"
    return readable if len(readable) <= LONGEST_NAME else f"{run_id[:_KEPT_OF_PARENT]}.{digest(run_id, key)[3:35]}"


_KEPT_OF_PARENT = 100
