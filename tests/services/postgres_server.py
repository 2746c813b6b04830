"""A Postgres of our own, which tests may stop, kill and start again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shutil import chown
from signal import SIGINT, SIGKILL, SIGQUIT, Signals
from subprocess import Popen

from attrs import define, field

from tests.services.ports import HOST, free_port
from tests.services.processes import Broken, children_of, end, launch, unprivileged, until

__all__ = ["PostgresServer"]

_READY = 7
"""The line of `postmaster.pid`, counted from 0, in which a server says how it is."""

_SETTINGS: Mapping[str, str] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",  # in the folder: a kill leaves nothing elsewhere
    "shared_buffers": "32MB",
    "max_connections": "200",
    "max_wal_size": "128MB",
}

_INITIAL = ("--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")


@define
class PostgresServer:
    """A Postgres on a free port of the loopback. Its user `postgres` may do everything and needs no password.

    `programs` is where `initdb` and `postgres` are; `folder` is empty and ours; `settings` are as in postgresql.conf.
    Writes are flushed unless `settings` say otherwise. Methods block, and are for one thread at a time.
    """

    programs: Path
    folder: Path
    settings: Mapping[str, str]
    port: int = field(factory=free_port)
    _process: Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of its database `postgres`."""
        return f"postgresql://postgres@{HOST}:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it takes connections; it recovers from whatever happened before."""
        if not self._data.exists():
            self._initialise()
        options = [f"-c{name}={value}" for name, value in {**_SETTINGS, **self.settings}.items()]
        command: list[str | Path] = [self.programs / "postgres", "-D", self._data, "-p", str(self.port), *options]
        self._process = launch(command, self._log, unprivileged())
        until(self._is_ready, self._process, self._log)

    def stop(self) -> None:
        """Stop it in good order; whoever is connected is cut off."""
        self._end(SIGINT)

    def restart(self) -> None:
        """Do what `pg_ctl restart -m immediate` does: end without tidying up, and recover."""
        self.crash()
        self.start()

    def crash(self) -> None:
        """Let it end at once, without tidying up: what `pg_ctl stop -m immediate` does."""
        self._end(SIGQUIT)

    def kill(self) -> None:
        """Kill all its processes by SIGKILL, at once."""
        if self._process is None:
            return
        family = [*children_of(self._process.pid), self._process.pid]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, SIGKILL)
        self._end(SIGKILL)

    def remove(self) -> None:
        """End it for good, and leave nothing but its folder."""
        self._end(SIGQUIT)
        with suppress(OSError, IndexError):
            segment = self._state()[6].split()[1]
            subprocess.run(["ipcrm", "-m", segment], check=False, capture_output=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _end(self, signal: Signals) -> None:
        if self._process is not None:
            end(self._process, signal)
            self._process = None

    def _is_ready(self) -> bool:
        with suppress(OSError, IndexError):
            lines = self._state()
            return int(lines[0]) == self._process_id() and lines[_READY].strip() == "ready"
        return False

    def _process_id(self) -> int:
        return self._process.pid if self._process else 0

    def _state(self) -> list[str]:
        return (self._data / "postmaster.pid").read_text().splitlines()

    def _initialise(self) -> None:
        user = unprivileged()
        if user is not None:
            chown(self.folder, user)
        self._log.touch()
        making = launch([self.programs / "initdb", "-D", self._data, *_INITIAL], self._log, user)
        if making.wait() != 0:
            raise Broken(self._log.read_text())
