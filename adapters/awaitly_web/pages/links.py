"""Mailed links: each shows one revision of one approval to one person, who may decide there."""

from __future__ import annotations

from http import HTTPStatus

from attrs import frozen

from awaitly_web.api.streams import streamed
from awaitly_web.core import Approval, Err, LinkRefused, Ok, Result, visible
from awaitly_web.opening import opened
from awaitly_web.pages.addresses import approval_at, link_at
from awaitly_web.pages.deciding import deed
from awaitly_web.pages.rendering import page
from awaitly_web.pages.showing import TOLD, Screen, shown
from awaitly_web.seeing import same_person
from awaitly_web.showing import plain_approval
from awaitly_web.site import NOBODY, Site
from awaitly_web.values import Call, Response, json_response

__all__ = ["act", "entered", "live", "show", "whole"]

_TITLES = {
    LinkRefused.NOT_OURS: "This link leads nowhere",
    LinkRefused.EXPIRED: "This link is no longer good",
    LinkRefused.STALE: "This has changed since",
}


@frozen
class Entered:
    """What somebody sees who came by a link."""

    approval: Approval
    screen: Screen


async def entered(site: Site, call: Call) -> Result[Entered, Response]:
    """Open a link, for the person whom it was made for. Somebody else who is signed in is told so instead."""
    token = call.parts["token"]
    match await opened(site, token):
        case Err(refusal):
            return Err(await _closed(site, call, token, refusal))
        case Ok(found):
            pass
    person = found.claim.person
    if call.actor is not NOBODY:
        if not same_person(call.actor, person):
            own = approval_at(call.request, found.approval.run_id, found.approval.key)
            detail = f"It was made for {visible(person.name)}, and you are signed in as {visible(call.actor.name)}."
            return Err(_nowhere(call, 403, "This link is somebody else's", detail, own))
        person = call.actor
    own = link_at(call.request, token)
    told = TOLD.get(call.request.parameter("told") or "")
    screen = Screen(actor=person, action=own, live=f"{own}/live", whole_at=f"{own}/whole", by_link=True, told=told)
    return Ok(Entered(found.approval, screen))


async def show(site: Site, call: Call) -> Response:
    """Show what a link was made for."""
    match await entered(site, call):
        case Err(response):
            return response
        case Ok(found):
            return await shown(site, call, found.approval, found.screen)


async def whole(site: Site, call: Call) -> Response:
    """Give all of what a link was made for as JSON, of which its page may show a part."""
    match await entered(site, call):
        case Err(response):
            return response
        case Ok(found):
            return json_response(plain_approval(found.approval))


async def act(site: Site, call: Call) -> Response:
    """Do what a form says on a page that a link has opened."""
    match await entered(site, call):
        case Err(response):
            return response
        case Ok(found):
            response = await deed(site, call, found.approval, found.screen)
    if response.status != HTTPStatus.SEE_OTHER or not isinstance(await opened(site, call.parts["token"]), Err):
        return response
    return await _outgrown(site, call, found)


async def _outgrown(site: Site, call: Call, found: Entered) -> Response:
    """Say what came of an edit: it has made a new revision, which the link does not show."""
    approval, title, detail = found.approval, "Your edit is there", "Others have to approve it now."
    match await site.orchestrator.status(approval.run_id):
        case Ok(details) if any(each.key == approval.key and each.decided for each in details.approvals):
            title, detail = "Your edit is in force", "It is decided, with what you have changed."
        case _:
            pass
    own = approval_at(call.request, approval.run_id, approval.key)
    return _nowhere(call, HTTPStatus.OK, title, detail, own)


async def _closed(site: Site, call: Call, token: str, refusal: LinkRefused) -> Response:
    """Say why a link does not open, and where to go on."""
    own: str | None = None
    if refusal is LinkRefused.STALE and site.links is not None:
        match site.links.read(token, await site.orchestrator.now()):
            case Ok(claim):
                own = approval_at(call.request, claim.run_id, claim.key)
            case Err(_):
                pass
    status = 410 if refusal is LinkRefused.EXPIRED else 409 if refusal is LinkRefused.STALE else 404
    sentence = f"{str(refusal)[0].upper()}{str(refusal)[1:]}."
    return _nowhere(call, status, _TITLES[refusal], sentence, own)


def _nowhere(call: Call, status: int, title: str, detail: str, own: str | None) -> Response:
    me = None if call.actor is NOBODY else call.actor
    return page(
        call.request, "closed.html", status, me=me, section=None, live=None, title=title, detail=detail, own_at=own
    )


async def live(site: Site, call: Call) -> Response:
    """Tell when something has happened to what a link shows. Servers log the paths of WebSockets, so there is none."""
    match await entered(site, call):
        case Ok(found):
            return streamed(site, call, found.screen.actor, site.live.run(found.approval.run_id))
        case Err(response):
            return response
