"""Asking a Redis on the loopback, without its driver."""

from __future__ import annotations

import socket
from typing import Protocol, TypeAlias

from tests.services.ports import HOST

__all__ = ["Reply", "Unanswered", "ask", "told"]

Reply: TypeAlias = "str | list[Reply] | None"
_PATIENCE = 5.0


class Stream(Protocol):
    """What is read from."""

    def readline(self) -> bytes:
        """Read up to the next end of a line."""
        ...

    def read(self, size: int, /) -> bytes:
        """Read so many bytes."""
        ...


class Unanswered(OSError):
    """A Redis answered with an error."""


def ask(port: int, *words: str | int) -> Reply:
    """Send one command, and give what is answered; raises `OSError` where that is an error, or nothing."""
    with socket.create_connection((HOST, port), _PATIENCE) as connection, connection.makefile("rwb") as stream:
        parts = [str(word).encode() for word in words]
        stream.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts))
        stream.flush()
        return _read(stream)


def told(port: int, *words: str) -> dict[str, str]:
    """Send one command that is answered with lines `name:value` or with pairs, and give these."""
    reply = ask(port, *words)
    if isinstance(reply, list):
        texts = list(map(str, reply))
        return dict(zip(texts[::2], texts[1::2], strict=True))
    return dict(line.split(":", 1) for line in str(reply).splitlines() if ":" in line)


def _read(stream: Stream) -> Reply:
    line = stream.readline().decode().rstrip()
    kind, rest = line[:1], line[1:]
    match kind:
        case "+" | ":":
            return rest
        case "$":
            return stream.read(int(rest) + 2)[:-2].decode() if rest != "-1" else None
        case "*":
            return [_read(stream) for _ in range(int(rest))]
        case _:
            raise Unanswered(line or "the connection was closed")
