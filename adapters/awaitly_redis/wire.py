"""Everything that is sent goes through lanes: two to each server, one for reads and one for writes.

What is asked for in the same turn of the event loop, or while an answer is awaited, goes out together. A lane asks
again after the connection was lost or the server was not ready. Writes carry a number: asking twice writes once.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Future, Task
from collections import deque
from random import uniform

from attrs import define, frozen
from redis.exceptions import ResponseError

from awaitly_redis.acknowledging import Acknowledge
from awaitly_redis.core import CommitUnknown, StoreUnavailable
from awaitly_redis.driver import Connection, Link, Reply, made_ready, read_reply
from awaitly_redis.errors import (
    FAILURES,
    Lost,
    is_forbidden,
    is_moved,
    is_passing,
    is_unknown_script,
    translated,
    unavailable,
)
from awaitly_redis.scripts import every_script

__all__ = ["MOST_AT_ONCE", "Wire"]

MOST_AT_ONCE = 64
"""How many commits go out together at most; a writer's ring of outcomes has as many places."""

_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.5
_LONGEST_ANSWER = 5.0
_GRACE = 5.0
_NOWHERE = "?"
_ENDINGS = (*FAILURES, Lost)


@frozen
class _NoReply:
    """Stands where no answer came."""


_NO_REPLY = _NoReply()


@define(eq=False)
class _Request:
    """Something to be sent. `unsure`: it may have been done, for it was sent and no answer came.

    `explained`: the server had not known its script, and was told all scripts then.
    """

    wire: bytes
    base: bytes | None
    writes: bool
    confirmed: bool
    deadline: float
    future: Future[Reply]
    reply: Reply | _NoReply = _NO_REPLY
    sending: bool = False
    unsure: bool = False
    explained: bool = False


class Wire:
    """The lanes to all servers. `patience`: for how many seconds something is tried again."""

    def __init__(self, link: Link, where: str, patience: float, acknowledge: Acknowledge | None) -> None:
        self.link = link
        self.where = where
        self.acknowledge = acknowledge
        self.reached = False
        self.limit = _LONGEST_ANSWER + (0 if acknowledge is None else acknowledge.seconds + _GRACE)
        self._patience = patience
        self._loop: AbstractEventLoop = asyncio.get_running_loop()
        self._lanes: dict[tuple[str, bool], _Lane] = {}
        self._places: dict[bytes, str] = {}
        self._closed = False

    def ask(self, base: bytes, wire: bytes, *, writes: bool = False, confirmed: bool = False) -> Future[Reply]:
        """Send a command to whichever server has the shard's keys."""
        return self._submit(self.place(base), wire, base, writes=writes, confirmed=confirmed)

    def ask_at(self, place: str, wire: bytes) -> Future[Reply]:
        """Send a command to a certain server."""
        return self._submit(place, wire, None, writes=False, confirmed=False)

    def _submit(self, place: str, wire: bytes, base: bytes | None, *, writes: bool, confirmed: bool) -> Future[Reply]:
        if self._closed:
            raise StoreUnavailable(f"the store {self.where} was closed meanwhile")
        future: Future[Reply] = self._loop.create_future()
        deadline = self._loop.time() + self._patience
        self.lane(place, writes=writes).add(_Request(wire, base, writes, confirmed, deadline, future))
        return future

    def place(self, base: bytes) -> str:
        """Name the server that has a shard's keys, as far as is known."""
        known = self._places.get(base)
        if known is None:
            try:
                known = self._places[base] = self.link.place(base)
            except FAILURES:
                return _NOWHERE
        return known

    def lane(self, place: str, *, writes: bool) -> _Lane:
        """Give the lane to a server."""
        lane = self._lanes.get((place, writes))
        if lane is None:
            lane = self._lanes[place, writes] = _Lane(self, place)
        return lane

    async def refresh(self) -> None:
        """Look anew where the shards are."""
        try:
            await self.link.refresh()
        except _ENDINGS:
            return
        self._places.clear()

    async def close(self) -> None:
        """Wait until all that was asked is answered, then give back the connections."""
        self._closed = True
        while busy := [lane for lane in self._lanes.values() if lane.is_busy]:  # each may pass on to another
            await asyncio.gather(*(lane.rest() for lane in busy))
        for lane in self._lanes.values():
            await lane.leave()


