"""A worker that is started anew whenever the program's files change."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from awaitly.cli.children import Child
from awaitly.logs import LOGGER, line

__all__ = ["Reloader", "files_in"]

_PAUSE = 0.5
_ELSEWHERE = {"__pycache__", "node_modules", "site-packages"}


def files_in(folder: Path) -> Mapping[str, int]:
    """Give the times of all Python files below a folder; hidden folders and environments are left out."""
    found: dict[str, int] = {}
    for path in _python_files(folder):
        with suppress(OSError):  # it was just removed
            found[path] = os.stat(path).st_mtime_ns  # noqa: PTH116  (for thousands of files, twice a second)
    return found


def _python_files(folder: Path) -> Iterator[str]:
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _ELSEWHERE and not name.startswith(".")]
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        yield from (f"{here}{os.sep}{name}" for name in files if name.endswith(".py"))


@define
class Reloader:
    """Keeps one worker running over the files of a folder as they are."""

    child: Child
    folder: Path
    _stop: asyncio.Event = field(factory=asyncio.Event, init=False)

    def stop(self, at_once: bool) -> None:  # noqa: FBT001  (as `stopping` calls it)
        """Stop the worker and then this."""
        self._stop.set()
        self.child.stop(at_once=at_once)

    async def keep(self) -> None:
        """Keep it running until `stop` is called; one that ends by itself is started again after the next change."""
        seen = await asyncio.to_thread(files_in, self.folder)
        while not self._stop.is_set():
            await self.child.start()
            ending = asyncio.create_task(self.child.ended())
            if self._stop.is_set():
                self.child.stop()
            seen = await self._changed(seen)
            self.child.stop()
            await ending

    async def _changed(self, seen: Mapping[str, int]) -> Mapping[str, int]:
        """Wait until a file has changed, come or gone, or this is stopped, and give the files as they are."""
        while not await self._stopped_within(_PAUSE):
            found = await asyncio.to_thread(files_in, self.folder)
            if found != seen:
                names = sorted(dict(set(found.items()) ^ set(seen.items())))
                LOGGER.info(line("changed", file=names[0], files=len(names)))
                return found
        return seen

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        return self._stop.is_set()
