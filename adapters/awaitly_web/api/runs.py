"""Runs: starting them, looking at them, ending them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from awaitly_web.bodies import unreadable
from awaitly_web.core import (
    ConflictReason,
    DefinitionError,
    Err,
    Invocation,
    Ok,
    Priority,
    Result,
    RunConflict,
    RunDetails,
    RunStatus,
    UnknownApproval,
)
from awaitly_web.moments import moment
from awaitly_web.permissions import Permission
from awaitly_web.problems import problem, refused
from awaitly_web.seeing import approvals_in_sight, run_in_sight
from awaitly_web.showing import plain_details, plain_history, plain_progress, plain_run
from awaitly_web.site import Site
from awaitly_web.values import Call, Response, json_response

__all__ = ["cancel", "enqueue", "history", "listed", "one", "progress", "retry", "start", "workflows"]


async def workflows(site: Site, _: Call) -> Response:
    """List the workflows that can be started here, with what they take."""
    items: list[dict[str, Any]] = []
    for name, workflow in sorted(site.orchestrator.workflows.items()):
        try:
            schema = workflow.arguments_schema()
        except DefinitionError:
            schema = None
        items.append({"name": name, "version": workflow.version, "arguments": schema})
    return json_response({"items": items, "after": None})


async def start(site: Site, call: Call) -> Response:
    """Run a workflow here and now, until it ends or parks."""
    wanted = call.members.get("run_id")
    match await _bound(site, call):
        case Err(response):
            return response
        case Ok(invocation):
            pass
    try:
        execution = await site.orchestrator.start(invocation, run_id=wanted, requested_by=call.actor)
    except DefinitionError as exc:
        return unreadable("$.run_id", str(exc))
    match execution.result:
        case Err(RunConflict() as conflict):
            return refused(conflict)
        case _:
            site.live.tell(execution.run_id)
            return await _shown(site, call, execution.run_id)


async def enqueue(site: Site, call: Call) -> Response:
    """Have a worker run a workflow, at a time or as soon as one is free."""
    match await _bound(site, call):
        case Err(response):
            return response
        case Ok(invocation):
            pass
    given = call.members
    at: datetime | None = None
    if given.get("at") is not None:
        match moment(given["at"]):
            case Err(why):
                return unreadable("$.at", why)
            case Ok(at):
                pass
    options: dict[str, Any] = {"queue": given["queue"]} if "queue" in given else {}
    if "priority" in given:
        options["priority"] = Priority(given["priority"])
    try:
        result = await site.orchestrator.enqueue(
            invocation, run_id=given.get("run_id"), requested_by=call.actor, at=at, **options
        )
    except DefinitionError as exc:
        return unreadable("$", str(exc))
    match result:
        case Ok(enqueued):
            return json_response({"run_id": enqueued.run_id, "replayed": enqueued.replayed}, 202)
        case Err(conflict):
            return refused(conflict)


async def _bound(site: Site, call: Call) -> Result[Invocation[Any, Any], Response]:
    """Give what is to be run, once it is sure that its id is not that of somebody else's run."""
    workflow = site.orchestrator.workflows.get(call.parts["workflow"])
    if workflow is None:
        return Err(problem(404, "Unknown workflow", f"no workflow {call.parts['workflow']!r} can be started here"))
    match workflow.bind(call.members.get("arguments", {})):
        case Err(misfit):
            path = f"$.arguments{misfit.path[1:]}"
            return Err(unreadable(path, misfit.reason))
        case Ok(invocation):
            pass
    run_id = call.members.get("run_id")
    return Err(refused(_taken(run_id))) if run_id is not None and await _hidden(site, call, run_id) else Ok(invocation)


def _taken(run_id: str) -> RunConflict:
    return RunConflict(run_id, ConflictReason.ID_TAKEN, "the id is taken; choose another")