class _Lane:
    """Sends one batch after the other to one server, on one connection."""

    def __init__(self, wire: Wire, place: str) -> None:
        self._wire = wire
        self._place = place
        self._queue: deque[_Request] = deque()
        self._task: Task[None] | None = None
        self._connection: Connection | None = None
        self._lacks_scripts = False

    def add(self, request: _Request) -> None:
        """Queue something; whatever else is queued in this turn of the loop comes along."""
        self._queue.append(request)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="awaitly-redis-lane")

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be answered."""
        return self._task is not None

    async def rest(self) -> None:
        """Wait until nothing is left to do."""
        while self._task is not None:
            await asyncio.wait((self._task,))

    async def leave(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._wire.link.give(self._place, connection)

    async def _run(self) -> None:
        try:
            while self._queue:
                await self._serve([self._queue.popleft() for _ in range(min(len(self._queue), MOST_AT_ONCE))])
        finally:
            self._task = None
            for request in self._queue:  # only where this task was cancelled
                request.future.cancel()
            self._queue.clear()

    async def _serve(self, batch: list[_Request]) -> None:
        """Ask until each of a batch is answered or given up; at first without a pause: a server may lack a script."""
        pause = 0.0
        try:
            while batch and (batch := await self._attempt(batch)):
                await asyncio.sleep(uniform(0, pause))  # noqa: S311  (spreads attempts; no secret)
                pause = min(max(pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
                batch = await self._still_here(batch)
        except Exception as error:  # noqa: BLE001  (a fault of the driver or of ours: those who wait must hear of it)
            for request in batch:
                request.unsure = request.unsure or (request.sending and request.writes)
                self._give_up(request, error)
        except BaseException:
            for request in batch:
                request.future.cancel()
            raise

    async def _attempt(self, batch: list[_Request]) -> list[_Request]:
        """Ask once, and give what is to be asked again."""
        failure: Exception = Lost("no answer")
        try:
            await self._exchange(batch)
        except _ENDINGS as error:
            failure = error
        return [request for request in batch if not self._settles(request, failure)]

    async def _exchange(self, batch: list[_Request]) -> None:
        """Send a batch, and read its answers; where that fails, those that have come are kept."""
        link = self._wire.link
        connection = self._connection or await link.take(self._place)
        self._connection = None
        try:
            await made_ready(connection)
            async with asyncio.timeout(self._wire.limit):
                await self._converse(connection, batch)
        except BaseException:
            await connection.disconnect(nowait=True)
            await link.give(self._place, connection)
            raise
        if link.keeps:
            self._connection = connection
        else:
            await link.give(self._place, connection)

    async def _converse(self, connection: Connection, batch: list[_Request]) -> None:
        if self._lacks_scripts:
            await _load_scripts(connection)
            self._lacks_scripts = False
        acknowledge = self._wire.acknowledge if any(request.confirmed for request in batch) else None
        wires = [request.wire for request in batch]
        if acknowledge is not None:
            wires.append(acknowledge.command())
        for request in batch:
            request.sending = True
        await connection.send_packed_command((b"".join(wires),))
        for request in batch:
            request.reply = await read_reply(connection)
        self._wire.reached = True
        if acknowledge is not None:
            await self._confirm(connection, batch, acknowledge)

    async def _confirm(self, connection: Connection, batch: list[_Request], acknowledge: Acknowledge) -> None:
        """Read who has confirmed the batch. Where even that is lost, the writes are sent again, and confirmed then."""
        waiting = [request for request in batch if request.confirmed and isinstance(request.reply, int)]
        try:
            shortage = acknowledge.shortage(await read_reply(connection, acknowledge.seconds + _GRACE))
        except BaseException:
            for request in waiting:
                request.reply = _NO_REPLY
            raise
        if shortage is not None:
            for request in waiting:
                _fail(request, CommitUnknown(f"the store {self._wire.where}: the commit is written, but {shortage}"))

    def _settles(self, request: _Request, failure: Exception) -> bool:
        """Answer whoever waits, unless it is to be asked again."""
        reply, request.reply = request.reply, _NO_REPLY
        sent, request.sending = request.sending, False
        if request.future.done():
            return True
        if isinstance(reply, _NoReply):
            request.unsure = request.unsure or (sent and request.writes)
            return self._is_over(request, failure)
        if not isinstance(reply, ResponseError):
            request.future.set_result(reply)
            return True
        if is_unknown_script(reply):
            again, request.explained, self._lacks_scripts = not request.explained, True, True
            return not again and self._is_over(request, reply)  # once, however little time is left
        if is_passing(reply) or (is_moved(reply) and self._wire.link.clustered):
            return self._is_over(request, reply)
        return self._give_up(request, reply)

    def _is_over(self, request: _Request, error: Exception) -> bool:
        """Whether asking again is no use: this user is not let in, nobody is there, or the time is over."""
        hopeless = is_forbidden(error) or (not self._wire.reached and not is_passing(error) and not self._lacks_scripts)
        if not hopeless and asyncio.get_running_loop().time() < request.deadline:
            return False
        return self._give_up(request, error)

    def _give_up(self, request: _Request, error: Exception) -> bool:
        where = self._wire.where
        if request.unsure:
            unknown = CommitUnknown(
                f"the store {where}: the connection was lost before the answer came, and could not be had again in "
                f"time; look whether the commit stands before you repeat it ({error})"
            )
            unknown.__cause__ = error
            return _fail(request, unknown)
        if isinstance(error, ResponseError) and not is_passing(error) and not is_moved(error):
            return _fail(request, translated(error, where))
        return _fail(request, translated(error, where) if is_forbidden(error) else unavailable(error, where))

    async def _still_here(self, batch: list[_Request]) -> list[_Request]:
        """Look where the shards are by now, and pass on to other lanes what belongs there."""
        if self._lacks_scripts or not self._wire.link.clustered:
            return batch
        await self._wire.refresh()
        here: list[_Request] = []
        for request in batch:
            place = self._place if request.base is None else self._wire.place(request.base)
            if place == self._place:
                here.append(request)
            else:
                self._wire.lane(place, writes=request.writes).add(request)
        return here


async def _load_scripts(connection: Connection) -> None:
    """Make all scripts known to a server."""
    scripts = every_script()
    await connection.send_packed_command([script.load() for script in scripts])
    for _ in scripts:
        reply = await read_reply(connection)
        if isinstance(reply, ResponseError):
            raise reply


def _fail(request: _Request, error: Exception) -> bool:
    if not request.future.done():
        request.future.set_exception(error)
    return True
