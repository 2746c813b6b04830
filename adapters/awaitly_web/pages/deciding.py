"""What people do on an approval's page: one form, one deed."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from urllib.parse import urlencode

from attrs import evolve

from awaitly_web.bodies import read_json
from awaitly_web.core import (
    Actor,
    Approval,
    Decision,
    Err,
    InvalidEdit,
    Ok,
    Orchestrator,
    Refusal,
    Result,
    differences,
    validate,
)
from awaitly_web.pages.drawing import Room, changes
from awaitly_web.pages.forms import edit_form, with_errors
from awaitly_web.pages.reading import Form, filled, read_form, value_of
from awaitly_web.pages.rendering import see_other
from awaitly_web.pages.showing import TOO_LONG_TO_EDIT, Screen, shown
from awaitly_web.problems import STATUSES, problem
from awaitly_web.schemas import LONGEST_TEXT
from awaitly_web.site import Site
from awaitly_web.spoofing import refusing
from awaitly_web.values import Call, Response

__all__ = ["deed"]

_PREVIEW = 60_000
"""Characters of a page for what an edit would change, which is shown whole or not taken here."""
Deed: TypeAlias = Callable[[Orchestrator, Approval, Actor, Form], Awaitable[Result[Decision, Refusal]]]


async def deed(site: Site, call: Call, approval: Approval, screen: Screen) -> Response:
    """Do what a form says, as the screen's actor, and show what came of it."""
    match read_form(call.request):
        case Err(response):
            return response
        case Ok(form):
            pass
    if (spoofed := form.spoofed(screen.actor)) is not None:
        about = {"run_id": approval.run_id, "key": approval.key}
        return await refusing(site.orchestrator, screen.actor, spoofed, about)
    return await _done_as_said(site, call, approval, screen, form)


async def _done_as_said(site: Site, call: Call, approval: Approval, screen: Screen, form: Form) -> Response:
    name = form.get("do")
    if name == "edit":
        return await _preview(site, call, approval, screen, form)
    if name == "confirm":
        return await _confirmed(site, call, approval, screen, form)
    verb = _DEEDS.get(name)
    if verb is None:
        return problem(422, "Unknown action", "this cannot be done here")
    if any(len(form.get(each)) > LONGEST_TEXT for each in ("reason", "text", "to")):
        return await shown(site, call, approval, evolve(screen, status=422, alert="This text is too long."))
    if name in _NEEDS and not form.get(_NEEDS[name]).strip():
        return await shown(site, call, approval, evolve(screen, status=422, alert=_EMPTY[name]))
    match await verb(site.orchestrator, approval, screen.actor, form):
        case Ok(decision):
            return await _done(site, screen, name, decision)
        case Err(refusal):
            return await _refused(site, call, approval, screen, refusal, form)


_NEEDS = {"comment": "text", "inquire": "text", "answer": "text", "delegate": "to"}
_EMPTY = {
    "comment": "Write a comment first.",
    "inquire": "Write a question first.",
    "answer": "Write an answer first.",
    "delegate": "Name the person who is to decide.",
}


async def _done(site: Site, screen: Screen, name: str, decision: Decision) -> Response:
    site.live.tell(decision.run_id)
    if name == "seen":
        return Response(status=204)
    voted = name in ("approve", "reject", "confirm") and decision.outcome is None
    return see_other(f"{screen.action}?{urlencode({'told': 'voted' if voted else name})}")


async def _refused(
    site: Site, call: Call, approval: Approval, screen: Screen, refusal: Refusal, form: Form
) -> Response:
    status = STATUSES[type(refusal)]
    now = await _again(site, approval)
    return await shown(site, call, now, evolve(screen, status=status, alert=str(refusal), reason=form.get("reason")))


async def _again(site: Site, approval: Approval) -> Approval:
    """Look again: somebody else may have been quicker."""
    match await site.orchestrator.status(approval.run_id):
        case Ok(details):
            return next((each for each in details.approvals if each.key == approval.key), approval)
        case _:
            return approval


def _revision(form: Form) -> int:
    text = form.get("revision")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004  (no revision is so large)


