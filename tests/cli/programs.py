"""Programs of their own with a worker in them, for tests that start, watch and stop processes."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.cli.support import environment
from tests.services.guard import commands

__all__ = ["Program", "app_in", "awaitly", "enqueue", "enqueuing", "left_of"]

_LONGEST = 30.0

APP = """
import asyncio
from pathlib import Path
from awaitly import Ok, Orchestrator, Result, Run, open_store, workflow

HERE = Path(__file__).parent

async def hold(name: str) -> Result[str, str]:
    (HERE / f"{name}.began").touch()
    while not (HERE / f"{name}.go").exists():
        await asyncio.sleep(0.01)
    return Ok(f"{name} VERSION")

@workflow
async def holding(run: Run[str], name: str) -> Result[str, str]:
    return Ok(await run.step(hold, name))

@workflow
async def strange(run: Run[str], name: str) -> Result[str, str]:
    return Ok(name)

def make() -> Orchestrator:
    return Orchestrator(open_store(f"sqlite:///{HERE / 'runs.db'}"), workflows=[holding])

orchestrator = make()
number = 7
"""

_ENQUEUE = """
import asyncio, sys
import app
async def go():
    async with app.make() as orchestrator:
        sys.stdin.read()
        (await orchestrator.enqueue(getattr(app, sys.argv[1])(sys.argv[2]), run_id=sys.argv[2])).unwrap()
asyncio.run(go())
"""


def app_in(folder: Path) -> Path:
    """Write the program `app.py`; a run `holding(name)` goes on once a file `name.go` is there."""
    (folder / "app.py").write_text(APP)
    return folder


def enqueue(folder: Path, name: str, workflow: str = "holding", *, free: bool = True) -> None:
    """Enqueue a run from a process of its own; unless it is `free`, it holds until its file is made."""
    with enqueuing(folder, name, workflow, free=free) as now:
        now()


@contextmanager
def enqueuing(
    folder: Path, name: str, workflow: str = "holding", *, free: bool = True
) -> Generator[Callable[[], object]]:
    """Start a process that enqueues a run as soon as what this gives is called."""
    if free:
        (folder / f"{name}.go").touch()
    command = [sys.executable, "-c", _ENQUEUE, workflow, name]
    with subprocess.Popen(command, cwd=folder, env=environment(), stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        yield process.stdin.close
    assert process.returncode == 0


class Program:
    """A process whose standard error is read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for text in self.process.stderr:
            self._queue.put(text)
        self._queue.put(None)

    def until(self, *parts: str) -> str:
        """Read on until a line has all these parts, and give it."""
        while True:
            text = self._queue.get(timeout=_LONGEST)
            assert text is not None, "".join(self.lines)
            self.lines.append(text)
            if all(part in text for part in parts):
                return text

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end, read what it said, and give its exit code."""
        code = self.process.wait(_LONGEST)
        while (text := self._queue.get(timeout=_LONGEST)) is not None:
            self.lines.append(text)
        return code


@contextmanager
def awaitly(folder: Path, *words: str) -> Generator[Program]:
    """Start the command; whatever is left of it and of its children is killed at the end."""
    command = [sys.executable, "-m", "awaitly", *words]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield Program(process)
        finally:
            while left := left_of(process.pid):
                for pid in left:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)


def left_of(session: int) -> list[int]:
    """List the processes of a session: a worker has a group of its own, and yet is of its parent's session."""
    return [pid for pid, command in commands() if command.strip() and _session_of(pid) == session]


def _session_of(pid: int) -> int | None:
    with suppress(OSError):  # it has ended meanwhile
        return os.getsid(pid)
    return None
