"""The command that says what came of a call whose process died in its midst: `settle`."""

from __future__ import annotations

import click

from awaitly.cli.editing import ANYTHING, fitting, from_stdin
from awaitly.cli.failures import refused, usage
from awaitly.cli.options import KEY, RUN, TEXT, actor, common, settings, signed
from awaitly.cli.stores import work
from awaitly.result import Err, Ok, Result
from awaitly.runs.settling import Happened, NeverHappened, Settlement
from awaitly.storage.journal import RunRecord
from awaitly.storage.store import Store
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.verbs.settling import SettleRefusal
from awaitly.visible import visible

__all__ = ["settle"]


@click.command()
@RUN
@KEY
@click.option(
    "--gave", metavar="VALUE", type=TEXT, help="The call was made and gave this: JSON; `-` reads it from stdin."
)
@click.option("--never-made", is_flag=True, help="The call was not made: the run makes it.")
@signed
@common
def settle(
    run_id: str,
    key: str | None,
    gave: str | None,
    never_made: bool,  # noqa: FBT001  (click's own form)
    by: str,
    roles: tuple[str, ...],
) -> None:
    """Say what came of a call whose process died in its midst, and which may run at most once.

    Find out first, in the system that was called. It takes the role `admin` (--role admin); the ledger keeps who said
    it. KEY names the call where there are several.
    """
    if (gave is None) is not never_made:
        raise usage("say one of the two: --gave VALUE (`--gave null` for nothing), or --never-made")
    settlement: Settlement = NeverHappened()
    if gave is not None:
        settlement = Happened(fitting(ANYTHING, from_stdin() if gave == "-" else gave))
    given = settings()

    async def settled(orchestrator: Orchestrator, _: Store) -> Result[RunRecord, SettleRefusal]:
        return await orchestrator.settle(run_id, settlement, key=key, by=actor(by, roles))

    match work(given.url, settled):
        case Err(refusal):
            raise refused(refusal)
        case Ok(run):
            made = "was not made, and is to be" if never_made else "was made"
            text = f"Settled run {visible(run.run_id)}, as {visible(by)}: the call {made}; a worker goes on with it"
            document = {"run_id": run.run_id, "status": run.status.value, "made": not never_made, "by": by}
            given.output.answer(document, lambda: given.output.line(text))
