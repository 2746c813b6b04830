"""Slack, as far as the channel and its callbacks can tell: real HTTP on loopback, with Slack's limits and refusals."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from attrs import define, field

__all__ = ["TOKEN", "FakeSlack", "Said", "said_by", "serving"]

TOKEN = "xoxb-canary-token"
MENTION = re.compile(r"<[!@#]|<https?:")


@define
class Said:
    """A message as it stands, and each of its states so far."""

    channel: str
    ts: str
    thread_ts: str | None
    states: list[dict[str, Any]] = field(factory=list[dict[str, Any]])

    @property
    def now(self) -> dict[str, Any]:
        """What it says now."""
        return self.states[-1]


@define(eq=False)
class FakeSlack:
    """`calls` has all that was called, `messages` what was posted. `refuse` answers instead, once for each call in it.

    A refusal is a code of Slack's, or a status with headers and a body. While `silent`, nothing is answered. Channels
    that are `gone` cannot be found, those that are `busy` ask to wait.
    """

    port: int = 0
    silent: bool = False
    calls: list[tuple[str, dict[str, Any]]] = field(factory=list[tuple[str, dict[str, Any]]])
    states: list[tuple[Said, dict[str, Any]]] = field(factory=list[tuple[Said, dict[str, Any]]])
    messages: list[Said] = field(factory=list[Said])
    replies: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    refuse: list[str | tuple[int, str, bytes]] = field(factory=list[str | tuple[int, str, bytes]])
    gone: set[str] = field(factory=set[str])
    busy: set[str] = field(factory=set[str])
    open: int = 0
    came: asyncio.Event = field(factory=asyncio.Event)
    left: asyncio.Event = field(factory=asyncio.Event)
    replied: asyncio.Event = field(factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where its methods are."""
        return f"http://127.0.0.1:{self.port}/api/"

    @property
    def hooks(self) -> str:
        """Where it takes answers to what was pressed."""
        return f"http://127.0.0.1:{self.port}/hooks/"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection until the other side ends it."""
        self.open += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._serve(reader, writer)
        self.open -= 1
        self.left.set()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
        body = await reader.readexactly(int(headers["content-length"]))
        self.came.set()
        if self.silent:
            await reader.read()
            return
        status, more, answer = self._answer(head[0].split(" ")[1], headers, json.loads(body))
        writer.write(f"HTTP/1.1 {status} X\r\n{more}content-length: {len(answer)}\r\n\r\n".encode() + answer)
        await writer.drain()

    def _answer(self, path: str, headers: Mapping[str, str], said: dict[str, Any]) -> tuple[int, str, bytes]:
        if path.startswith("/hooks/"):
            self.replies.append(said)
            self.replied.set()
            return 200, "", b"ok"
        method = path.removeprefix("/api/")
        self.calls.append((method, said))
        if self.refuse:
            refusal = self.refuse.pop(0)
            return refusal if isinstance(refusal, tuple) else _no(refusal)
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return _no("invalid_auth")
        wrong = _wrong(said)
        if wrong is not None:
            return _no(wrong)
        return self._posted(said) if method == "chat.postMessage" else self._updated(said)

    def _posted(self, said: dict[str, Any]) -> tuple[int, str, bytes]:
        if said["channel"] in self.gone:
            return _no("channel_not_found")
        if said["channel"] in self.busy:
            return 429, "Retry-After: 1\r\n", b""
        channel = f"D{said['channel'][1:]}" if said["channel"].startswith("U") else said["channel"]
        message = Said(channel, f"1700000000.{len(self.messages):06d}", said.get("thread_ts"))
        self.messages.append(message)
        return self._kept(message, said)

    def _updated(self, said: dict[str, Any]) -> tuple[int, str, bytes]:
        found = [each for each in self.messages if (each.channel, each.ts) == (said["channel"], said["ts"])]
        if not found or said["channel"] in self.gone:
            return _no("message_not_found")
        return self._kept(found[0], said)

    def _kept(self, message: Said, said: dict[str, Any]) -> tuple[int, str, bytes]:
        message.states.append(said)
        self.states.append((message, said))
        return 200, "", json.dumps({"ok": True, "channel": message.channel, "ts": message.ts}).encode()


def _no(code: str) -> tuple[int, str, bytes]:
    return 200, "", json.dumps({"ok": False, "error": code}).encode()


def _wrong(said: dict[str, Any]) -> str | None:
    """Hold a message to Slack's limits."""
    blocks = said.get("blocks", [])
    if len(blocks) > 50 or any(not _fits(block) for block in blocks):
        return "invalid_blocks"
    return "msg_too_long" if len(said.get("text", "")) > 4_000 else None


def _fits(block: dict[str, Any]) -> bool:
    limit = 150 if block["type"] == "header" else 3_000
    text = block.get("text", {"text": "x"})["text"]
    values = [len(element.get("value", "")) for element in block.get("elements", [])]
    return 0 < len(text) <= limit and max(values, default=0) <= 2_000


def said_by(message: dict[str, Any]) -> str:
    """Give all that people read of a message, unescaped as Slack does."""
    texts = [message["text"], *(block["text"]["text"] for block in message["blocks"] if "text" in block)]
    assert not any(MENTION.search(text) for text in texts)
    return "\n".join(texts).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@asynccontextmanager
async def serving() -> AsyncGenerator[FakeSlack]:
    """Open it on a free port of 127.0.0.1."""
    slack = FakeSlack()
    server = await asyncio.start_server(slack.take, "127.0.0.1", 0)
    slack.port = server.sockets[0].getsockname()[1]
    try:
        yield slack
    finally:
        server.close()
        await server.wait_closed()
