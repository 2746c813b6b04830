"""What stands in a store while no process touches it, and what must hold of it at every such moment."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import frozen

from awaitly import Approval, Entry, Ok, Orchestrator, PendingApproval, RecordCorrupt, RunStatus, Store
from awaitly.approvals.audit import verify
from awaitly.storage.journal import Decided, Failed, RunRecord
from tests.faults.errands import Marks, expected
from tests.faults.orders import Place
from tests.faults.stores import store_at
from tests.faults.tally import TALLY, Violated

__all__ = ["Sight", "check_end", "check_sight", "look", "reports", "sight_of"]

_DECIDES = {"approve": "approved", "edit": "edited", "reject": "rejected"}
_DECISIVE = {"approved", "edited", "rejected", "expired"}


@frozen
class Sight:
    """A run as it stands; `run` is None where nothing of it is stored. `marks` counts executions of bodies."""

    run: RunRecord | None
    recorded: frozenset[str]
    approvals: tuple[Approval, ...]
    pending: tuple[PendingApproval, ...]
    entries: tuple[Entry, ...]
    marks: Counter[str]
    reports: tuple[dict[str, Any], ...]

    @property
    def in_flight(self) -> frozenset[str]:
        """The steps whose bodies were executed and whose results are not recorded."""
        return frozenset(self.marks) - self.recorded

    @property
    def over(self) -> bool:
        """Whether the run has come to an end."""
        return self.run is not None and self.run.status.ended


def look(place: Place, run_id: str) -> Sight:
    """Look at a run through the library's own eyes, in this process."""
    marks = Counter(Marks.read(Path(place.marks)))
    return asyncio.run(sight_of(store_at(place.store), run_id, marks, reports(place)))


async def sight_of(store: Store, run_id: str, marks: Counter[str], told: tuple[dict[str, Any], ...] = ()) -> Sight:
    """Look at a run in a store that is not open."""
    async with Orchestrator(store) as orchestrator:
        pending = (await orchestrator.pending(run_id=run_id)).items
        try:
            looked = await orchestrator.history(run_id)
        except RecordCorrupt as damage:
            raise Violated(str(damage)) from damage
        match looked:
            case Ok(history):
                done = [step.recorded for step in history.steps if not isinstance(step.recorded, Decided)]
                recorded = frozenset(map(_named, done))
                return Sight(history.run, recorded, history.approvals, pending, history.entries, marks, told)
            case _:
                return Sight(None, frozenset(), (), pending, (), marks, told)


def _named(recorded: Any) -> str:
    """Give the name of the step that gave a result: it stands at its end."""
    return str(json.loads(recorded.payload).rsplit(".", 1)[-1])


def reports(place: Place) -> tuple[dict[str, Any], ...]:
    """Give what was acknowledged, by all processes together."""
    path = Path(place.reports)
    return tuple(map(json.loads, path.read_text().splitlines())) if path.exists() else ()


def check_sight(sight: Sight, at_once: int) -> None:
    """Check what must hold whenever no process is alive, however the last one ended."""
    run_id = sight.run.run_id if sight.run else "?"
    TALLY.check("the ledger verifies", isinstance(verify(run_id, sight.entries), Ok), sight)
    TALLY.check("the ledger has one decision for each decided approval", _ledger_agrees(sight), sight)
    TALLY.check("pending lists exactly what waits", _lists_what_waits(sight), sight)
    TALLY.check("no acknowledged decision is lost", _keeps_acknowledged(sight), sight)
    TALLY.check("no more steps than branches are in flight", len(sight.in_flight) <= at_once, sight)


def _ledger_agrees(sight: Sight) -> bool:
    noted = Counter((fact["key"], fact["event"]) for fact in map(json.loads, (entry.body for entry in sight.entries)))
    decided = {(key, event): count for (key, event), count in noted.items() if event in _DECISIVE}
    stands = {(a.key, a.status.value): 1 for a in sight.approvals if a.status.value in _DECISIVE}
    asked = {key for key, event in noted if event == "asked"}
    return (
        stands.items() <= decided.items()
        and sum(decided.values()) <= len(sight.approvals)
        and asked == {a.key for a in sight.approvals}
    )


def _lists_what_waits(sight: Sight) -> bool:
    listed = {p.key for p in sight.pending}
    undecided = {a.key for a in sight.approvals if a.pending}
    if sight.run is None or sight.run.status.ended:
        return not listed and not undecided
    if sight.run.status is not RunStatus.PARKED:
        return listed == undecided
    return listed == undecided and undecided <= set(sight.run.waits) <= {a.key for a in sight.approvals}


def _keeps_acknowledged(sight: Sight) -> bool:
    return all(_kept(report, sight) for report in sight.reports if report.get("ok"))


def _kept(report: dict[str, Any], sight: Sight) -> bool:
    verb, key = report["deed"][0], (*report["deed"], "", "")[2]
    if verb == "cancel":
        return sight.run is not None and sight.run.status is RunStatus.CANCELLED
    status = _DECIDES.get(verb.rstrip("+"))
    if status is None:
        return True
    approval = next((a for a in sight.approvals if a.key == key), None)
    if approval is None or approval.closing is None:
        return False
    cancelled = sight.run is not None and sight.run.status is RunStatus.CANCELLED
    same = approval.status.value == status or (cancelled and approval.status.value == "superseded")
    return same and approval.closing.by.name == report["name"]


def check_end(sight: Sight, shape: str, before: Iterable[Sight]) -> None:
    """Check a run that should have come to its end, against what was seen of it after each crash."""
    sights = list(before)
    TALLY.check("every run comes to its end", sight.over, sight)
    TALLY.check("a run ends as its decisions say", _ends_as_decided(sight, shape), (shape, sight))
    reran = [name for seen in sights for name in seen.recorded if sight.marks[name] != seen.marks[name]]
    TALLY.check("no recorded step ran again", not reran, (reran, sight))
    crashes = Counter(name for seen in sights for name in seen.in_flight)
    often = {name: count for name, count in sight.marks.items() if count > 1 + crashes[name]}
    TALLY.check("a step ran again only where a crash met it in flight", not often, (often, sight))


def _ends_as_decided(sight: Sight, shape: str) -> bool:
    run = sight.run
    if run is None or run.result is None:
        return run is not None and run.status is RunStatus.CANCELLED and run.by is not None
    value = json.loads(getattr(run.result, "payload", "null"))
    rejected = [a for a in sight.approvals if a.status.value == "rejected"]
    if run.status is RunStatus.COMPLETED:
        return not rejected and value == expected(shape, sight.approvals)
    return isinstance(run.result, Failed) and any(
        a.closing is not None and [value["by"], value["reason"]] == [a.closing.by.name, a.closing.reason]
        for a in rejected
    )
