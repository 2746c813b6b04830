"""Live updates, as server-sent events or over a WebSocket: that something has changed, and never what."""

from __future__ import annotations

from awaitly_web.core import Actor, Err, Ok
from awaitly_web.events import MESSAGES, SERVER_SENT
from awaitly_web.live import MOST_STREAMS, Topic
from awaitly_web.problems import problem, refused
from awaitly_web.seeing import approval_in_sight, run_in_sight
from awaitly_web.site import Site
from awaitly_web.values import Call, Response

__all__ = ["approval", "inbox", "run", "streamed"]

_HEADERS = (("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no"))
_LONGEST = 64


async def inbox(site: Site, call: Call) -> Response:
    """Tell whoever asks when something else waits for them."""
    return streamed(site, call, call.actor, site.live.inbox(call.actor))


async def run(site: Site, call: Call) -> Response:
    """Tell when a run has moved."""
    match await run_in_sight(site, call, call.parts["run_id"]):
        case Ok(details):
            return streamed(site, call, call.actor, site.live.run(details.run.run_id))
        case Err(unknown):
            return refused(unknown)


async def approval(site: Site, call: Call) -> Response:
    """Tell when something has happened to an approval, or in its run."""
    match await approval_in_sight(site, call, call.parts["run_id"], call.parts["key"]):
        case Ok(found):
            return streamed(site, call, call.actor, site.live.run(found.run_id))
        case Err(unknown):
            return refused(unknown)


def streamed(site: Site, call: Call, actor: Actor, topic: Topic) -> Response:
    """Answer with the events of a topic, in the form that suits the connection."""
    if site.live.is_full(actor):
        return problem(429, "Too many streams", f"at most {MOST_STREAMS} at a time: close a page that is open")
    seen = call.request.headers.get("last-event-id") or call.request.parameter("seen")
    known = seen if seen and len(seen) <= _LONGEST else None
    form = MESSAGES if call.request.websocket else SERVER_SENT
    return Response(headers=_HEADERS, stream=site.live.stream(topic, actor, known, form))
