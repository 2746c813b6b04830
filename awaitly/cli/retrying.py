"""The command that puts a run back into its queue: `retry`. Whoever works off the queue goes on with it."""

from __future__ import annotations

import click

from awaitly.cli import plain
from awaitly.cli.failures import refused
from awaitly.cli.options import RUN, common, settings
from awaitly.cli.stores import work
from awaitly.result import Err, Ok, Result
from awaitly.storage.store import Store
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.verbs.queueing import Enqueued, RequeueRefusal
from awaitly.visible import visible

__all__ = ["retry"]


@click.command()
@RUN
@common
def retry(run_id: str) -> None:
    """Put a run that failed, or that was set aside, back into its queue.

    A worker goes on with it: its recorded steps and its approvals are kept, and the step whose error ended it runs
    again.
    """
    given = settings()

    async def queued(orchestrator: Orchestrator, _: Store) -> Result[Enqueued, RequeueRefusal]:
        return await orchestrator.requeue(run_id)

    match work(given.url, queued):
        case Err(refusal):
            raise refused(refusal)
        case Ok(done):
            text = f"Queued run {visible(done.run_id)}; a worker goes on with it"
            given.output.answer(plain.members(done), lambda: given.output.line(text))
