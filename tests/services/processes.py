"""The process of one server: started by whom it may run as, and ended by a signal."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, Signals
from subprocess import DEVNULL, PIPE, STDOUT, Popen, TimeoutExpired

__all__ = ["Broken", "children_of", "end", "is_alive", "launch", "unprivileged", "until"]

_LONGEST = 60.0
_PAUSE = 0.01


class Broken(RuntimeError):
    """A server of our own did not start, or did not end."""


def unprivileged() -> str | None:
    """Name the user as whom root runs what refuses to be run by root; None where we are not root."""
    if os.geteuid() != 0:
        return None
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


def launch(command: Sequence[str | Path], log: Path, user: str | None = None) -> Popen[bytes]:
    """Start a server in a session of its own, so that a Ctrl-C at the tests does not reach it."""
    group = pwd.getpwnam(user).pw_gid if user else None
    with log.open("ab") as out:
        return Popen(
            command,
            stdin=DEVNULL,
            stdout=out,
            stderr=STDOUT,
            cwd=log.parent,
            user=user,
            group=group,
            extra_groups=[] if user else None,
            start_new_session=True,
        )


def until(ready: Callable[[], bool], process: Popen[bytes], log: Path) -> None:
    """Wait until a server that was started is ready. Raises `Broken` with the end of its log."""
    limit = time.monotonic() + _LONGEST
    while not ready():
        if process.poll() is not None or time.monotonic() > limit:
            said = log.read_text(errors="replace")[-2000:]
            msg = f"{process.args!r} did not get ready; its log ends:\n{said}"
            raise Broken(msg)
        time.sleep(_PAUSE)


def end(process: Popen[bytes], signal: Signals = SIGKILL) -> None:
    """Send a signal, and wait until the process is gone; one that does not go is killed, and that is an error."""
    process.send_signal(signal)
    try:
        process.wait(_LONGEST)
    except TimeoutExpired as exc:
        process.kill()
        process.wait()
        msg = f"{process.args!r} did not end after {signal.name}"
        raise Broken(msg) from exc


def is_alive(pid: int) -> bool:
    """Whether there is a process with this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def children_of(pid: int) -> list[int]:
    """List the processes that a process has started."""
    return [child for child, parent in _parents() if parent == pid]


def _parents() -> Iterator[tuple[int, int]]:
    """Pair each process with its parent: from the system's own listing, for a small Debian has no `ps`."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            after_name = status.read_text(errors="replace").rpartition(")")[2]
            yield int(status.parent.name), int(after_name.split()[1])
    if not Path("/proc/self").exists():
        with Popen(["ps", "-A", "-o", "pid=,ppid="], stdout=PIPE, text=True) as listing:
            for line in listing.communicate()[0].splitlines():
                child, parent = line.split()
                yield int(child), int(parent)
