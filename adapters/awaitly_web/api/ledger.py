"""A run's ledger: who was asked, saw, voted, edited, decided."""

from __future__ import annotations

from awaitly_web.core import Err, Head, Ok, Veil
from awaitly_web.problems import problem, refused
from awaitly_web.seeing import run_in_sight
from awaitly_web.showing import plain_entry, plain_head
from awaitly_web.site import Site
from awaitly_web.values import Call, Response, json_response

__all__ = ["entries", "verify"]


async def entries(site: Site, call: Call) -> Response:
    """List the entries of a run's ledger, in order."""
    run_id = call.parts["run_id"]
    match await run_in_sight(site, call, run_id):
        case Err(unknown):
            return refused(unknown)
        case Ok(details):
            found, veil = await site.orchestrator.ledger(run_id), Veil(details.approvals)
            return json_response({"items": [plain_entry(entry, veil) for entry in found], "after": None})


async def verify(site: Site, call: Call) -> Response:
    """Check that a ledger is whole, and gives its head; `head` in the query is one that was given before."""
    run_id, exported = call.parts["run_id"], call.asked["head"]
    known = None if exported is None else _head(exported)
    if exported is not None and known is None:
        return problem(422, "Bad parameter", "head: it is COUNT:HASH, as this answers")
    match await run_in_sight(site, call, run_id):
        case Err(unknown):
            return refused(unknown)
        case Ok(_):
            pass
    match await site.orchestrator.verify(run_id, known):
        case Ok(head):
            return json_response(plain_head(run_id, head))
        case Err(broken):
            return refused(broken)


def _head(text: str) -> Head | None:
    count, colon, digest = text.partition(":")
    return Head(int(count), digest) if colon and count.isascii() and count.isdigit() and len(count) < 10 else None  # noqa: PLR2004  (a billion entries)
