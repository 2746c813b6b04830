"""What waits, and deciding it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypedDict

from awaitly_web.core import Decision, Err, Ok, Refusal, Result
from awaitly_web.problems import problem, refused
from awaitly_web.seeing import approval_in_sight, approvals_in_sight, attended
from awaitly_web.showing import plain_approval, plain_pending
from awaitly_web.site import Site
from awaitly_web.values import Call, Response, json_response

__all__ = ["approve", "edit", "inbox", "of_run", "one", "pending", "reject"]


async def inbox(site: Site, call: Call) -> Response:
    """List what waits for whoever asks, the nearest deadline first."""
    try:
        page = await site.orchestrator.waiting_for(call.actor, **call.asked)
    except ValueError as exc:
        return problem(422, "Bad parameter", str(exc))
    return json_response({"items": [plain_pending(pending) for pending in page.items], "after": page.after})


async def pending(site: Site, call: Call) -> Response:
    """List what waits for anybody, the oldest first."""
    try:
        page = await site.orchestrator.pending(**call.asked)
    except ValueError as exc:
        return problem(422, "Bad parameter", str(exc))
    return json_response({"items": [plain_pending(pending) for pending in page.items], "after": page.after})


async def of_run(site: Site, call: Call) -> Response:
    """List the approvals of a run, as far as whoever asks may see them."""
    seen = await approvals_in_sight(site, call, call.parts["run_id"])
    return json_response({"items": [plain_approval(approval) for approval in seen], "after": None})


async def one(site: Site, call: Call) -> Response:
    """Show an approval, decided or not."""
    match await approval_in_sight(site, call, call.parts["run_id"], call.parts["key"]):
        case Ok(approval):
            return json_response(plain_approval(approval))
        case Err(unknown):
            return refused(unknown)


async def approve(site: Site, call: Call) -> Response:
    """Vote yes, on the revision and digest that the body names."""

    def verb(run_id: str, key: str) -> Awaitable[Result[Decision, Refusal]]:
        return site.orchestrator.approve(run_id, key, by=call.actor, **_shown(call))

    return await attended(site, call, verb)


async def reject(site: Site, call: Call) -> Response:
    """Vote no, with the reason that the body gives."""

    def verb(run_id: str, key: str) -> Awaitable[Result[Decision, Refusal]]:
        return site.orchestrator.reject(run_id, key, call.members.get("reason"), by=call.actor, **_shown(call))

    return await attended(site, call, verb)


async def edit(site: Site, call: Call) -> Response:
    """Change what is proposed to the body's `value`."""

    def verb(run_id: str, key: str) -> Awaitable[Result[Decision, Refusal]]:
        return site.orchestrator.edit(run_id, key, call.members["value"], by=call.actor, **_shown(call))

    return await attended(site, call, verb)


class _Shown(TypedDict):
    """What was shown; None where the body does not say."""

    revision: int | None
    digest: str | None


def _shown(call: Call) -> _Shown:
    return {"revision": call.members.get("revision"), "digest": call.members.get("digest")}
