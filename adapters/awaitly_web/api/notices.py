"""What people are told of runs, and what could not be delivered."""

from __future__ import annotations

from awaitly_web.core import Err, Ok
from awaitly_web.problems import problem, refused
from awaitly_web.seeing import run_in_sight
from awaitly_web.showing import plain_dead_letter, plain_notice
from awaitly_web.site import Site
from awaitly_web.values import Call, Response, json_response

__all__ = ["dead_letters", "of_run", "resend"]


async def of_run(site: Site, call: Call) -> Response:
    """List what people were, or are to be, told of a run."""
    run_id = call.parts["run_id"]
    match await run_in_sight(site, call, run_id):
        case Err(unknown):
            return refused(unknown)
        case Ok(_):
            notices = await site.orchestrator.notices(run_id)
            return json_response({"items": [plain_notice(notice) for notice in notices], "after": None})


async def dead_letters(site: Site, call: Call) -> Response:
    """List the notices that were given up."""
    try:
        page = await site.orchestrator.dead_letters(**call.asked)
    except ValueError as exc:
        return problem(422, "Bad parameter", str(exc))
    return json_response({"items": [plain_dead_letter(letter) for letter in page.items], "after": page.after})


async def resend(site: Site, call: Call) -> Response:
    """Have a notice that was given up sent again."""
    match await site.orchestrator.resend(call.parts["run_id"], call.parts["key"]):
        case Ok(notice):
            return json_response(plain_notice(notice))
        case Err(unknown):
            return refused(unknown)
