"""Telling runs something from outside: signals, and the fates of promises."""

from __future__ import annotations

from awaitly_web.bodies import unreadable
from awaitly_web.core import DefinitionError, Err, Ok, PromiseRefusal, Result, Sent, SignalRefusal
from awaitly_web.problems import refused
from awaitly_web.site import Site
from awaitly_web.values import Call, Response, json_response

__all__ = ["reject", "resolve", "signal"]


async def signal(site: Site, call: Call) -> Response:
    """Tell a run what it waits for, or will wait for."""
    given = call.members
    try:
        result = await site.orchestrator.signal(
            call.parts["run_id"], call.parts["name"], given.get("value"), key=given.get("key", ""), by=call.actor
        )
    except DefinitionError as exc:
        return unreadable("$", str(exc))
    return _sent(result)


async def resolve(site: Site, call: Call) -> Response:
    """Keep a promise."""
    return _sent(await site.orchestrator.resolve(call.parts["promise_id"], call.members.get("value"), by=call.actor))


async def reject(site: Site, call: Call) -> Response:
    """Say that a promise will not be kept."""
    return _sent(
        await site.orchestrator.reject_promise(call.parts["promise_id"], call.members.get("reason"), by=call.actor)
    )


def _sent(result: Result[Sent, SignalRefusal] | Result[Sent, PromiseRefusal]) -> Response:
    match result:
        case Ok(sent):
            return json_response({"run_id": sent.run_id, "name": sent.name, "replayed": sent.replayed})
        case Err(refusal):
            return refused(refusal)
