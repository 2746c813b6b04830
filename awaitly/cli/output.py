"""Where a command's answer goes: text for people, or one JSON document for programs.

A reader that has seen enough (`awaitly runs | head -1`) is no error: what is left is dropped without a word.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["Output", "silence", "tolerate_any_text"]

_WIDE = 1_000
_USUAL = 80


class Output:
    """Prints for a command. With `as_json` nothing but the document goes to stdout."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def answer(self, document: dict[str, Any], text: Callable[[], None]) -> None:
        """Print the document, or let `text` print."""
        if self.as_json:
            _write(sys.stdout, json.dumps(document, indent=2) + "\n")
        else:
            text()

    def line(self, text: str = "", style: str | None = None) -> None:
        """Print a line of text that is safe to print."""
        from rich.text import Text  # noqa: PLC0415  (rich takes long to import)

        self.draw(Text(text, style=style or ""), wrap=True)

    def raw(self, text: str) -> None:
        """Print text as it is."""
        _write(sys.stdout, text if text.endswith("\n") else f"{text}\n")

    def note(self, text: str) -> None:
        """Say something beside the answer."""
        if not self.as_json:
            _write(sys.stderr, text + "\n")

    def draw(self, drawing: RenderableType, *, wrap: bool = False) -> None:
        """Print a table or a text, in colour where a terminal shows it; no line ends in blanks."""
        console = self.console(unlimited=not wrap)
        with console.capture() as captured:
            console.print(drawing, soft_wrap=wrap and not sys.stdout.isatty())
        _write(sys.stdout, "\n".join(line.rstrip(" ") for line in captured.get().split("\n")))

    def console(self, *, unlimited: bool = False) -> Console:
        """Give a console that takes nothing in a text for markup. Off a terminal, tables may be as wide as they are."""
        from rich.console import Console  # noqa: PLC0415  (as above)

        width = None if sys.stdout.isatty() else (_WIDE if unlimited else self.width)
        return Console(file=sys.stdout, markup=False, emoji=False, highlight=False, width=width)

    @property
    def width(self) -> int:
        """How many columns there are."""
        return max(shutil.get_terminal_size((_USUAL, 24)).columns, 20)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        silence(stream)


def silence(stream: TextIO) -> None:
    """Let what is still to be written go nowhere, also at the interpreter's end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    except (OSError, io.UnsupportedOperation):
        pass
    finally:
        os.close(nowhere)


def tolerate_any_text() -> None:
    """Let characters that the terminal's encoding lacks be written as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