async def _hidden(site: Site, call: Call, run_id: str) -> bool:
    """Whether an id belongs to a run that whoever calls may not see."""
    match await run_in_sight(site, call, run_id):
        case Ok(_):
            return False
        case Err(_):
            return isinstance(await site.orchestrator.status(run_id), Ok)


async def _shown(site: Site, call: Call, run_id: str) -> Response:
    match await run_in_sight(site, call, run_id):
        case Ok(details):
            return json_response(plain_details(details), 200 if details.run.status.ended else 202)
        case Err(_):  # somebody else took the id meanwhile
            return refused(_taken(run_id))


async def listed(site: Site, call: Call) -> Response:
    """List runs, the newest first."""
    try:
        asked: dict[str, Any] = {**call.asked, "statuses": call.asked["statuses"] or _RUNS}
        page = await site.orchestrator.runs(**asked)
    except ValueError as exc:
        return problem(422, "Bad parameter", str(exc))
    return json_response({"items": [plain_run(run) for run in page.items], "after": page.after})


_RUNS = tuple(status for status in RunStatus if status is not RunStatus.SCHEDULED)


async def one(site: Site, call: Call) -> Response:
    """Show a run as it stands."""
    match await run_in_sight(site, call, call.parts["run_id"]):
        case Ok(details):
            return json_response(plain_details(details))
        case Err(unknown):
            return refused(unknown)


async def history(site: Site, call: Call) -> Response:
    """Show all that happened in a run."""
    run_id = call.parts["run_id"]
    match await run_in_sight(site, call, run_id):
        case Err(unknown):
            return refused(unknown)
        case Ok(_):
            pass
    match await site.orchestrator.history(run_id):
        case Ok(found):
            return json_response(plain_history(found))
        case Err(gone):
            return refused(gone)


async def progress(site: Site, call: Call) -> Response:
    """Show how far a chain has come, to those whom one of its stages concerns."""
    run_id, chain = call.parts["run_id"], call.parts["chain"]
    seen = await approvals_in_sight(site, call, run_id)
    if not any(each.stage is not None and each.stage.chain == chain for each in seen):
        return refused(UnknownApproval(run_id, chain))
    match await site.orchestrator.progress(run_id, chain):
        case Ok(found):
            return json_response(plain_progress(found))
        case Err(refusal):
            return refused(refusal)


async def cancel(site: Site, call: Call) -> Response:
    """End a run, and withdraw what it asks. It takes its requester, or somebody who administers."""
    match await _own(site, call):
        case Err(response):
            return response
        case Ok(details):
            pass
    reason = call.members.get("reason")
    match await site.orchestrator.cancel(details.run.run_id, reason=reason, by=call.actor):
        case Ok(cancelled):
            return json_response({"run_id": cancelled.run_id, "by": cancelled.by, "reason": cancelled.reason})
        case Err(refusal):
            return refused(refusal)


async def _own(site: Site, call: Call) -> Result[RunDetails, Response]:
    """Give the run that the path names, to whoever may end it. The library knows its requester, or nobody's."""
    match await run_in_sight(site, call, call.parts["run_id"]):
        case Err(unknown):
            return Err(refused(unknown))
        case Ok(details) if details.run.requested_by is None and Permission.ADMINISTER not in call.permitted:
            needs = Permission.ADMINISTER.value
            why = f"nobody requested this run, so that {call.actor.name} may not end it: it takes {needs!r}"
            return Err(problem(403, "Not permitted", why))
        case Ok(details):
            return Ok(details)


async def retry(site: Site, call: Call) -> Response:
    """Put a run that failed, or was set aside, back into its queue."""
    run_id = call.parts["run_id"]
    match await run_in_sight(site, call, run_id):
        case Err(unknown):
            return refused(unknown)
        case Ok(_):
            pass
    match await site.orchestrator.requeue(run_id):
        case Ok(enqueued):
            return json_response({"run_id": enqueued.run_id, "replayed": enqueued.replayed}, 202)
        case Err(refusal):
            return refused(refusal)
