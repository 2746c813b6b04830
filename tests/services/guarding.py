"""Folders that are gone once the tests are, with whatever runs in them."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from subprocess import PIPE, Popen
from tempfile import mkdtemp

from attrs import frozen

from tests.services import guard

__all__ = ["Guard", "guarded"]


@frozen
class Guard:
    """The process that tidies up where this one is killed."""

    process: Popen[str]

    @contextmanager
    def folder(self, name: str) -> Generator[Path]:
        """Make an empty folder, and remove it."""
        made = Path(mkdtemp(prefix=f"awaitly-{name}-"))
        assert self.process.stdin is not None
        self.process.stdin.write(f"{made}\n")
        self.process.stdin.flush()
        try:
            yield made
        finally:
            rmtree(made)


@contextmanager
def guarded() -> Generator[Guard]:
    """Have a guard for a while."""
    command = [sys.executable, "-I", "-S", guard.__file__]
    with Popen(command, stdin=PIPE, text=True, start_new_session=True) as process:
        yield Guard(process)
