"""Opening the store that a command works on. A path with a typo must not become a new, empty store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import CommandFailed, Failure, store_trouble, usage
from awaitly.cli.interrupts import Runner
from awaitly.exceptions import StoreError, StoreReadOnly
from awaitly.storage.store import Store, open_store
from awaitly.verbs.orchestrator import Orchestrator

__all__ = ["check_exists", "look", "named_store", "work"]

T = TypeVar("T")
Act: TypeAlias = Callable[[Orchestrator, Store], Awaitable[T]]


def look(url: str, act: Act[T]) -> T:
    """Let `act`, which changes nothing, use a store that this user may perhaps only read."""
    try:
        return work(url, act)
    except CommandFailed as failed:
        if not isinstance(failed.__cause__, StoreReadOnly) or not url.startswith("sqlite:") or "mode=" in url:
            raise
    return work(f"{url}{'&' if '?' in url else '?'}mode=ro", act)


def work(url: str, act: Act[T]) -> T:
    """Open an existing store, let `act` use it, close it, and give what came of it."""
    store = named_store(url)
    check_exists(url)

    async def opened() -> T:
        async with Orchestrator(store) as orchestrator:
            return await act(orchestrator, store)

    try:
        with Runner() as runner:
            return runner.run(opened())
    except StoreError as error:
        raise store_trouble(error) from error


def named_store(url: str) -> Store:
    """Give the store of a URL, not yet opened."""
    try:
        return open_store(url)
    except StoreError as error:
        raise store_trouble(error) from error
    except ValueError as error:
        raise usage(f"this is not the URL of a store: {error}") from error


def check_exists(url: str) -> None:
    """Refuse a SQLite file that does not exist: opening it would create it."""
    parts = urlsplit(url)
    if parts.scheme != "sqlite":
        return
    path = Path(unquote(parts.path.removeprefix("/"))).absolute()
    try:
        empty = path.is_file() and path.stat().st_size == 0
        missing = not path.exists()
    except OSError as error:
        raise _no_store(f"the store {path} cannot be looked at: {error.strerror}") from error
    if missing:
        raise _no_store(f"there is no store at {path}; check the path (nothing was created)")
    if empty:
        raise _no_store(f"there is no store at {path}: the file is empty")


def _no_store(message: str) -> CommandFailed:
    return CommandFailed(Failure(ExitCode.STORE, "StoreUnavailable", message))