async def _approve(
    orchestrator: Orchestrator, approval: Approval, actor: Actor, form: Form
) -> Result[Decision, Refusal]:
    return await orchestrator.approve(
        approval.run_id, approval.key, by=actor, revision=_revision(form), digest=form.get("digest")
    )


async def _reject(
    orchestrator: Orchestrator, approval: Approval, actor: Actor, form: Form
) -> Result[Decision, Refusal]:
    reason = form.get("reason").strip() or None
    return await orchestrator.reject(
        approval.run_id, approval.key, reason, by=actor, revision=_revision(form), digest=form.get("digest")
    )


_DEEDS: dict[str, Deed] = {
    "approve": _approve,
    "reject": _reject,
    "claim": lambda orchestrator, a, actor, _: orchestrator.claim(a.run_id, a.key, by=actor),
    "release": lambda orchestrator, a, actor, _: orchestrator.release(a.run_id, a.key, by=actor),
    "seen": lambda orchestrator, a, actor, _: orchestrator.seen(a.run_id, a.key, by=actor),
    "delegate": lambda orchestrator, a, actor, form: orchestrator.delegate(
        a.run_id, a.key, to=form.get("to").strip(), by=actor
    ),
    "comment": lambda orchestrator, a, actor, form: orchestrator.comment(
        a.run_id, a.key, text=form.get("text"), by=actor
    ),
    "inquire": lambda orchestrator, a, actor, form: orchestrator.inquire(
        a.run_id, a.key, text=form.get("text"), by=actor
    ),
    "answer": lambda orchestrator, a, actor, form: orchestrator.answer(
        a.run_id, a.key, text=form.get("text"), by=actor
    ),
}


# Editing


async def _preview(site: Site, call: Call, approval: Approval, screen: Screen, form: Form) -> Response:
    """Show what an edit would change, to be confirmed; nothing is written."""
    if (_revision(form), form.get("digest")) != (approval.revision, approval.digest):
        alert = "This was changed by somebody else while you were editing. Look at what there is now, and edit again."
        return await shown(site, call, approval, evolve(screen, status=409, alert=alert))
    field = edit_form(approval, approval.view().arguments)
    if field is None:
        return await shown(site, call, approval, evolve(screen, status=422, alert=TOO_LONG_TO_EDIT))
    value, errors = value_of(field, form)
    if not errors and not approval.redact:  # what is blanked here may not fit; the edit itself is judged whole
        match validate(approval.schema, value):
            case Err(misfit):
                errors = {misfit.path: misfit.reason}
            case Ok(_):
                pass
    if errors:
        return await _wrong(site, call, approval, evolve(screen, form=with_errors(filled(field, form), errors)))
    changed = changes(differences(approval.view().arguments, value, redact=approval.redact), Room(_PREVIEW))
    if not changed.shown:
        return await shown(site, call, approval, evolve(screen, status=422, alert="You have changed nothing yet."))
    text = json.dumps(value)
    if changed.left_out or not Room(_PREVIEW).has(text):
        return await shown(site, call, approval, evolve(screen, status=422, alert=TOO_LONG_TO_EDIT))
    preview = {"changes": changed, "value": text}
    return await shown(site, call, approval, evolve(screen, preview=preview, form=filled(field, form)))


async def _confirmed(site: Site, call: Call, approval: Approval, screen: Screen, form: Form) -> Response:
    try:
        value: Any = read_json(form.get("value"))
    except ValueError:
        return problem(422, "Unreadable form", "this form cannot be read")
    match await site.orchestrator.edit(
        approval.run_id,
        approval.key,
        value,
        by=screen.actor,
        revision=_revision(form),
        digest=form.get("digest"),
    ):
        case Ok(decision):
            return await _done(site, screen, "confirm", decision)
        case Err(InvalidEdit() as misfit):
            field = edit_form(approval, value)
            if field is None:
                return await _refused(site, call, approval, screen, misfit, form)
            field = with_errors(field, {misfit.path: misfit.reason})
            return await _wrong(site, call, approval, evolve(screen, form=field))
        case Err(refusal):
            return await _refused(site, call, approval, screen, refusal, form)


async def _wrong(site: Site, call: Call, approval: Approval, screen: Screen) -> Response:
    alert = "This cannot be taken yet: see what is said beside the fields."
    return await shown(site, call, approval, evolve(screen, status=422, alert=alert))
