"""Connections to the server, and the calls over each: one for each client that has a session, one for all others.

A server that tells or asks something says nowhere for which of several clients: where each has its own, it need not.
"""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import suppress

import mcp_types as types
from attrs import define, field
from mcp import MCPError
from mcp.server.connection import Connection

from awaitly_mcp.calls import Calls
from awaitly_mcp.core import Gate
from awaitly_mcp.listening import Listening
from awaitly_mcp.relay import Relay
from awaitly_mcp.targets import Target
from awaitly_mcp.tools import Tools
from awaitly_mcp.upstream import Upstream
from awaitly_mcp.waiting import Answering

__all__ = ["Lane", "Lanes"]

_LANE = "awaitly"


@define(eq=False)
class Lane:
    """One connection to the server, and all that goes over it."""

    relay: Relay
    upstream: Upstream
    tools: Tools
    listening: Listening
    calls: Calls
    _holding: asyncio.Task[None] | None = field(default=None, init=False)
    _holders: int = field(default=0, init=False)

    def open(self) -> None:
        """Hold the connection from now on, as soon as one is wanted."""
        self._holders += 1
        if self._holding is None:
            self._holding = asyncio.create_task(self.upstream.hold(), context=contextvars.Context())

    async def close(self) -> None:
        """Let calls under way come to their end, for a while, and give the connection up if nobody else holds it."""
        self._holders -= 1
        if self._holders or self._holding is None:
            return
        await self.calls.finish()
        holding, self._holding = self._holding, None
        holding.cancel()
        with suppress(asyncio.CancelledError):
            await holding


@define(eq=False)
class Lanes:
    """Makes them. `most` is how many clients may have one of their own at a time."""

    gate: Gate
    target: Target
    agent: str
    answering: Answering
    most: int
    _open: set[Lane] = field(factory=set[Lane], init=False)
    _leaving: set[asyncio.Task[None]] = field(factory=set[asyncio.Task[None]], init=False)

    @property
    def busy(self) -> int:
        """How many clients have one, or have calls left that are still made."""
        return len(self._open)

    def new(self) -> Lane:
        """Make one that is not open yet."""
        relay = Relay(self.answering.inbox_url)
        upstream = Upstream(self.target, relay)
        tools = Tools(upstream)
        relay.tools_changed = tools.forget
        calls = Calls(self.gate, upstream, tools, self.agent, self.answering)
        return Lane(relay, upstream, tools, Listening(upstream, relay), calls)

    def of(self, connection: Connection) -> Lane:
        """Give a client its own, until its session ends. Raises `MCPError` where too many have one."""
        lane: Lane | None = connection.state.get(_LANE)
        if lane is None:
            if len(self._open) >= self.most:
                raise MCPError(types.INTERNAL_ERROR, f"{self.most} clients are connected already: try again later")
            lane = connection.state[_LANE] = self.new()
            self._open.add(lane)
            lane.open()
            connection.exit_stack.callback(self._left, lane)
        return lane

    def _left(self, lane: Lane) -> None:
        """See to what a client has left behind: its calls come to their end, however long they take."""
        task = asyncio.create_task(self._ended(lane), context=contextvars.Context())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _ended(self, lane: Lane) -> None:
        await lane.calls.all_made()
        await lane.close()
        self._open.discard(lane)

    async def close(self) -> None:
        """Close all."""
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*(lane.close() for lane in self._open), return_exceptions=True)
        self._open.clear()
