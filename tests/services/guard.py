"""Outlives the tests, whatever ends them: `python guard.py`, with names of folders on its standard input.

Once the input ends it kills each process that was started with one of these folders on its command line, and removes
the folders. Where the tests came to a good end nothing of that is left to do.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shutil import rmtree

_GRACE = 3.0


def users_of(folder: str) -> list[int]:
    """List the processes that name a folder."""
    return [pid for pid, command in commands() if folder in command and pid != os.getpid()]


def commands() -> Iterator[tuple[int, str]]:
    """Pair each process with its command line: from the system's own listing, for a small Debian has no `ps`."""
    for words in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            yield int(words.parent.name), words.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    if not Path("/proc/self").exists():
        listing = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=False)
        for line in listing.stdout.splitlines():
            pid, _, command = line.strip().partition(" ")
            yield int(pid), command


def end(folder: str) -> None:
    """End all that use a folder: at first so that a Postgres can end its children, at last by force."""
    limit = time.monotonic() + _GRACE
    while users := users_of(folder):
        for pid in users:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT if time.monotonic() < limit else signal.SIGKILL)
        time.sleep(0.1)


def main() -> None:
    """Wait for the end of the tests, then tidy up after them."""
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.SIG_IGN)
    for folder in [line.strip() for line in sys.stdin]:
        if Path(folder).is_dir():
            end(folder)
            rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
