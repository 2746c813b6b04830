"""The runs that execute here: their leases are renewed while they do, and closing gives them back."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from typing import Any, Self

from awaitly.exceptions import StoreError
from awaitly.replaying.replay import Journal, Tally
from awaitly.replaying.signals import FencedOut
from awaitly.working.tenure import Tenure

__all__ = ["Executing", "Roster"]


class Executing:
    """One run that executes here, in the task of whoever called: on the list for as long as it is entered."""

    def __init__(self, tenure: Tenure, journal: Journal, patience: float, listed: set[Executing], busy: Tally) -> None:
        self.tenure = tenure
        self.journal = journal
        self._patience = patience
        self._listed = listed
        self._busy = busy
        self.task = asyncio.current_task()
        self._cancelling = 0 if self.task is None else self.task.cancelling()
        self._dismissed = False
        self._leaving = False
        self._abandoned = False

    def __enter__(self) -> Self:
        self._listed.add(self)
        self._busy.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._busy.__exit__()
        self._listed.discard(self)

    def leave(self) -> None:
        """Note that the workflow's code is over: what is left to do is to write what came of it.

        Raises `CancelledError` where the code was let go, whatever it made of that.
        """
        self._leaving = True
        if self._dismissed:
            raise asyncio.CancelledError

    def dismiss(self) -> None:
        """Let the workflow's code end where it stands; nothing more of it begins."""
        if not self._leaving and self.task is not None and self.task is not asyncio.current_task():
            self._dismissed = True
            self.journal.close(FencedOut(self.tenure.run_id))
            self.task.cancel()

    def absolved(self) -> bool:
        """Take the cancellation back that `dismiss` made; False where the caller was cancelled as well."""
        return self._dismissed and self.task is not None and self.task.uncancel() <= self._cancelling

    async def released(self) -> None:
        """Give the run back, even where whoever waits for that is cancelled once more; try for as long as the lease."""
        self._leaving = True
        release = asyncio.ensure_future(self._release())
        limit = asyncio.get_running_loop().time() + self._patience
        while not release.done() and (left := limit - asyncio.get_running_loop().time()) > 0:
            with suppress(asyncio.CancelledError):
                await asyncio.wait([release], timeout=left)
        release.cancel()

    def abandon(self) -> None:
        """Leave the run to its lease: nothing more is written."""
        self._abandoned = True
        self.journal.recorder = None

    async def _release(self) -> None:
        self.journal.close(FencedOut(self.tenure.run_id))
        if self._abandoned:
            return
        with suppress(FencedOut, StoreError):  # the lease ends by itself
            await self.tenure.release(await self.journal.stop())


class Roster:
    """All runs that execute here, each under a lease of the same length."""

    def __init__(self, lease: timedelta) -> None:
        self._lease = lease.total_seconds()
        self._executing: set[Executing] = set()
        self.busy = Tally()
        """What closing waits for: `with roster.busy:`."""
        self.closing = False
        self._opened = False

    @property
    def opened(self) -> bool:
        """Whether runs may execute here: it was opened, and is not closed or closing."""
        return self._opened and not self.closing

    def entered(self, tenure: Tenure, journal: Journal) -> Executing:
        """Give a run to be executed inside a `with`, and kept on the list meanwhile."""
        return Executing(tenure, journal, self._lease, self._executing, self.busy)

    async def renew(self) -> None:
        """Put off the ends of the leases of all runs that execute here, for as long as they do."""
        while True:
            await asyncio.sleep(self._lease / 3)
            for executing in list(self._executing):
                with suppress(StoreError):  # the next turn tries again, and until the lease ends nothing is lost
                    await executing.tenure.renew()
                if executing.tenure.fenced:
                    executing.journal.close(FencedOut(executing.tenure.run_id))

    def open(self) -> None:
        """Let runs execute here."""
        self._opened, self.closing = True, False

    async def close(self) -> None:
        """Let every run be given back, and wait until all are; none begins any more.

        A step that will not end is waited for as long as the lease: after that its run is anybody's in any case.
        """
        self.closing = True
        for executing in self._executing:
            executing.dismiss()
        begun, self.busy = self.busy, Tally()  # what begins from now on is not waited for
        with suppress(TimeoutError):
            async with asyncio.timeout(self._lease):  # `wait_for` may swallow a cancellation
                await begun.done()
        for executing in self._executing:
            executing.abandon()

    async def give_back(self, tasks: Collection[asyncio.Task[Any]]) -> None:
        """Let the runs that execute in these tasks be given back, and wait for the tasks' ends as `close` does."""
        theirs = [executing for executing in self._executing if executing.task in tasks]
        for executing in theirs:
            executing.dismiss()
        if tasks:
            await asyncio.wait(tasks, timeout=self._lease)
        for executing in self._executing.intersection(theirs):
            executing.abandon()
