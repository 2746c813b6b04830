"""What hostile clients send: requests as bytes, each of a kind that must be refused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from attrs import frozen

from awaitly_web.values import LARGEST_BODY
from tests.faults.besieged import ANN, EVE, MALLORY

__all__ = ["HONEST", "HOSTILE", "UNFINISHED", "UPDATES", "Sent", "approving", "asked", "held"]

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_LONGEST = 60.0


@frozen
class Sent:
    """A request, in parts that are sent one by one; `expected` are the statuses that answer it."""

    parts: Sequence[bytes]
    expected: frozenset[int]


@asynccontextmanager
async def held(port: int, sent: Sent) -> AsyncGenerator[asyncio.StreamReader]:
    """Send a request on a connection of its own, which is held open for as long, and give what can be read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in sent.parts:
            writer.write(part)
            await writer.drain()
        yield reader
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def asked(port: int, sent: Sent) -> int:
    """Send a request, and give the status that answers it; 0 where nothing that is HTTP did."""
    async with asyncio.timeout(_LONGEST), held(port, sent) as reader:
        found = _STATUS.match(await reader.readuntil(b"\r\n"))
    return int(found[1]) if found else 0


def _head(method: str, path: str, key: str | None = None, **headers: str) -> bytes:
    told = {"host": "127.0.0.1", "connection": "close", **headers}
    if key is not None:
        told["authorization"] = f"Bearer {key}"
    lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _plain(*statuses: int, method: str = "GET", path: str = "/", key: str | None = None, **headers: str) -> Sent:
    return Sent([_head(method, path, key, **headers)], frozenset(statuses))


def _json(body: bytes, *statuses: int, path: str = "/api/runs/r0/approvals/boss/edit", key: str = MALLORY) -> Sent:
    head = _head("POST", path, key, content_type="application/json", content_length=str(len(body)))
    return Sent([head, body], frozenset(statuses))


def _chunked(pieces: Sequence[bytes], *statuses: int) -> Sent:
    """Send pieces and no end."""
    head = _head(
        "POST",
        "/api/runs/r0/approvals/boss/edit",
        MALLORY,
        content_type="application/json",
        transfer_encoding="chunked",
    )
    return Sent([head, *(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)], frozenset(statuses))


def _raw(text: bytes, *statuses: int) -> Sent:
    return Sent([text], frozenset(statuses))


def _form(body: bytes, *statuses: int) -> Sent:
    kind = "application/x-www-form-urlencoded"
    return Sent(
        [_head("POST", "/", MALLORY, content_type=kind, content_length=str(len(body))), body], frozenset(statuses)
    )


_JWT = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbm4ifQ."
_SIGNED = {"webhook_id": "m1", "webhook_timestamp": "1", "webhook_signature": "v1,AAAA"}
_HOST = b"Host: 127.0.0.1\r\nConnection: close\r\n"
_WHOLE = b'{"value":"' + b"x" * (LARGEST_BODY - 12) + b'"}'
_APPROVE = "/api/runs/r0/approvals/boss/approve"

