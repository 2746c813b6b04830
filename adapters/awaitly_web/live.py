"""Live updates: one watcher a process hears of commits, and tells all open streams whose subject has changed.

A stream says that something has changed, and never what: whoever reads it asks anew, and is shown what they may see.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import suppress

from attrs import define, field, frozen

from awaitly_web.core import Actor, Ok, Orchestrator, RecordCorrupt, StoreError
from awaitly_web.events import SERVER_SENT, Form
from awaitly_web.waiting import Waiting, digest

__all__ = ["MOST_STREAMS", "Live", "Topic"]

_log = logging.getLogger("awaitly.web")

MOST_STREAMS = 12
"""How many streams one actor may have open in one process."""
_LOOK_AGAIN, _EACH = 0.8, 0.02
"""Seconds after which everything is looked at again, for not every change is told; more where there is much to see."""
_BREATH, _LONGEST_BREATH = 0.05, 0.25
"""Seconds between two rounds, or as long as the last one took: commits that come together are looked at together."""
_HEARTBEAT = 15.0
_LONGEST = 900.0
"""Seconds after which a stream ends, and its reader opens another: whoever may no longer see it is then refused."""
_AT_ONCE = 16
_AWAY = 2.0
"""Seconds for which a store that is away is left alone."""


@frozen
class Topic:
    """What a stream is about. `mark` gives a text that is another one when something has changed.

    `run_id` is the run that it depends on alone; None where it depends on many. `after`, where there is one, gives the
    mark for less, once nothing but these runs has changed since the last one.
    """

    name: str
    mark: Callable[[], Awaitable[str]] = field(eq=False)
    run_id: str | None = None
    after: Callable[[frozenset[str]], Awaitable[str]] | None = field(default=None, eq=False)


@define(eq=False)
class _Subject:
    """A topic that somebody reads, and how it stood when it was last looked at."""

    topic: Topic
    mark: str = ""
    readers: set[asyncio.Event] = field(factory=set[asyncio.Event])
    _moved: frozenset[str] | None = field(init=False, default=None)
    _asked: int = field(init=False, default=0)
    _answered: int = field(init=False, default=0)
    _looking: asyncio.Lock = field(init=False, factory=asyncio.Lock)

    async def look(self, run_ids: frozenset[str] | None = None) -> None:
        """Look, and wake the readers where it has changed; `run_ids` are those that have moved, None is for any.

        One look answers all who asked before it began: of a crowd that comes at once, two load.
        """
        self._asked += 1
        asked = self._asked
        self._moved = None if run_ids is None or self._moved is None else self._moved | run_ids
        async with self._looking:
            if self._answered >= asked:
                return
            asked, moved = self._asked, self._moved
            self._moved = None  # where this one breaks, or somebody asks meanwhile, the next look is a whole one
            after = self.topic.after
            mark = await (self.topic.mark() if moved is None or after is None else after(moved))
            self._answered = asked
            if self._asked == asked:
                self._moved = frozenset()
        if mark != self.mark:
            self.mark = mark
            for reader in self.readers:
                reader.set()


class Live:
    """Feeds the streams of one process."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self._orchestrator = orchestrator
        self._subjects: dict[str, _Subject] = {}
        self._open: Counter[str] = Counter()
        self._told: set[str] = set()
        self._hint = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return self._open.total()

    def is_full(self, actor: Actor) -> bool:
        """Whether somebody has as many streams open as they may."""
        return self._open[actor.name] >= MOST_STREAMS

    def run(self, run_id: str) -> Topic:
        """Give the topic of a run, with all its approvals."""

        async def mark() -> str:
            match await self._orchestrator.status(run_id):
                case Ok(details):
                    versions = [(each.key, each.version) for each in details.approvals]
                    run = details.run
                    return digest(run.status, run.updated_at, run.due_at, versions, details.awaiting, details.damage)
                case _:
                    return digest("gone")

        return Topic(f"run:{run_id}", mark, run_id)

    def inbox(self, actor: Actor) -> Topic:
        """Give the topic of what waits for somebody."""
        waiting = Waiting(self._orchestrator, actor)
        name = f"inbox:{actor.name}:{actor.person}:{sorted(actor.roles)}"
        return Topic(name, waiting.mark, after=waiting.after)

    def tell(self, run_id: str) -> None:
        """Have what depends on a run looked at soon: something was just done to it here, of which no store may tell."""
        if self._subjects:
            self._told.add(run_id)
            self._hint.set()

    async def stream(
        self, topic: Topic, actor: Actor, seen: str | None, form: Form = SERVER_SENT
    ) -> AsyncGenerator[bytes]:
        """Give events, one whenever the topic has changed since `seen`, the id of the last one read.

        Nothing waits for a reader who is slow: what they then read is how it stands by then. Over at once for somebody
        who has too many streams open.
        """
        if self.is_full(actor):
            if form.later:
                yield form.later
            return
        woken = asyncio.Event()
        subject = self._entered(topic, actor, woken)
        try:
            if form.opening:
                yield form.opening
            if not subject.mark or seen not in (None, subject.mark):
                with suppress(StoreError, RecordCorrupt):
                    await subject.look()
            ends = asyncio.get_running_loop().time() + _LONGEST
            while asyncio.get_running_loop().time() < ends:
                woken.clear()
                if subject.mark and subject.mark != seen:
                    first, seen = seen is None, subject.mark
                    yield form.event("here" if first else "changed", seen)
                    continue
                try:
                    async with asyncio.timeout(_HEARTBEAT):
                        await woken.wait()
                except TimeoutError:
                    yield form.alive
        finally:
            self._left(topic, actor, woken)

    def _entered(self, topic: Topic, actor: Actor, reader: asyncio.Event) -> _Subject:
        subject = self._subjects.setdefault(topic.name, _Subject(topic))
        subject.readers.add(reader)
        self._open[actor.name] += 1
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())
        return subject

    def _left(self, topic: Topic, actor: Actor, reader: asyncio.Event) -> None:
        self._open -= Counter({actor.name: 1})
        subject = self._subjects[topic.name]
        subject.readers.discard(reader)
        if not subject.readers:
            del self._subjects[topic.name]
        if not self._subjects and self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    async def _watch(self) -> None:
        """Look whenever the store or this process tells of something, for as long as anybody reads."""
        while True:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._listen())
                    group.create_task(self._heed())
            except* StoreError:
                _log.warning("live updates wait: the store is away")
            except* Exception:  # noqa: BLE001  (one broken look must not end all streams)
                _log.exception("live updates broke")
            await asyncio.sleep(_AWAY)

    async def _heed(self) -> None:
        """Look at what was done here."""
        while True:
            await self._hint.wait()
            self._hint.clear()
            named, self._told = self._told, set()
            await self._look(named)
            await asyncio.sleep(_BREATH)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        async with self._orchestrator.watching() as wakes:
            await self._look(None)
            due = loop.time() + self._rest()
            while True:
                named = await wakes.next(max(0.0, due - loop.time()))
                begun = loop.time()
                if named and begun < due:
                    await self._look(named)
                else:  # it is time, or a wake-up without a name came: some stores tell only that there was one
                    await self._look(None)
                    due = loop.time() + self._rest()
                await asyncio.sleep(min(max(_BREATH, loop.time() - begun), _LONGEST_BREATH))

    def _rest(self) -> float:
        return max(_LOOK_AGAIN, _EACH * len(self._subjects))

    async def _look(self, run_ids: Iterable[str] | None) -> None:
        """Look at what depends on these runs, or at everything."""
        named = None if run_ids is None else frozenset(run_ids)
        chosen = [
            subject
            for subject in self._subjects.values()
            if named is None or subject.topic.run_id is None or subject.topic.run_id in named
        ]
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(subject: _Subject) -> None:
            async with limit:
                with suppress(RecordCorrupt):  # its page says so, and the others are told of theirs
                    await subject.look(named)

        results = await asyncio.gather(*map(one, chosen), return_exceptions=True)
        failed = next((result for result in results if isinstance(result, BaseException)), None)
        if failed is not None:
            raise failed
