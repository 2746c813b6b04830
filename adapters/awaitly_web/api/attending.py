"""Attending to what waits short of deciding it: claiming, handing on, talking about it."""

from __future__ import annotations

from awaitly_web.bodies import unreadable
from awaitly_web.core import PolicyError
from awaitly_web.seeing import attended
from awaitly_web.site import Site
from awaitly_web.values import Call, Response

__all__ = ["answer", "claim", "comment", "delegate", "inquire", "reassign", "release", "seen"]


async def claim(site: Site, call: Call) -> Response:
    """Take an approval on."""
    return await attended(site, call, lambda run_id, key: site.orchestrator.claim(run_id, key, by=call.actor))


async def release(site: Site, call: Call) -> Response:
    """Give a claim up."""
    return await attended(site, call, lambda run_id, key: site.orchestrator.release(run_id, key, by=call.actor))


async def delegate(site: Site, call: Call) -> Response:
    """Let somebody else decide on one's behalf."""
    return await attended(
        site, call, lambda run_id, key: site.orchestrator.delegate(run_id, key, by=call.actor, **call.members)
    )


async def reassign(site: Site, call: Call) -> Response:
    """Say who may decide instead of the policy's approvers."""
    try:
        return await attended(
            site, call, lambda run_id, key: site.orchestrator.reassign(run_id, key, by=call.actor, **call.members)
        )
    except PolicyError as exc:
        return unreadable("$.to", str(exc))


async def comment(site: Site, call: Call) -> Response:
    """Say something beside an approval."""
    return await attended(
        site, call, lambda run_id, key: site.orchestrator.comment(run_id, key, by=call.actor, **call.members)
    )


async def inquire(site: Site, call: Call) -> Response:
    """Ask the requester something."""
    return await attended(
        site, call, lambda run_id, key: site.orchestrator.inquire(run_id, key, by=call.actor, **call.members)
    )


async def answer(site: Site, call: Call) -> Response:
    """Answer what was asked."""
    return await attended(
        site, call, lambda run_id, key: site.orchestrator.answer(run_id, key, by=call.actor, **call.members)
    )


async def seen(site: Site, call: Call) -> Response:
    """Note that whoever calls was shown the current revision."""
    return await attended(site, call, lambda run_id, key: site.orchestrator.seen(run_id, key, by=call.actor))
