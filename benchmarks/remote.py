"""The near end of a contender's process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.places import Place

__all__ = ["Missing", "Remote", "all_opened", "running"]

_ROOT = Path(__file__).parent.parent


class Missing(Exception):
    """A contender's packages are not installed."""


class Remote:
    """A contender, open at an address of its own. Times are seconds."""

    def __init__(self, name: str, address: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self.address = address
        self._process = process

    def start(self, names: Sequence[str], clients: int) -> tuple[float, list[float]]:
        """Start runs until each is parked; give the time of it all and of each."""
        seconds, each = self._ask(do="start", names=names, clients=clients)
        return seconds, each

    def decide(self, names: Sequence[str], clients: int) -> tuple[float, list[float]]:
        """Approve runs until each is completed; give the time of it all and of each."""
        seconds, each = self._ask(do="decide", names=names, clients=clients)
        return seconds, each

    def count(self, name: str, upto: int) -> float:
        """Run so many steps in a row; give the time of it all."""
        return float(self._ask(do="count", name=name, upto=upto))

    def list_pending(self, limit: int, times: int) -> list[float]:
        """Give the times of as many listings."""
        found: list[float] = self._ask(do="list", limit=limit, times=times)
        return found

    def list_waiting(self, limit: int, times: int) -> list[float]:
        """Give the times of as many listings of what waits for somebody, each for another person."""
        found: list[float] = self._ask(do="wait", limit=limit, times=times)
        return found

    def open_page(self, path: str, people: Sequence[str]) -> list[float]:
        """Give the times in which each of these people got a page."""
        found: list[float] = self._ask(do="page", path=path, people=people)
        return found

    def resumed(self, count: int) -> Mapping[str, float]:
        """Wait until so many runs were resumed there, and give when, by the machine's monotonic clock."""
        found: Mapping[str, float] = self._ask(do="resumed", count=count)
        return found

    def served(self) -> str:
        """Give the host and port that it serves at."""
        return str(self._ask(do="served"))

    def peak_megabytes(self) -> float:
        """Give the most memory that the process has had."""
        return float(self._ask(do="memory"))

    def kill(self) -> None:
        """End the process as a crash would."""
        self._process.kill()
        self._process.wait()

    def ready(self) -> None:
        """Wait until it is open. Raises `Missing`."""
        found = self._answer()
        if "missing" in found:
            raise Missing(f"{self.name}: {found['missing']}")

    def _ask(self, **order: object) -> Any:
        assert self._process.stdin is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.name} ended; what it printed above says why")
        return json.loads(line)


@contextmanager
def running(name: str, address: str) -> Generator[Remote]:
    """Open a contender in a process of its own. Raises `Missing`."""
    command = [sys.executable, "-m", "benchmarks.worker", name, address]
    with subprocess.Popen(command, cwd=_ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        remote = Remote(name, address, process)
        try:
            remote.ready()
            yield remote
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()


@contextmanager
def all_opened(names: Sequence[str], place: Place, missing: list[str]) -> Generator[Mapping[str, Remote]]:
    """Open contenders side by side; those whose packages are not installed are added to `missing`."""
    with ExitStack() as stack:
        opened: dict[str, Remote] = {}
        for name in names:
            try:
                opened[name] = stack.enter_context(running(name, place(name)))
            except Missing as exc:
                missing.append(str(exc))
        yield opened
