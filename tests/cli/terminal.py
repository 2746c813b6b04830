"""A command in a pseudo-terminal, driven as a person would: read until something appears, then type."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
from fcntl import ioctl
from pathlib import Path
from struct import pack
from types import TracebackType
from typing import Self

from tests.cli.support import environment

PATIENCE = 60


class Terminal:
    """Runs `awaitly` in a terminal of 80 by 24."""

    def __init__(self, *words: str, folder: Path, columns: int = 80, **more: str) -> None:
        self._master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, pack("HHHH", 24, columns, 0, 0))
        command = [sys.executable, "-m", "awaitly", *words]
        settings = environment(TERM="xterm", AWAITLY_ACTOR="ann", **more)
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=settings,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_own_terminal,  # noqa: PLW1509  (no other thread runs here)
        )
        os.close(slave)
        self.shown = ""

    def __enter__(self) -> Self:
        """Give the terminal."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no process behind."""
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def until(self, pattern: str) -> str:
        """Read until a pattern appears in what was not read before, and give all up to its end."""
        while (found := re.search(pattern, self.shown)) is None:
            assert self._read(), f"{pattern!r} did not appear in:\n{self.shown}"
        read, self.shown = self.shown[: found.end()], self.shown[found.end() :]
        return read

    def type(self, text: str) -> None:
        """Type."""
        os.write(self._master, text.encode())

    def finish(self, code: int = 0) -> str:
        """Read to the end, and give the rest; the exit code must be `code`."""
        while self._read():
            pass
        assert self.process.wait(PATIENCE) == code, self.shown
        return self.shown

    def _read(self) -> bool:
        if not select.select([self._master], [], [], PATIENCE)[0]:
            return False
        try:
            more = os.read(self._master, 65_536)
        except OSError:  # how Linux says that nobody is at the other end any more
            return False
        self.shown += more.decode(errors="replace").replace("\r\n", "\n")
        return bool(more)


def _own_terminal() -> None:
    """Let Ctrl-C reach the process."""
    ioctl(0, termios.TIOCSCTTY, 0)
