"""Who is shown what: without `VIEW` only what is one's own business, and nothing else is told to exist."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from awaitly_web.core import (
    Actor,
    Approval,
    Decision,
    Err,
    Ok,
    Refusal,
    Result,
    RunDetails,
    RunStatus,
    UnknownApproval,
    UnknownRun,
)
from awaitly_web.permissions import Permission
from awaitly_web.problems import refused
from awaitly_web.showing import plain_decision
from awaitly_web.site import Site
from awaitly_web.values import Call, Response, json_response

__all__ = ["approval_in_sight", "approvals_in_sight", "attended", "run_in_sight", "same_person", "sees_all"]

_NO_RUNS = ("absence:",)
"""How the ids of rows begin that are neither runs nor schedules."""


def sees_all(call: Call) -> bool:
    """Whether whoever calls may see what is not their own business."""
    return not call.permitted.isdisjoint({Permission.VIEW, Permission.ADMINISTER})


def same_person(one: Actor, other: Actor | None) -> bool:
    """Whether two actors are, or act for, the same human."""
    return other is not None and bool({one.name, one.person} & {other.name, other.person})


async def run_in_sight(site: Site, call: Call, run_id: str) -> Result[RunDetails, UnknownRun]:
    """Give a run that whoever calls may see: all of them, or those that they requested."""
    if run_id.startswith(_NO_RUNS):
        return Err(UnknownRun(run_id))
    match await site.orchestrator.status(run_id):
        case Err(unknown):
            return Err(unknown)
        case Ok(details):
            seen = sees_all(call) or same_person(call.actor, details.run.requested_by)
            is_run = details.run.status is not RunStatus.SCHEDULED
            return Ok(details) if seen and is_run else Err(UnknownRun(run_id))


async def approvals_in_sight(site: Site, call: Call, run_id: str) -> tuple[Approval, ...]:
    """Give those approvals of a run that whoever calls may see."""
    if not sees_all(call):
        return await site.orchestrator.concerning(call.actor, run_id)
    match await run_in_sight(site, call, run_id):
        case Ok(details):
            return details.approvals
        case Err(_):
            return ()


async def approval_in_sight(site: Site, call: Call, run_id: str, key: str) -> Result[Approval, UnknownApproval]:
    """Give an approval that whoever calls may see."""
    seen = await approvals_in_sight(site, call, run_id)
    found = next((approval for approval in seen if approval.key == key), None)
    return Err(UnknownApproval(run_id, key)) if found is None else Ok(found)


Verb = Callable[[str, str], Awaitable[Result[Decision, Refusal]]]
"""What is done to an approval, by its run and key."""


async def attended(site: Site, call: Call, verb: Verb) -> Response:
    """Do something to the approval that the path names, for somebody who may see it."""
    run_id, key = call.parts["run_id"], call.parts["key"]
    if not sees_all(call):
        match await approval_in_sight(site, call, run_id, key):
            case Err(unknown):
                return refused(unknown)
            case Ok(_):
                pass
    match await verb(run_id, key):
        case Ok(decision):
            site.live.tell(run_id)
            return json_response(plain_decision(decision))
        case Err(refusal):
            return refused(refusal)
