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
from typing import TYPE_CHECKING, Any, TextIO, cast

from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import CommandFailed, Failure
from awaitly.visible import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["Output", "in_terminal", "prepare_streams"]

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

    def said(self, text: str) -> None:
        """Print a line of text that may come from anywhere."""
        self.line(visible(text))

    def command(self, text: str) -> None:
        """Print a command, which may be longer than the line, so that it can be copied as one."""
        self.raw(visible(text))

    def raw(self, text: str) -> None:
        """Print text as it is."""
        _write(sys.stdout, text if text.endswith("\n") else f"{text}\n")

    def note(self, text: str) -> None:
        """Say something beside the answer."""
        if not self.as_json:
            _write(sys.stderr, text + "\n")

    def draw(self, drawing: RenderableType, *, wrap: bool = False) -> None:
        """Print a table or a text, in colour where a terminal shows it; no line ends in blanks."""
        terminal = in_terminal(sys.stdout)
        drawn = io.StringIO()
        console = self.console(drawn, terminal=terminal, width=self.width if terminal or wrap else _WIDE)
        console.print(drawing, soft_wrap=wrap and not terminal)
        _write(sys.stdout, "\n".join(line.rstrip(" ") for line in drawn.getvalue().split("\n")))

    def console(self, file: TextIO, *, terminal: bool, width: int | None = None) -> Console:
        """Give a console that takes nothing in a text for markup."""
        from rich.console import Console  # noqa: PLC0415  (as above)

        return Console(
            file=file, force_terminal=terminal or None, width=width, markup=False, emoji=False, highlight=False
        )

    @property
    def has_blocks(self) -> bool:
        """Whether bars can be drawn with more than ASCII."""
        return (sys.stdout.encoding or "").lower().startswith("utf")

    @property
    def width(self) -> int:
        """How many columns there are."""
        return max(shutil.get_terminal_size((_USUAL, 24)).columns, 20)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _silence(stream)
    except OSError as error:
        _silence(stream)
        message = f"the answer could not be written: {error.strerror}"
        raise CommandFailed(Failure(ExitCode.OUTPUT, type(error).__name__, message)) from error


def _silence(stream: TextIO) -> None:
    """Let what is still to be written go nowhere, also at the interpreter's end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    except (OSError, io.UnsupportedOperation):
        pass
    finally:
        os.close(nowhere)


def in_terminal(stream: TextIO) -> bool:
    """Whether a person is at the other end."""
    return stream.isatty()


def _nowhere(flags: int, mode: str) -> TextIO:
    return cast("TextIO", os.fdopen(os.open(os.devnull, flags), mode))


def prepare_streams() -> None:
    """Let characters that the terminal's encoding lacks be written as escapes, and closed streams lead nowhere.

    A closed stream's number would otherwise go to the next file that is opened: the store's.
    """
    sys.stdin = sys.stdin or _nowhere(os.O_RDONLY, "r")
    sys.stdout = sys.stdout or _nowhere(os.O_WRONLY, "w")
    sys.stderr = sys.stderr or _nowhere(os.O_WRONLY, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
