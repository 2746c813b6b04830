"""Proxies that are processes of their own, driven by the official client, and killed at will."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from mcp import Client, StdioServerParameters

from awaitly import Gate, open_store

__all__ = ["Killable", "Life", "killable"]

AWAITLY = (sys.executable, "-c", "from awaitly_command import main; main()", "mcp")

_NOTING_ITS_ID = 'echo $$ > "$0" && exec "$@"'


@frozen
class Killable:
    """A client, and the process of the proxy that it speaks with."""

    client: Client
    id_file: Path

    def kill(self) -> None:
        """Kill the proxy, at once."""
        os.kill(int(self.id_file.read_text("ascii")), signal.SIGKILL)


@asynccontextmanager
async def killable(folder: Path, *command: str, mode: str = "auto", **options: Any) -> AsyncGenerator[Killable]:
    """Start a program that serves over stdin and stdout."""
    id_file = folder / f"id-{os.urandom(4).hex()}"
    program = StdioServerParameters(
        command="/bin/sh",
        args=["-c", _NOTING_ITS_ID, str(id_file), *command],
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    async with Client(program, mode=mode, **options) as client:
        yield Killable(client, id_file)


@frozen
class Life:
    """A folder with files and a store, and the server that is behind each proxy started here."""

    folder: Path
    server: Callable[[Path], tuple[str, ...]]

    @property
    def files(self) -> Path:
        """Where the server may write."""
        return self.folder / "files"

    @property
    def store(self) -> str:
        """Give the store's address."""
        return f"sqlite:///{self.folder}/gate.db"

    def proxy(self, *options: str, mode: str = "auto", wait: str = "1ms") -> Any:
        """Start a proxy as people do, by the command line; `wait` is how long it puts an answer off."""
        rules = ("--allow", "read_*", "--allow", "list_*", "--wait", wait)
        command = (*AWAITLY, "--store", self.store, *rules, *options, "--", *self.server(self.files))
        return killable(self.folder, *command, mode=mode)

    @asynccontextmanager
    async def deciding(self) -> AsyncGenerator[Gate]:
        """Open the gate as people's side does."""
        async with Gate(open_store(self.store)) as gate:
            yield gate