HOSTILE: Mapping[str, Sent] = {
    "declared too large": _plain(413, method="POST", path=_APPROVE, key=MALLORY, content_length="300000"),
    "declared by a huge number": _plain(400, 413, method="POST", path=_APPROVE, key=MALLORY, content_length="9" * 19),
    "streamed too large": _chunked([b"x" * 65_536] * 4 + [b"x"], 413),
    "as large as may be": _json(_WHOLE, 404, 422),
    "as large as may be, of brackets": _json(b'{"value":[' + b"[]," * (LARGEST_BODY // 3 - 5) + b"[]]}", 404, 422),
    "texts by the hundred thousand": _json(b'"' * (LARGEST_BODY - 2), 422),
    "a text that does not end": _json(b'{"value":"' + b'\\"' * (LARGEST_BODY // 2 - 8), 422),
    "deep": _json(b'{"value":' + b"[" * 200_000, 422),
    "not a number": _json(b'{"value":NaN}', 422),
    "infinite": _json(b'{"value":-Infinity}', 422),
    "too large a number": _json(b'{"value":1e999}', 422),
    "a number of 200,000 digits": _json(b'{"value":' + b"9" * 200_000 + b"}", 422),
    "twice the same member": _json(b'{"value":1,"value":2}', 422),
    "five thousand members": _json(b"{" + b",".join(b'"m%d":1' % n for n in range(4_900)) + b"}", 422),
    "no utf-8": _json(b'{"value":"\xff\xfe"}', 422),
    "utf-16": _json('{"value":1}'.encode("utf-16"), 422),
    "a lone surrogate": _json(b'{"value":"\\ud800"}', 404, 422),
    "a claim to be Ann": _json(b'{"by":"ann","value":1}', 403),
    "a form of many fields": _form(b"a=1&" * 60_000, 422),
    "a form that is none": _form(b"\xff%%%" * 1_000, 422),
    "no such method": _plain(405, method="BREW"),
    "a method that is not for this": _plain(405, method="DELETE", path="/api/inbox", key=MALLORY),
    "all may be traced": _plain(405, method="TRACE", path="/api/inbox"),
    "no key": _plain(401, path="/api/inbox"),
    "a forged key": _plain(401, path="/api/inbox", key="ann-" + "x" * 40),
    "a forged key of bytes": _plain(401, path="/api/inbox", authorization="Bearer \xff\xfe\x80"),
    "a token signed by nobody": _plain(401, path="/api/inbox", key=_JWT),
    "a forged session": _plain(401, path="/", cookie="awaitly-session=ann; awaitly-csrf=" + "x" * 43),
    "a forged link": _plain(401, 403, 404, path="/a/" + "x" * 300),
    "a forged webhook": Sent(
        [_head("POST", "/hooks/decisions", content_length="2", **_SIGNED), b"{}"], frozenset({401})
    ),
    "from another site": _plain(403, method="POST", path="/", origin="https://evil.example", cookie="a=b"),
    "updates for nobody": _plain(401, path="/live/inbox"),
    "updates without the right": _plain(403, path="/live/inbox", key=EVE),
    "updates of another's run": _plain(404, path="/live/runs/r0", key=EVE),
    "updates of no link": _plain(401, 403, 404, path="/a/nonsense/live"),
    "no such place": _plain(404, path="/../../etc/passwd"),
    "a path of bytes": _plain(400, 404, path="/runs/%ff%fe%00"),
    "a path of lines": _plain(400, 404, path="/runs/%0d%0aset-cookie:x"),
    "a path that is long": _plain(404, path="/runs/" + "x" * 30_000),
    "a query of many": _plain(422, path="/api/inbox?" + "a=1&" * 10_000, key=MALLORY),
    "a query of nonsense": _plain(422, path="/decided?after=%00%ff", key=MALLORY),
    "a place in no list": _plain(422, path="/decided?after=[1]", key=MALLORY),
    "a place in no list of mine": _plain(422, path="/?after=[[]]", key=MALLORY),
    "a limit of billions": _plain(422, path="/api/inbox?limit=" + "9" * 5_000, key=MALLORY),
    "a length beyond all": _plain(422, path="/?due_within=" + "9" * 900 + "w", key=MALLORY),
    "a host that is none": _raw(b"GET /api/inbox HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n", 400, 401),
    "hosts that contradict": _raw(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", 400, 401),
    "no host": _raw(b"GET /api/inbox HTTP/1.1\r\nConnection: close\r\n\r\n", 400, 401),
    "a header of 100 kB": _raw(
        b"GET / HTTP/1.1\r\n" + _HOST + b"x-big: " + b"x" * 100_000 + b"\r\n\r\n", 400, 401, 431
    ),
    "four thousand headers": _raw(
        b"GET /api/inbox HTTP/1.1\r\n" + _HOST + b"x-many: 1\r\n" * 4_000 + b"\r\n", 400, 401, 431
    ),
    "a header of bytes": _raw(b"GET /api/inbox HTTP/1.1\r\n" + _HOST + b"cookie: \xff\xfe=\x80\r\n\r\n", 400, 401),
    "a header within a header": _raw(b"GET / HTTP/1.1\r\n" + _HOST + b"a: b\x00c\r\n\r\n", 400),
    "two lengths": _raw(b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
    "a length that is none": _raw(b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: -1\r\n\r\n", 400),
    "another coding": _raw(b"POST / HTTP/1.1\r\n" + _HOST + b"Transfer-Encoding: gzip\r\n\r\n", 400, 501),
    "chunks that are none": _raw(
        b"POST / HTTP/1.1\r\n" + _HOST + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", 400
    ),
    "no HTTP at all": _raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "a body that does not come": _chunked([b'{"value":'], 408),
}
"""By what is wrong with it."""

UNFINISHED = _raw(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nx-slow: ")
"""A request whose headers never end."""
UPDATES = _plain(200, 429, path="/live/inbox", key=ANN)
"""Somebody who may opens a stream."""

HONEST: Mapping[str, Sent] = {
    "the inbox": _plain(200, key=ANN),
    "the inbox of the API": _plain(200, path="/api/inbox", key=ANN),
    "an approval": _plain(200, path="/runs/r1/approvals/boss", key=ANN),
}
"""What Ann asks for."""


def approving(number: int) -> Sent:
    """Have Ann approve what a run asks."""
    return _json(b"{}", 200, path=f"/api/runs/r{number}/approvals/boss/approve", key=ANN)
