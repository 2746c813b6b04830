"""Deciding many at once, each on what was shown of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from awaitly_web.core import Decision, Err, Ok, Refusal, Result
from awaitly_web.problems import refused
from awaitly_web.seeing import approval_in_sight, sees_all
from awaitly_web.showing import plain_decision
from awaitly_web.site import Site
from awaitly_web.values import Call, Response, json_response

__all__ = ["approve", "reject"]


@frozen
class _Shown:
    run_id: str
    key: str
    revision: int
    digest: str


async def approve(site: Site, call: Call) -> Response:
    """Approve many, and give each one's result in order."""
    return await _all(site, call, lambda shown: site.orchestrator.approve_all(shown, by=call.actor))


async def reject(site: Site, call: Call) -> Response:
    """Reject many for one reason."""
    reason = call.members.get("reason")
    return await _all(site, call, lambda shown: site.orchestrator.reject_all(shown, reason, by=call.actor))


Deciding = Callable[[Sequence[_Shown]], Awaitable[tuple[Result[Decision, Refusal], ...]]]


async def _all(site: Site, call: Call, decide: Deciding) -> Response:
    items = [_Shown(**item) for item in call.members["items"]]
    hidden: dict[int, Refusal] = {}
    for number, item in enumerate(items):
        if not sees_all(call):
            match await approval_in_sight(site, call, item.run_id, item.key):
                case Err(unknown):
                    hidden[number] = unknown
                case Ok(_):
                    pass
    decided = iter(await decide([item for number, item in enumerate(items) if number not in hidden]))
    results = [Err(hidden[number]) if number in hidden else next(decided) for number in range(len(items))]
    for item in items:
        site.live.tell(item.run_id)
    return json_response({"results": [_result(result) for result in results]})


def _result(result: Result[Decision, Refusal]) -> Mapping[str, Any]:
    match result:
        case Ok(decision):
            return {"decision": plain_decision(decision), "problem": None}
        case Err(refusal):
            return {"decision": None, "problem": json.loads(refused(refusal).body)}
