"""What waits, and deciding it."""

from __future__ import annotations

from collections.abc import Awaitable

from awaitly_web.bodies import json_object, text_in
from awaitly_web.core import Decision, Err, Ok, Refusal, Result
from awaitly_web.problems import problem, refused
from awaitly_web.showing import plain_decision, plain_pending
from awaitly_web.site import Site
from awaitly_web.values import Call, Response, json_response

__all__ = ["approve", "inbox", "reject"]

_MOST = 200


async def inbox(site: Site, call: Call) -> Response:
    """List what waits for whoever asks, the nearest deadline first."""
    limit = call.request.parameter("limit") or "50"
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= _MOST:
        return problem(422, "Bad parameter", f"limit is a number from 1 to {_MOST}")
    try:
        page = await site.orchestrator.waiting_for(
            call.actor, limit=int(limit), after=call.request.parameter("after") or None
        )
    except ValueError as exc:
        return problem(422, "Bad parameter", str(exc))
    return json_response({"items": [plain_pending(pending) for pending in page.items], "after": page.after})


async def approve(site: Site, call: Call) -> Response:
    """Vote yes, on the revision and digest that the body names."""
    match json_object(call.request, known=frozenset({"revision", "digest"})):
        case Ok(members):
            pass
        case Err(response):
            return response
    shown = {"revision": members.get("revision"), "digest": members.get("digest")}
    run_id, key = call.parts["run_id"], call.parts["key"]
    return await _decided(site.orchestrator.approve(run_id, key, by=call.actor, **shown))


async def reject(site: Site, call: Call) -> Response:
    """Vote no, with the reason that the body gives."""
    match json_object(call.request, known=frozenset({"revision", "digest", "reason"})):
        case Ok(members):
            pass
        case Err(response):
            return response
    match text_in(members, "reason"):
        case Ok(reason):
            pass
        case Err(response):
            return response
    shown = {"revision": members.get("revision"), "digest": members.get("digest")}
    run_id, key = call.parts["run_id"], call.parts["key"]
    return await _decided(site.orchestrator.reject(run_id, key, reason, by=call.actor, **shown))


async def _decided(verb: Awaitable[Result[Decision, Refusal]]) -> Response:
    match await verb:
        case Ok(decision):
            return json_response(plain_decision(decision))
        case Err(refusal):
            return refused(refusal)
