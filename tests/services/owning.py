"""A server of our own, from its start to its removal."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

from tests.services.guarding import Guard

__all__ = ["Place", "owned"]

Place: TypeAlias = tuple[Path, Path]
"""Where a server's programs are, and the empty folder that is its own."""


class Server(Protocol):
    """What can be started, and ended for good."""

    def start(self) -> None:
        """Start it, and wait until it works."""
        ...

    def remove(self) -> None:
        """End it, whatever has become of it."""
        ...


S = TypeVar("S", bound=Server)


@contextmanager
def owned(guard: Guard, programs: Path, make: Callable[[Place], S]) -> Generator[S]:
    """Have a server for a while."""
    with guard.folder("service") as folder:
        server = make((programs, folder))
        try:
            server.start()
            yield server
        finally:
            server.remove()
