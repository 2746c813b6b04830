"""Decisions of other programs, by signed messages, and what Slack calls back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from awaitly_web.api import approvals, runs
from awaitly_web.bodies import Body, parsed, unreadable
from awaitly_web.core import Actor, AuditEvent, Entry, Err, Ok, Result, said
from awaitly_web.hooks import verified
from awaitly_web.permissions import Permission
from awaitly_web.problems import problem
from awaitly_web.routes import Handler
from awaitly_web.schemas import DIGEST, NAME, REASON, REVISION, TEXT
from awaitly_web.site import Site
from awaitly_web.spoofing import Spoofed, refusing
from awaitly_web.values import Call, Response, json_response

__all__ = ["MESSAGE", "decisions", "slack"]

_DATA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "run_id": NAME,
        "key": NAME,
        "revision": REVISION,
        "digest": DIGEST,
        "reason": REASON,
        "value": {"description": "What an edit changes the proposal to"},
    },
    "required": ["run_id"],
    "additionalProperties": False,
}


@frozen
class _Verb:
    """What a type of message does: its handler, what its data must have besides the run, and what it may have."""

    handler: Handler
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()


_SHOWN = ("key", "revision", "digest")
"""A decision names what was shown, so that it is never taken for one on what came later."""
_VERBS: Mapping[str, _Verb] = {
    "approve": _Verb(approvals.approve, _SHOWN),
    "reject": _Verb(approvals.reject, _SHOWN, ("reason",)),
    "edit": _Verb(approvals.edit, (*_SHOWN, "value")),
    "cancel": _Verb(runs.cancel, (), ("reason",)),
}
MESSAGE = Body({"type": {"enum": list(_VERBS)}, "timestamp": TEXT, "data": _DATA}, ("type", "data"))
"""A message of another program: what it decides, and on what."""


async def decisions(site: Site, call: Call) -> Response:
    """Take a decision of a program whose signature is known here."""
    if site.webhooks is None:
        return problem(404, "Not found", "there is nothing here")
    match verified(site.webhooks, call.request):
        case Err(unsigned):
            return unsigned
        case Ok(actor):
            pass
    match _message(call, actor):
        case Err(found):
            return found if isinstance(found, Response) else await refusing(site.orchestrator, actor, found)
        case Ok(message):
            pass
    permitted, data = site.permits(actor), message["data"]
    if Permission.DECIDE not in permitted:
        return problem(403, "Not permitted", f"{actor.name} may not do this here: it takes 'decide'")
    if any(_came_by(entry, actor) for entry in await site.orchestrator.ledger(data["run_id"])):
        return json_response({"run_id": data["run_id"], "replayed": True})
    verb = _VERBS[message["type"]]
    parts = {name: data[name] for name in ("run_id", "key") if name in data}
    members = {name: data[name] for name in (*verb.needs, *verb.takes) if name in data and name != "key"}
    answer = await verb.handler(site, Call(call.request, actor, parts, members=members, permitted=permitted))
    return answer if answer.status != _DONE else json_response({"run_id": data["run_id"], "replayed": False})


_DONE = 200


def _message(call: Call, actor: Actor) -> Result[Mapping[str, Any], Response | Spoofed]:
    """Read a message that is signed; whatever it says of who decides is refused."""
    match parsed(call.request.body):
        case Err(unread):
            return Err(unread)
        case Ok(content):
            pass
    match MESSAGE.checked(content, actor):
        case Err(misfit):
            return Err(misfit)
        case Ok(message):
            pass
    missing = [name for name in _VERBS[message["type"]].needs if name not in message["data"]]
    return Err(unreadable(f"$.data.{missing[0]}", "missing")) if missing else Ok(message)


def _came_by(entry: Entry, actor: Actor) -> bool:
    """Whether an entry came by this message of this sender: others may count their messages alike.

    One that does not read, or notes what was refused, came by none. Of one whose people are redacted the number counts.
    """
    try:
        told = said(entry)
    except ValueError:
        return False
    if told.get("event") == AuditEvent.SPOOFED.value or told.get("via") != actor.via:
        return False
    return bool(told.get("by", actor.name) == actor.name)


async def slack(site: Site, call: Call) -> Response:
    """Hand what Slack calls back to what knows its signatures, byte by byte."""
    if site.slack is None:
        return problem(404, "Not found", "there is nothing here")
    status, headers, body = await site.slack(call.request.headers, call.request.body)
    return Response(status=status, headers=tuple(headers.items()), body=body)
