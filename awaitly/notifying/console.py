"""A channel that prints: for development, and to see what others would be told."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from awaitly.notifying.channels import Delivery
from awaitly.notifying.telling import Telling, telling
from awaitly.visible import visible

__all__ = ["ConsoleChannel"]


class ConsoleChannel:
    """Prints one block of text for each notice, to `stream`, or to what is the standard output then."""

    def __init__(self, stream: TextIO | None = None, *, name: str = "console") -> None:
        self._stream = stream
        self._name = name

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._name

    async def send(self, delivery: Delivery) -> str | None:
        """Print a notice; what the stream cannot write stands there escaped."""
        stream = sys.stdout if self._stream is None else self._stream
        block = "\n".join(_lines(telling(delivery), delivery)) + "\n\n"
        encoding = stream.encoding or "utf-8"
        stream.write(block.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
        return None


def _lines(told: Telling, delivery: Delivery) -> Iterator[str]:
    yield f"== {told.title}"
    width = max(len(name) for name, _ in (*told.facts, *told.proposal, *told.changes))
    yield from _rows(told.facts, width)
    if told.proposal:
        yield "-- proposed"
        yield from _rows(told.proposal, width)
    if told.changes:
        yield "-- edited"
        yield from _rows(told.changes, width)
    if delivery.approval is not None and delivery.resolution is None:
        yield f"-- awaitly approve {_quoted(delivery.run_id)} {_quoted(delivery.approval.key)} --by NAME"


def _rows(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    return (f"   {name:<{width}}  {text}" for name, text in rows)


def _quoted(text: str) -> str:
    return visible(shlex.quote(text))
