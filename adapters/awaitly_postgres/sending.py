"""Sending batches of commits, so that each is applied once, whatever becomes of connections meanwhile.

A sender numbers its batches, and sends one after the other. Where a connection is lost before the answer came, the same
batch goes out again under the same number: the database then tells what came of it, or waits for it to end, or applies
it now. Only where no answer can be had in time is the outcome unknown.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import timedelta

import psycopg
from attrs import field, frozen
from psycopg.errors import Diagnostic
from psycopg.rows import tuple_row

from awaitly_postgres.connecting import Connection, Connections
from awaitly_postgres.core import CommitUnknown, Conflict, StoreError, StoreUnavailable
from awaitly_postgres.encoding import conflict
from awaitly_postgres.errors import in_short, is_lost, is_passing, translated
from awaitly_postgres.place import Place, quoted
from awaitly_postgres.settings import Patience, in_milliseconds

__all__ = ["Letter", "Post", "Sender"]

_LOCKED = "55P03"


@frozen
class Letter:
    """One commit on its way: the run that it is about, and its text."""

    run_id: str
    text: str
    flushed: bool


@frozen(eq=False)
class Post:
    """What all senders of a store share."""

    connections: Connections
    place: Place
    namespace: int
    reconnect: timedelta
    statement: bytes = field(init=False)
    channel: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        call = f"SELECT {quoted(self.place.schema)}.commit_batch(".replace("%", "%%") + ", ".join(["%s"] * 7) + ")"
        object.__setattr__(self, "statement", call.encode())
        object.__setattr__(self, "channel", self.place.channel)


class Sender:
    """Sends one batch at a time, by one connection, which it keeps until it may `rest`."""

    def __init__(self, post: Post, lock_wait: timedelta) -> None:
        self._post = post
        self._lock_wait = in_milliseconds(lock_wait)
        self._id = secrets.randbits(63)
        self._count = 0
        self._connection: Connection | None = None
        self._doubted = False

    async def send(self, letters: Sequence[Letter]) -> list[Conflict | None]:
        """Apply each, or not, and say what was in the way. The letters are in the order of their run ids.

        Raises `CommitUnknown`, or another `StoreError` or `ValueError` where nothing of the batch was applied.
        """
        self._count += 1
        patience = Patience(self._post.reconnect)
        sent = False
        while True:
            connection = await self._connected(patience, sent=sent)
            try:
                answer = await self._call(connection, letters)
                if not self._doubted:
                    return _outcomes(letters, answer)
                sent = True
                error: Exception = StoreUnavailable("somebody cancelled the wait for the replicas")
            except (psycopg.Error, UnicodeEncodeError) as failure:
                error = failure
                if is_lost(connection, failure):
                    sent = True
                    await self._drop()
                elif not is_passing(failure) and not (sent and _is_locked(failure)):
                    raise self._failed(failure, sent=sent) from failure
            if not patience.left:
                raise self._failed(error, sent=sent) from error
            await patience.pause()

    async def rest(self) -> None:
        """Give the connection back until there is more to send."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.remove_notice_handler(self._notice)
            await self._post.connections.give(connection)

    async def _connected(self, patience: Patience, *, sent: bool) -> Connection:
        if self._connection is None:
            try:
                self._connection = await self._post.connections.take(patience.left)
            except StoreError as error:
                raise self._failed(error, sent=sent) from error
            self._connection.add_notice_handler(self._notice)
        return self._connection

    async def _drop(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        await self.rest()

    async def _call(self, connection: Connection, letters: Sequence[Letter]) -> str | None:
        self._doubted = False
        values = (
            self._post.namespace,
            self._post.channel,
            self._id,
            self._count,
            self._lock_wait,
            any(letter.flushed for letter in letters),
            f"[{','.join([letter.text for letter in letters])}]",
        )
        async with connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(self._post.statement, values, prepare=True)
            row = await cursor.fetchone()
        return row[0] if row else None

    def _notice(self, notice: Diagnostic) -> None:
        """Hear that the server answers although no replica has confirmed: asked again, it waits again."""
        self._doubted = self._doubted or (notice.severity_nonlocalized == "WARNING" and notice.sqlstate == "01000")

    def _failed(self, error: Exception, *, sent: bool) -> Exception:
        if not sent:
            return translated(error, self._post.place)
        return CommitUnknown(
            f"the store {self._post.place}: the connection was lost, and the answer with it: whether this commit was "
            f"written is not known; look before you repeat it ({in_short(error)})"
        )


def _is_locked(error: Exception) -> bool:
    return isinstance(error, psycopg.Error) and error.sqlstate == _LOCKED


def _outcomes(letters: Sequence[Letter], answer: str | None) -> list[Conflict | None]:
    outcomes: list[Conflict | None] = [None] * len(letters)
    if answer is not None:
        refusals: list[tuple[int, list[str | int]]] = json.loads(answer)
        for place, refusal in refusals:
            outcomes[place] = conflict(letters[place].run_id, refusal)
    return outcomes
