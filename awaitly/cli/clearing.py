"""The command that deletes: `cleanup`, with a file to keep what goes."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from io import FileIO
from pathlib import Path

import click

from awaitly.cli import plain
from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import CommandFailed, Failure, usage
from awaitly.cli.options import LENGTH, common, settings
from awaitly.cli.stores import work
from awaitly.storage.store import Store
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.verbs.reader import History
from awaitly.visible import visible

__all__ = ["cleanup"]

_OWNERS = 0o600
_FIRST = b"{"
"""What every line of an archive begins with; a store, say, does not."""


@click.command()
@click.option(
    "--older-than", type=LENGTH, metavar="TIME", required=True, help="Only what ended longer ago: 30m, 24h, 90d."
)
@click.option(
    "--archive",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Add a line of JSON for each run to this file first.",
)
@common
def cleanup(older_than: timedelta, path: Path | None) -> None:
    """Delete runs that ended long ago, with all that belongs to them.

    What waits, or was set aside, is kept. A line of the archive is what `awaitly show RUN --json` prints, with the
    ledger's entries; it is on the disk before its run is deleted.
    """
    given = settings()
    with _opened(path) as archive:
        keep = None if archive is None else archive.keep

        async def cleared(orchestrator: Orchestrator, _: Store) -> int:
            return await orchestrator.cleanup(older_than=older_than, archive=keep)

        deleted = work(given.url, cleared)
    document = {
        "deleted": deleted,
        "archived": None if archive is None else archive.kept,
        "archive": None if path is None else str(path),
    }
    given.output.answer(document, lambda: given.output.line(_sentence(deleted, path)))


def _sentence(deleted: int, path: Path | None) -> str:
    if not deleted:
        return "Deleted nothing: no run ended that long ago."
    kept = "" if path is None else f", archived in {visible(str(path))}"
    return f"Deleted {deleted} {'run' if deleted == 1 else 'runs'}{kept}."


class _Archive:
    """A file that grows by a line for each run."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self.kept = 0
        self._path = path
        self._file = file

    def prepare(self) -> None:
        """End a line that a crash cut off, and see that the file's own name is on the disk."""
        if self._file.seek(0, os.SEEK_END):
            self._file.seek(0)
            if self._file.read(1) != _FIRST:
                why = "holds something else than the lines of an archive; name another file"
                raise usage(f"{visible(str(self._path))} {why}")
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._write(b"\n")
        if os.name == "posix":  # elsewhere a folder cannot be synced
            folder = os.open(self._path.absolute().parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def keep(self, history: History) -> None:
        """Add a run, and wait until the disk has it."""
        entries = [{"seq": entry.seq, "hash": entry.hash, "body": entry.body} for entry in history.entries]
        line = json.dumps(plain.history(history) | {"entries": entries}, separators=(",", ":"))
        try:
            self._write(line.encode("ascii") + b"\n")
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _unwritable(self._path, error, self.kept) from error
        self.kept += 1

    def _write(self, text: bytes) -> None:
        while text:
            text = text[self._file.write(text) :]


@contextmanager
def _opened(path: Path | None) -> Generator[_Archive | None, None, None]:
    """Open the archive before anything is deleted; only its owner may read it."""
    if path is None:
        yield None
        return
    try:
        file = FileIO(path, "a+", opener=lambda name, flags: os.open(name, flags, _OWNERS))
    except OSError as error:
        raise _unwritable(path, error) from error
    with file:
        archive = _Archive(path, file)
        try:
            archive.prepare()
        except OSError as error:
            raise _unwritable(path, error) from error
        yield archive


def _unwritable(path: Path, error: OSError, kept: int = 0) -> CommandFailed:
    why = error.strerror or str(error)
    before = f"; {kept} before it are archived and deleted" if kept else "; nothing was deleted"
    message = f"the archive {visible(str(path))} could not be written: {visible(why)}{before}"
    return CommandFailed(Failure(ExitCode.OUTPUT, type(error).__name__, message, {"archived": kept}))
