"""Child processes: fresh interpreters, and forks of a small server that has imported everything and runs nothing.

A fork takes a few milliseconds. It is safe because the server has neither threads nor an event loop nor a store.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from signal import SIGKILL
from threading import Lock
from typing import Any

from tests.faults import child
from tests.faults.orders import Orders

__all__ = ["CHILD", "CONTEXT", "KILLED", "ended", "fork", "forked", "spawn", "started"]

CHILD = Path(child.__file__)
KILLED = -SIGKILL
_LONGEST = 60.0

_LOCK = Lock()
"""Starting a process reaps all that have ended, whoever waits for them: not while one of those reads its exit code."""

STORES = ("awaitly_sqlite", "awaitly_postgres", "awaitly_redis", "awaitly_split")
"""Imported before forking, for their drivers take long to import; none of them does anything by being imported."""

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["__main__", "tests.faults.child", *STORES])


def started(act: Callable[..., Any], *args: object) -> ForkServerProcess:
    """Let a function run in a forked process."""
    process = CONTEXT.Process(target=act, args=args, daemon=True)
    with _LOCK:
        process.start()
    return process


def fork(orders: Orders) -> ForkServerProcess:
    """Start a forked child."""
    return started(child.obey, orders)


def forked(orders: Orders) -> int:
    """Run a forked child to its end and give its exit code."""
    return ended(fork(orders))


def ended(process: ForkServerProcess, longest: float = _LONGEST) -> int:
    """Wait for a process and give its exit code; one that does not end is killed, and that is an error."""
    in_time = wait([process.sentinel], longest)
    if not in_time:
        process.kill()
    with _LOCK:
        process.join()
        code = process.exitcode
        process.close()
    if not in_time or code is None:
        msg = f"a child did not end within {longest:.0f} seconds"
        raise TimeoutError(msg)
    return code


def spawn(orders: Orders) -> subprocess.Popen[str]:
    """Start a child in an interpreter of its own; its standard input and output are pipes."""
    command = [sys.executable, str(CHILD), orders.to_json()]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
