"""A proxy in front of a server on the loopback, which cuts connections where a test says so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import TypeAlias

from attrs import define, field, frozen

from tests.services.ports import HOST, free_port

__all__ = ["Proxy", "proxied"]

Suits: TypeAlias = Callable[[bytes], bool]
_CHUNK = 1 << 16


@frozen(eq=False)
class _Cut:
    """What is to be cut: the connection whose client sends what suits, once the server has answered that."""

    suits: Suits
    done: threading.Event = field(factory=threading.Event)


@define(eq=False)
class _Link:
    """One connection through the proxy, and why it is to be cut, if it is."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    cut: _Cut | None = None

    def abort(self) -> None:
        """Cut both halves at once."""
        self.client.transport.abort()
        self.server.transport.abort()


class Proxy:
    """Hands on whatever goes to a server and comes from it. Its methods are for any thread.

    While it is not `reachable` it takes no new connections: they are cut as soon as they are made.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._links: set[_Link] = set()
        self._waiting: list[_Cut] = []
        self.loop = asyncio.new_event_loop()
        self.port = free_port()
        self.reachable = True

    def lose_reply(self, suits: Suits = bool) -> threading.Event:
        """Let the next request that suits reach the server, and cut the connection instead of giving its answer.

        The event is set once that has happened: the server has then done what was asked.
        """
        cut = _Cut(suits)
        self._waiting.append(cut)
        return cut.done

    def lose_nothing(self) -> None:
        """Wait for no such request any longer."""
        self._waiting.clear()

    def cut(self) -> None:
        """Cut all connections."""
        for link in tuple(self._links):
            self.loop.call_soon_threadsafe(link.abort)

    async def run(self, started: threading.Event) -> None:
        """Serve until cancelled."""
        async with await asyncio.start_server(self._connected, HOST, self.port) as server:
            started.set()
            await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            if self.reachable:
                answers, server = await asyncio.open_connection(HOST, self._target)
                await self._linked(reader, answers, _Link(writer, server))
        writer.transport.abort()

    async def _linked(self, requests: asyncio.StreamReader, answers: asyncio.StreamReader, link: _Link) -> None:
        self._links.add(link)
        pumps = [asyncio.create_task(self._up(requests, link)), asyncio.create_task(self._down(answers, link))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._links.discard(link)
            link.abort()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _up(self, requests: asyncio.StreamReader, link: _Link) -> None:
        while data := await requests.read(_CHUNK):
            link.cut = link.cut or self._cut_for(data)
            link.server.write(data)
            await link.server.drain()

    async def _down(self, answers: asyncio.StreamReader, link: _Link) -> None:
        while data := await answers.read(_CHUNK):
            if link.cut is not None:
                link.abort()
                link.cut.done.set()
                return
            link.client.write(data)
            await link.client.drain()

    def _cut_for(self, data: bytes) -> _Cut | None:
        found = next((cut for cut in self._waiting if cut.suits(data)), None)
        if found is not None:
            self._waiting.remove(found)
        return found


@contextmanager
def proxied(target: int) -> Generator[Proxy]:
    """Have a proxy in front of this port of the loopback, in a thread of its own."""
    proxy, started = Proxy(target), threading.Event()
    thread = threading.Thread(target=_run, args=(proxy, started), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield proxy
    finally:
        proxy.loop.call_soon_threadsafe(_cancel_all, proxy.loop)
        thread.join(10)


def _run(proxy: Proxy, started: threading.Event) -> None:
    with asyncio.Runner(loop_factory=lambda: proxy.loop) as runner, suppress(asyncio.CancelledError):
        runner.run(proxy.run(started))


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
