"""What plain code stands on: one loop thread that lives as long as its orchestrator does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from awaitly.exceptions import DefinitionError
from awaitly.verbs import orchestrator

__all__ = ["Looping"]

T = TypeVar("T")


class _LoopThread:
    """An event loop in a thread of its own, where coroutines of other threads run."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, name="awaitly", daemon=True)
        self._thread.start()

    def _live(self) -> None:
        """Run until `stop`; the loop is also closed here, since the thread that stops it may have one of its own."""
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; an interrupt of the waiting thread cancels it."""
        if threading.current_thread() is self._thread:
            coroutine.close()
            msg = "this is the orchestrator's own loop: inside a workflow use its Run, or an async Orchestrator"
            raise DefinitionError(msg)
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the thread, after what still runs was cancelled."""
        asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class Looping:
    """Runs the verbs of an orchestrator on a loop thread, from `with` until its end."""

    def __init__(self, inner: orchestrator.Orchestrator) -> None:
        self._inner = inner
        self._thread: _LoopThread | None = None

    def __enter__(self) -> Self:
        """Open the store."""
        self._thread = _LoopThread()
        try:
            self._run(self._inner.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the store."""
        try:
            self._run(self._inner.__aexit__(kind, exc, traceback))
        finally:
            self._stop()

    def _stop(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._thread is None:
            coroutine.close()
            msg = "the orchestrator is not open: use it as `with Orchestrator(...) as orchestrator:`"
            raise DefinitionError(msg)
        return self._thread.run(coroutine)
