"""The inbox: what waits for whoever asks, deciding many at once, and what they have decided."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from attrs import evolve, frozen

from awaitly_web.core import (
    Approval,
    Decision,
    Err,
    Ok,
    PendingApproval,
    Refusal,
    Result,
    visible,
)
from awaitly_web.pages.addresses import approval_at
from awaitly_web.pages.drawing import one_line
from awaitly_web.pages.reading import read_form
from awaitly_web.pages.rendering import page
from awaitly_web.parameters import LIMIT, is_plain
from awaitly_web.problems import problem
from awaitly_web.schemas import LONGEST_TEXT
from awaitly_web.seeing import approval_in_sight, same_person, sees_all
from awaitly_web.site import Site
from awaitly_web.spoofing import About, refusing
from awaitly_web.values import Call, Request, Response
from awaitly_web.waiting import mark_of

__all__ = ["bulk", "decided", "waiting"]

_AT_ONCE = 100
"""How many approvals can be decided at once."""
_LOOKED_THROUGH = 60
"""How many runs are looked through for one page of what somebody has decided."""
_LENGTHS = {"1h": "the next hour", "4h": "the next 4 hours", "24h": "the next 24 hours", "7d": "the next 7 days"}


@frozen
class _Item:
    """One approval of the list; `value` is what deciding it there names."""

    pending: PendingApproval
    at: str
    arguments: str
    value: str


@frozen
class _Shown:
    run_id: str
    key: str
    revision: int
    digest: str


async def waiting(site: Site, call: Call) -> Response:
    """Show what waits for whoever asks, the nearest deadline first."""
    is_filtered = any(call.asked[name] for name in ("workflow", "prefix", "due_within"))
    is_followed = not is_filtered and call.asked["after"] is None and call.asked["limit"] == LIMIT.usual
    try:
        mark = None if is_followed else await site.live.inbox(call.actor).mark()
        found = await site.orchestrator.waiting_for(call.actor, **call.asked)
    except ValueError as exc:
        return problem(422, "Bad parameter", str(exc))
    return page(
        call.request,
        "waiting.html",
        me=call.actor,
        section="waiting",
        live=f"{call.request.root}/live/inbox?seen={mark or mark_of(found)}",
        now=await site.orchestrator.now(),
        items=[_item(call.request, pending) for pending in found.items],
        following=_following(call.asked, found.after),
        asked=call.asked,
        is_filtered=is_filtered,
        lengths=_LENGTHS,
    )


def _item(request: Request, pending: PendingApproval) -> _Item:
    named = [pending.run_id, pending.key, pending.revision, pending.digest]
    at = approval_at(request, pending.run_id, pending.key)
    return _Item(pending, at, one_line(pending.arguments), json.dumps(named))


def _following(asked: Mapping[str, Any], after: str | None) -> str | None:
    """Give the query of the next page."""
    if after is None:
        return None
    return urlencode({**{name: value for name, value in asked.items() if value is not None}, "after": after})


async def bulk(site: Site, call: Call) -> Response:
    """Approve or reject many, each as it was shown, and show what came of each."""
    match read_form(call.request):
        case Err(response):
            return response
        case Ok(form):
            pass
    items = [shown for text in form.all("item") if (shown := _read(text)) is not None]
    if not items or len(items) != len(form.all("item")) or len(items) > _AT_ONCE:
        return problem(422, "Nothing chosen", f"choose from one to {_AT_ONCE} of what waits, and then decide")
    if (spoofed := form.spoofed(call.actor)) is not None:
        about = tuple(About(item.run_id, item.key) for item in items)
        return await refusing(site.orchestrator, call.actor, evolve(spoofed, about=about))
    if len(form.get("reason")) > LONGEST_TEXT:
        return problem(422, "Reason too long", f"a reason has at most {LONGEST_TEXT:,} characters")
    hidden = {number for number, item in enumerate(items) if not await _is_seen(site, call, item)}
    chosen = [item for number, item in enumerate(items) if number not in hidden]
    approves = form.get("do") == "approve"
    if approves:
        results = await site.orchestrator.approve_all(chosen, by=call.actor)
    elif form.get("do") == "reject":
        results = await site.orchestrator.reject_all(chosen, form.get("reason") or None, by=call.actor)
    else:
        return problem(422, "Unknown action", "many can be approved, or rejected")
    for item in chosen:
        site.live.tell(item.run_id)
    told = [_told(call.request, item, result) for item, result in zip(chosen, results, strict=True)]
    return page(
        call.request,
        "results.html",
        me=call.actor,
        section="waiting",
        live=None,
        told=told,
        missing=len(hidden),
        approves=approves,
        done=sum(each["ok"] for each in told),
    )


def _read(text: str) -> _Shown | None:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return None
    match given:
        case [str(run_id), str(key), int(revision), str(digest)] if is_plain(run_id) and is_plain(key):
            return _Shown(run_id, key, revision, digest)
        case _:
            return None


async def _is_seen(site: Site, call: Call, item: _Shown) -> bool:
    return sees_all(call) or isinstance(await approval_in_sight(site, call, item.run_id, item.key), Ok)


def _told(request: Request, item: _Shown, result: Result[Decision, Refusal]) -> dict[str, Any]:
    at = approval_at(request, item.run_id, item.key)
    match result:
        case Ok(decision):
            said = "noted; more votes are needed" if decision.outcome is None else decision.status.value
            return {"ok": True, "at": at, "summary": decision.approval.summary, "said": said}
        case Err(refusal):
            return {"ok": False, "at": at, "summary": f"{item.key} of {item.run_id}", "said": str(refusal)}


async def decided(site: Site, call: Call) -> Response:
    """Show what whoever asks has decided or voted on, looking through the newest runs first."""
    try:
        found = await site.orchestrator.decided_by(call.actor, runs=_LOOKED_THROUGH, after=call.asked["after"])
    except ValueError as exc:
        return problem(422, "Bad parameter", str(exc))
    acts = [_act(call, approval) for approval in found.items]
    acts.sort(key=lambda act: cast("datetime", act["when"]), reverse=True)
    return page(
        call.request,
        "decided.html",
        me=call.actor,
        section="decided",
        live=None,
        now=await site.orchestrator.now(),
        acts=acts,
        runs=_LOOKED_THROUGH,
        following=_following({}, found.after),
    )


def _act(call: Call, approval: Approval) -> dict[str, Any]:
    """Say what somebody has done to an approval: the last of it."""
    done: list[tuple[datetime, str]] = []
    closing = approval.closing
    if closing is not None and same_person(call.actor, closing.by):
        done.append((closing.at, f"you decided: {approval.status.value}"))
    done += [
        (vote.at, "you voted yes" if vote.approves else "you voted no")
        for vote in approval.votes
        if same_person(call.actor, vote.by)
    ]
    when, said = max(done, key=lambda each: (each[0], each[1].startswith("you decided")))
    return {
        "when": when,
        "said": said,
        "summary": visible(approval.summary),
        "status": approval.status,
        "run_id": approval.run_id,
        "workflow": approval.workflow,
        "at": approval_at(call.request, approval.run_id, approval.key),
    }
