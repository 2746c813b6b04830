"""A Redis of our own, which tests may stop, kill and start again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from subprocess import Popen

from attrs import define, field

from tests.services.asking import Unanswered, ask
from tests.services.ports import HOST, free_port
from tests.services.processes import end, launch, until

__all__ = ["DURABLE", "RedisServer"]

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
"""With these a write that was answered survives whatever happens to the process, and a loss of power."""

_ALWAYS = ("--save", "", "--set-proc-title", "no", "--bind", HOST)


@define
class RedisServer:
    """A Redis on a free port of the loopback. `options` are as on the command line of `redis-server`.

    `program` is `redis-server`; `folder` is empty and ours. Methods block, and are for one thread at a time.
    """

    program: Path
    folder: Path
    options: Sequence[str] = DURABLE
    port: int = field(factory=free_port)
    _process: Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of its database 0."""
        return f"redis://{HOST}:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it has loaded what it kept."""
        command: list[str | Path] = [
            self.program,
            "--port",
            str(self.port),
            "--dir",
            self.folder,
            *_ALWAYS,
            *self.options,
        ]
        self._process = launch(command, self._log)
        until(self._is_ready, self._process, self._log)

    def stop(self) -> None:
        """Stop it in good order."""
        self._end(SIGTERM)

    def restart(self) -> None:
        """Kill it, and start it again at once."""
        self.kill()
        self.start()

    def kill(self) -> None:
        """Kill it by SIGKILL."""
        self._end(SIGKILL)

    def remove(self) -> None:
        """End it for good, and leave nothing but its folder."""
        self.kill()

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _end(self, signal: Signals) -> None:
        if self._process is not None:
            end(self._process, signal)
            self._process = None

    def _is_ready(self) -> bool:
        try:
            ask(self.port, "PING")
        except Unanswered as answer:
            return str(answer).startswith("-NOAUTH")
        except OSError:
            return False
        return True
