"""The pages of approvals and of runs, for those who are signed in."""

from __future__ import annotations

from awaitly_web.core import Err, Ok, Veil
from awaitly_web.pages.addresses import approval_at, run_at
from awaitly_web.pages.deciding import deed
from awaitly_web.pages.drawing import drawn
from awaitly_web.pages.rendering import page
from awaitly_web.pages.showing import TOLD, Screen, shown
from awaitly_web.pages.timeline import WIDTH, bars
from awaitly_web.problems import refused
from awaitly_web.seeing import approval_in_sight, run_in_sight
from awaitly_web.showing import plain_details
from awaitly_web.site import Site
from awaitly_web.values import Call, Response

__all__ = ["act", "one", "run"]


def _screen(call: Call) -> Screen:
    run_id, key = call.parts["run_id"], call.parts["key"]
    own = approval_at(call.request, run_id, key)
    live = f"{call.request.root}/live{own.removeprefix(call.request.root)}"
    whole = f"{call.request.root}/api{own.removeprefix(call.request.root)}"
    told = TOLD.get(call.request.parameter("told") or "")
    return Screen(actor=call.actor, action=own, live=live, whole_at=whole, told=told)


async def one(site: Site, call: Call) -> Response:
    """Show an approval, decided or not."""
    match await approval_in_sight(site, call, call.parts["run_id"], call.parts["key"]):
        case Ok(approval):
            return await shown(site, call, approval, _screen(call))
        case Err(unknown):
            return refused(unknown)


async def act(site: Site, call: Call) -> Response:
    """Do what a form of an approval's page says."""
    match await approval_in_sight(site, call, call.parts["run_id"], call.parts["key"]):
        case Ok(approval):
            return await deed(site, call, approval, _screen(call))
        case Err(unknown):
            return refused(unknown)


async def run(site: Site, call: Call) -> Response:
    """Show a run: where it stands, its timeline, what it asks, and what came of it."""
    run_id = call.parts["run_id"]
    topic = site.live.run(run_id)
    mark = await topic.mark()
    match await run_in_sight(site, call, run_id):
        case Err(unknown):
            return refused(unknown)
        case Ok(details):
            pass
    match await site.orchestrator.history(run_id):
        case Err(gone):
            return refused(gone)
        case Ok(history):
            pass
    now = await site.orchestrator.now()
    plain = plain_details(details)
    result = plain["result"]
    return page(
        call.request,
        "run.html",
        me=call.actor,
        section=None,
        live=f"{call.request.root}/live{run_at(call.request, run_id).removeprefix(call.request.root)}?seen={mark}",
        now=now,
        run=details.run,
        reason=Veil(details.approvals).text(details.run.reason),
        result=None if result is None else drawn(result.get("ok", result.get("error"))),
        failed=result is not None and "error" in result,
        bars=bars(history, now),
        bar_width=WIDTH,
        run_at=run_at(call.request, run_id),
        approvals=[(each, approval_at(call.request, run_id, each.key)) for each in details.approvals],
        damage=details.damage,
    )
