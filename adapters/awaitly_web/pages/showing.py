"""One approval as a page: what is asked, by whom, under which policy, what was said, and the forms to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve, frozen

from awaitly_web.core import (
    Actor,
    Approval,
    ApprovalStatus,
    History,
    Ok,
    Progress,
    Remark,
    StageState,
    Veil,
    clipped,
    edits_of,
    visible,
)
from awaitly_web.live import Topic
from awaitly_web.pages.addresses import approval_at, run_at
from awaitly_web.pages.drawing import Drawn, Room, changes, drawn, is_whole
from awaitly_web.pages.forms import Field, edit_form
from awaitly_web.pages.rendering import page
from awaitly_web.pages.timeline import WIDTH, bars
from awaitly_web.pages.words import LONGEST
from awaitly_web.seeing import run_in_sight, same_person
from awaitly_web.site import Site
from awaitly_web.values import Call, Response

__all__ = ["TOLD", "TOO_LONG_TO_EDIT", "Screen", "shown"]

TOO_LONG_TO_EDIT = "This is too long to be edited here. It can be edited by the API or the command line."

_BESIDES = 30_000
"""Characters of a page for each thing that is shown besides what would be done."""
_MOST_BARS = 100
_TITLE = 200

TOLD = {
    "approve": "You approved this.",
    "voted": "Your vote is noted. More votes are needed.",
    "reject": "You rejected this.",
    "confirm": "Your edit is in force.",
    "claim": "You have taken this on.",
    "release": "The claim is given up.",
    "delegate": "It is handed on: both of you may decide now.",
    "comment": "Your comment is there.",
    "inquire": "Your question is put to the requester.",
    "answer": "Your answer is there.",
}
"""What is said after each deed."""
_STATES = {
    StageState.COMPLETED: "done",
    StageState.WAITING: "waits now",
    StageState.REMAINING: "still to come",
    StageState.SKIPPED: "left out",
    StageState.ENDED: "ended here",
    StageState.AGAIN: "to be asked again",
}


@frozen(kw_only=True)
class Screen:
    """How an approval is to be shown. `action` is where its forms go; `by_link` says that a link was opened.

    `whole_at` has all of it as JSON, of which the page may show a part. `alert` is what went wrong, `told` what was
    done; `form` has the fields of an edit as they were sent, `preview` an edit that is to be confirmed.
    """

    actor: Actor
    action: str
    live: str
    whole_at: str
    by_link: bool = False
    status: int = 200
    alert: str | None = None
    told: str | None = None
    form: Field | None = None
    preview: Mapping[str, Any] | None = None
    reason: str = ""


async def shown(site: Site, call: Call, approval: Approval, screen: Screen) -> Response:
    """Show an approval."""
    now = await site.orchestrator.now()
    topic: Topic = site.live.run(approval.run_id)
    history = await _history(site, call, approval.run_id) if not screen.by_link else None
    is_late = approval.deadline is not None and now >= approval.deadline
    return page(
        call.request,
        "approval.html",
        screen.status,
        me=screen.actor,
        section=None,
        live=f"{screen.live}?seen={await topic.mark()}",
        screen=screen,
        now=now,
        approval=approval,
        handling=approval.handling,
        state=_state(approval, is_late=is_late),
        waits=approval.pending and not is_late,
        open_to=approval.pending and await _waits_for(site, screen.actor, approval),
        is_requester=same_person(screen.actor, approval.requested_by),
        claims=_claims(approval),
        ladder=_ladder(approval),
        chain=await _chain(site, approval),
        run_at=run_at(call.request, approval.run_id),
        own_at=approval_at(call.request, approval.run_id, approval.key),
        too_long_to_edit=TOO_LONG_TO_EDIT,
        **_content(approval, screen),
        **_past(history, now),
    )


def _content(approval: Approval, screen: Screen) -> dict[str, Any]:
    """Give what is proposed, what was edited of it and what was said, with the form for an edit."""
    view, veil = approval.view(), Veil((approval,))
    arguments, edits, said = drawn(view.arguments), changes(edits_of(approval), Room(_BESIDES)), _said(approval, veil)
    return {
        "view": view,
        "veil": veil,
        "title": clipped(view.summary, _TITLE),
        "headline": clipped(view.summary, LONGEST),
        "arguments": arguments,
        "is_whole": is_whole(arguments),
        "first": drawn(veil.value(approval.proposal), Room(_BESIDES)) if edits.shown else None,
        "changes": edits,
        "said": said,
        "unsaid": len(approval.handling.remarks) - len(said),
        "form": screen.form or edit_form(approval, view.arguments),
    }


def _past(history: History | None, now: datetime) -> dict[str, Any]:
    """Give what happened in the run so far; nothing of it where that is not to be seen."""
    if history is None:
        return {"run": None, "bars": None, "earlier": 0, "bar_width": WIDTH}
    run_bars = bars(history, now)
    earlier = max(0, len(run_bars) - _MOST_BARS)
    return {"run": history.run, "bars": run_bars[-_MOST_BARS:], "earlier": earlier, "bar_width": WIDTH}


async def _waits_for(site: Site, actor: Actor, approval: Approval) -> bool:
    found = await site.orchestrator.waiting_for(actor, run_id=approval.run_id, limit=1_000)
    return any((each.run_id, each.key) == (approval.run_id, approval.key) for each in found.items)


async def _history(site: Site, call: Call, run_id: str) -> History | None:
    match await run_in_sight(site, call, run_id):
        case Ok(_):
            found = await site.orchestrator.history(run_id)
            return found.unwrap() if isinstance(found, Ok) else None
        case _:
            return None


def _state(approval: Approval, *, is_late: bool) -> tuple[str, str]:
    """Say where an approval stands: a word for its colour, and a sentence."""
    closing = approval.closing
    by = f" by {visible(closing.by.name)}" if closing is not None else ""
    match approval.status:
        case ApprovalStatus.PENDING if is_late:
            return "bad", "Its time is over"
        case ApprovalStatus.PENDING:
            return "open", "Waits for a decision"
        case ApprovalStatus.APPROVED:
            return "good", f"Approved{by}"
        case ApprovalStatus.EDITED:
            return "good", f"Approved with changes{by}"
        case ApprovalStatus.REJECTED:
            return "bad", f"Rejected{by}"
        case ApprovalStatus.EXPIRED:
            return "bad", "Nobody decided in time"
        case ApprovalStatus.CANCELLED:
            return "quiet", f"Withdrawn{by}"
        case _:
            return "quiet", "Replaced by a newer question"


def _said(approval: Approval, veil: Veil) -> Sequence[tuple[Remark, Drawn]]:
    """Give what was said, in its order; where there is no room for all, the newest."""
    room, said = Room(_BESIDES), list[tuple[Remark, Drawn]]()
    for each in reversed(approval.handling.remarks):
        if room.left <= 0:
            break
        said.append((each, drawn(veil.text(each.text), room)))
    return said[::-1]


def _claims(approval: Approval) -> Drawn:
    """Give the requester's own words: the reason, and what was said besides."""
    view, room = approval.view(), Room(_BESIDES)
    reason = ((("reason", drawn(view.reason, room)),)) if view.reason else ()
    besides = drawn(view.metadata, room)
    return evolve(besides, kind="object", members=(*reason, *besides.members))


def _ladder(approval: Approval) -> Sequence[tuple[str, datetime]]:
    levels, stopped = approval.handling.levels, approval.handling.stopped
    return [
        (level.describe(), (levels[number] if levels else approval.asked_at + level.after) + (stopped or timedelta()))
        for number, level in enumerate(approval.policy.escalations)
    ]


async def _chain(site: Site, approval: Approval) -> Sequence[tuple[str, str, str, str]]:
    if approval.stage is None:
        return ()
    match await site.orchestrator.progress(approval.run_id, approval.stage.chain):
        case Ok(Progress(stages=stages)):
            return [
                (visible(stage.name), stage.state.value, _STATES[stage.state], visible(", ".join(stage.waits_for)))
                for stage in stages
            ]
        case _:
            return ()
