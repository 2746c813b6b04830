"""Who is away, and who stands in for them."""

from __future__ import annotations

from awaitly_web.bodies import unreadable
from awaitly_web.core import Err, Ok
from awaitly_web.moments import moment, moment_or_span
from awaitly_web.problems import refused
from awaitly_web.seeing import sees_all
from awaitly_web.showing import plain_absence
from awaitly_web.site import Site
from awaitly_web.values import Call, Response, json_response

__all__ = ["away", "back", "listed"]


async def listed(site: Site, call: Call) -> Response:
    """List absences: one's own and those in which one stands in, or all."""
    everyone, me = await site.orchestrator.absences(), call.actor.name
    shown = [each for each in everyone if sees_all(call) or me in (each.owner.name, each.to)]
    return json_response({"items": [plain_absence(absence) for absence in shown], "after": None})


async def away(site: Site, call: Call) -> Response:
    """Let somebody else decide on one's behalf, from `since` until `until`."""
    match moment_or_span(call.members["until"]):
        case Ok(until):
            pass
        case Err(why):
            return unreadable("$.until", why)
    begins = call.members.get("since")
    match Ok(None) if begins is None else moment(begins):
        case Ok(since):
            pass
        case Err(why):
            return unreadable("$.since", why)
    try:
        result = await site.orchestrator.away(call.actor, to=call.members["to"], until=until, since=since)
    except OverflowError:
        return unreadable("$.until", "it is after the end of time")
    match result:
        case Ok(absence):
            return json_response(plain_absence(absence))
        case Err(refusal):
            return refused(refusal)


async def back(site: Site, call: Call) -> Response:
    """End all of one's own absences."""
    match await site.orchestrator.back(call.actor):
        case Ok(ended):
            return json_response({"items": [plain_absence(absence) for absence in ended], "after": None})
        case Err(refusal):
            return refused(refusal)
