"""Runs a page as its reader would: block after block, in one directory, and compares what the page shows.

* A `python` block whose first line is a comment with a file's name (`# refunds.py`) is saved as that file. Any other is
  executed, in one namespace for the whole page; `await` may stand at its top level.
* A `text` block after a `python` block is what that block prints.
* In a `console` block each line that begins with `$ ` is executed by a shell; what follows is what it prints. The exit
  code is not looked at, unless the page itself prints it.
* A block whose first line ends with `theirs` is code of another product, for comparison, and is not executed.
* A `tsx` block stands in a file of the example in React, which is compiled and tested; `tests/browser` compares.
* A block of another language is not executed.

In what is compared `...` stands for anything: within a line, or, alone on it, for any lines. Moments, lengths of
time, digests and ids that awaitly made are all alike.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import os
import re
import shlex
import subprocess
import sys
import textwrap
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen, mutable
from click.testing import CliRunner

from awaitly.cli import awaitly

__all__ = ["Block", "Reader", "blocks_of", "same"]

BINARIES = Path(sys.executable).parent
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[a-z]*|\{[a-z-]+\})(?P<info> [^\n]*)?\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
FILE_NAME = re.compile(r"# (?P<name>[a-z_]+\.[a-z]+)\n")
PLAIN = re.compile(r"awaitly (?!demo|worker|dev|serve|doctor|mcp)[^`$|<>&;*?~]*")
"""A command that needs neither a shell nor any code of the page's."""
LANGUAGES = {"python", "text", "console", "sh", "sql", "json", "toml", "tsx", "ini", "nginx", "yaml", "docker"}
LIMIT = 180
"""Seconds for a command of a page: far more than the slowest takes on a busy machine."""
DIRECTIVES = {"{eval-rst}", "{include}"}
"""What Sphinx is told."""


LENGTH = r"(<1 ms|\d+(\.\d+)? (ms|s|min|h|d)( \d+ (s|min|h))?)\b"
ALIKE: Mapping[str, str] = {
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z| UTC)?": "<moment>",
    r"v1:[0-9a-f]{8,64}": "<digest>",
    r"\b[0-9a-f]{64}\b": "<hash>",
    r"\b[0-9a-hjkmnp-tv-z]{26}\b": "<id>",
    r"\b\d\d:\d\d:\d\d\b": "<time>",
    LENGTH: "<length>",
    r"[█░] *(?=[█░])": "",
    r"(?<=\S) {2,}": " ",
}
"""What differs from day to day: moments, digests, ids, lengths of time, and so bars and the widths of columns."""


@frozen
class Block:
    """A fenced block of a page; `line` is that of its first line of content, from 1.

    `theirs`: it is code of another product.
    """

    page: Path
    language: str
    text: str
    line: int
    theirs: bool = False

    @property
    def place(self) -> str:
        """Say where it stands."""
        return f"{self.page.name}:{self.line}"

    @property
    def file(self) -> str | None:
        """The name of the file that it is to be saved as, if any."""
        named = FILE_NAME.match(self.text) if self.language == "python" else None
        return named["name"] if named else None

    def commands(self) -> Iterator[tuple[str, str]]:
        """Give the commands of a `console` block, each with what it prints."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield command, printed


def blocks_of(page: Path) -> list[Block]:
    """Give the blocks of a page, in order. Fails on a language that is not known here: a typing error skips a block."""
    text = page.read_text("utf-8")
    found = [
        Block(
            page,
            fence["language"],
            textwrap.dedent(fence["text"]),
            text.count("\n", 0, fence.start()) + 2,
            fence["info"] == " theirs",
        )
        for fence in FENCE.finditer(text)
    ]
    assert text.count("```") == 2 * len(found), f"a fence of {page} is not closed"
    for block in found:
        known = block.theirs or page.name == "README.md" or block.language in LANGUAGES | DIRECTIVES
        assert known, f"{block.place}: {block.language!r}?"
    return found


def same(shown: str, printed: str) -> bool:
    """Whether what a page shows is what was printed."""
    pattern = "".join(map(_pattern, _alike(shown).strip().splitlines()))
    return re.fullmatch(pattern, _alike(printed).strip() + "\n") is not None if pattern else not printed.strip()


def _pattern(line: str) -> str:
    if line.strip() == "...":
        return r"(?:.*\n)*"
    return re.escape(line).replace(r"\.\.\.", ".*") + r"\n"


def _alike(text: str) -> str:
    for pattern, instead in ALIKE.items():
        text = re.sub(pattern, instead, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWAITLY_")}
    return {**kept, "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "120", "NO_COLOR": "1"}


@mutable
class Reader:
    """Somebody who does what a page says, in the current directory."""

    environ: dict[str, str] = field(factory=_environment, repr=False)
    module: types.ModuleType = field(factory=lambda: types.ModuleType("docs_page"))

    def read(self, page: Path) -> None:
        """Do all that the page says. Fails where it prints something else than the page shows."""
        sys.modules[self.module.__name__] = self.module
        try:
            with asyncio.Runner() as runner:
                self._read(blocks_of(page), runner)
        finally:
            del sys.modules[self.module.__name__]

    def _read(self, blocks: list[Block], runner: asyncio.Runner) -> None:
        for block, after in zip(blocks, [*blocks[1:], None], strict=False):
            if block.theirs:
                continue
            if block.file is not None:
                Path(block.file).write_text(block.text, "utf-8")
            elif block.language == "python":
                shown = after.text if after is not None and after.language == "text" else ""
                _compare(block, shown, self.execute(block, runner))
            elif block.language == "console":
                self.type_in(block)

    def execute(self, block: Block, runner: asyncio.Runner) -> str:
        """Execute a block of Python and give what it prints."""
        source = "\n" * (block.line - 1) + block.text  # so that a traceback names the page's own line
        code = compile(source, block.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            outcome: Any = eval(code, self.module.__dict__)  # noqa: S307  (our own pages)
            if inspect.isawaitable(outcome):
                runner.run(_awaited(outcome))
        return printed.getvalue()

    def type_in(self, block: Block) -> None:
        """Type in the commands of a block and compare what they print, errors included."""
        for command, shown in block.commands():
            exported = re.fullmatch(r"export (\w+)=(\S+)", command)
            if exported:
                self.environ[exported[1]] = exported[2]
                continue
            _compare(block, shown, self.shell(command), f"$ {command}\n")

    def shell(self, command: str) -> str:
        """Give what a command prints on a terminal."""
        if PLAIN.fullmatch(command) and not _in_a_loop():
            return self.call(shlex.split(command)[1:])
        done = subprocess.run(
            ["bash", "-c", command],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        return done.stdout

    def call(self, words: list[str]) -> str:
        """Give what `awaitly` prints, in this process: to start Python for each would take most of the time."""
        absent = dict.fromkeys(name for name in os.environ if name not in self.environ)
        return CliRunner(env={**absent, **self.environ}).invoke(awaitly, words, prog_name="awaitly").output


def _in_a_loop() -> bool:
    """Whether an event loop runs already: then a command, which runs one of its own, needs a process."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _awaited(outcome: Any) -> None:
    await outcome


def _compare(block: Block, shown: str, printed: str, command: str = "") -> None:
    assert same(shown, printed), f"{block.place} shows\n{command}{shown}\nand prints\n{printed}"
