"""Telling runs something from outside: signals, and the fates of promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from awaitly.actors import Actor, By, as_actor
from awaitly.errors import InvalidPayload, PromiseRefusal, Sent, SignalRefusal, UnknownPromise, UnknownRun
from awaitly.ids import checked_name
from awaitly.observing import NOBODY, Observers
from awaitly.replaying.promises import parts_of_promise
from awaitly.result import Err, Ok, Result
from awaitly.runs.letters import Letter, payload, rejection
from awaitly.statuses import WaitKind
from awaitly.storage.journal import Content
from awaitly.storage.store import Store
from awaitly.verbs.reader import Reader
from awaitly.working.mailbox import Mailbox

__all__ = ["Messenger"]

Fate: TypeAlias = Callable[[str, str], Result[Content, InvalidPayload]]
"""Gives what is sent to a promise, of a run and under a key."""


class Messenger(Reader):
    """What can be told to runs of a store, with none of their code at hand."""

    def __init__(self, store: Store, observers: Observers = NOBODY) -> None:
        super().__init__(store)
        self._observers = observers
        self._mailbox = Mailbox(store, observers)

    async def signal(
        self, run_id: str, name: str, value: object = None, *, key: str = "", by: By | None = None
    ) -> Result[Sent, SignalRefusal]:
        """Tell a run something for which it waits, or will wait, with `run.wait_for(name, ...)`.

        It is kept where it comes early. The first under a name and `key` stays; the same again is `Ok` with
        `replayed=True`. Several signals of one name need a key each: each wait takes one, in the order of arrival. What
        does not decode as the type that the run waits for is `InvalidPayload`.
        """
        checked_name("a signal's name", name)
        if key:
            checked_name("a signal's key", key)
        match payload(run_id, name, value):
            case Err(unstorable):
                return Err(unstorable)
            case Ok(content):
                pass
        return await self._mailbox.post(Letter(run_id, WaitKind.SIGNAL, name, content, _who(by), key))

    async def resolve(
        self, promise_id: str, value: object = None, *, by: By | None = None
    ) -> Result[Sent, PromiseRefusal]:
        """Keep a promise of a run (`run.promise`), from any process; the first that resolves or rejects it wins."""
        return await self._settle(promise_id, by, lambda run_id, key: payload(run_id, key, value))

    async def reject_promise(
        self, promise_id: str, reason: str | None = None, *, by: By | None = None
    ) -> Result[Sent, PromiseRefusal]:
        """Say that a promise will not be kept: awaiting it gives `PromiseRejected`."""
        return await self._settle(promise_id, by, lambda run_id, key: rejection(run_id, key, reason))

    async def _settle(self, promise_id: str, by: By | None, fate: Fate) -> Result[Sent, PromiseRefusal]:
        try:
            run_id, key = parts_of_promise(promise_id)
        except ValueError:
            return Err(UnknownPromise(promise_id))
        match fate(run_id, key):
            case Err(unstorable):
                return Err(unstorable)
            case Ok(content):
                pass
        match await self._mailbox.post(Letter(run_id, WaitKind.PROMISE, key, content, _who(by))):
            case Ok(sent):
                return Ok(sent)
            case Err(refusal):
                return Err(UnknownPromise(promise_id) if isinstance(refusal, UnknownRun) else refusal)


def _who(by: By | None) -> Actor | None:
    return None if by is None else as_actor(by)
