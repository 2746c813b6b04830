"""Tickets: a call that people are asked about is a run of its own, which makes the call once it is approved.

The run asks with the call's real arguments. Where an edit brings the call under another policy, it asks again under
that one. The call itself is a step that runs at most once.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from attrs import evolve

from awaitly.actors import By, as_actor
from awaitly.approvals.outcomes import Approved, Edited, Rejected
from awaitly.approvals.policy import Policy
from awaitly.codec import Codec
from awaitly.digest import arguments_digest, digest
from awaitly.errors import ApprovalExpired, ApprovalRejected, Expired, UnexpectedError
from awaitly.gating.calls import ToolCall
from awaitly.gating.refusals import CallDenied
from awaitly.gating.ruling import AskPeople, summary_of
from awaitly.ids import TICKETS
from awaitly.replaying.context import Run
from awaitly.replaying.questions import value_of
from awaitly.replaying.workflow import OutcomeShape, Workflow, step, workflow
from awaitly.result import Err, Ok, Result
from awaitly.storage.journal import RunRecord
from awaitly.storage.store import RunRow
from awaitly.values import frozen

__all__ = [
    "QUEUE",
    "TOOL",
    "Asking",
    "Done",
    "Judged",
    "Make",
    "NotCalled",
    "Proposed",
    "Put",
    "agent_prefix",
    "folded",
    "folded_into",
    "line_of",
    "number_of",
    "own_id",
    "own_of",
    "policy_digest",
    "prefix_of",
    "ticket_workflow",
]

QUEUE = "tools"
"""The queue of tickets: workers that have the tools' code name it."""
TOOL = "tool:"
"""How the workflow of a tool's tickets is called, before the name of the tool."""
_FOLDED = "folded"
"""No status of a run: no move applies to such a row."""
_AGENT, _CONTENT, _CALL = 10, 20, 16
"""Characters of the parts of a ticket's id: each is the beginning of a digest."""


@frozen
class Done:
    """What a call gave, as JSON; `failed`: the tool returned it as its error. `edited_by` changed the arguments."""

    value: Any
    arguments: dict[str, Any]
    failed: bool = False
    edited_by: str | None = None


NotCalled: TypeAlias = ApprovalRejected | ApprovalExpired | CallDenied | UnexpectedError
Make: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[tuple[Any, bool]]]
"""Makes a call with JSON arguments; gives what it gave as JSON, and whether that is an error which it returned."""
Judged: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[tuple[Any, bool] | CallDenied]]
"""Makes a call like that, unless a rule forbids it by now."""


@frozen(kw_only=True)
class Proposed:
    """A call as it was proposed, which its ticket keeps: `under` is the digest of the policy that it came under.

    `own` is the id under which the call itself is known, where it has one: its ticket's may be another.
    """

    arguments: dict[str, Any]
    schema: dict[str, Any]
    under: str
    claim: str | None = None
    own: str | None = None


@frozen
class Put:
    """How a call is put before people, and under which policy."""

    ask: AskPeople
    policy: Policy


Asking: TypeAlias = Callable[[Mapping[str, Any], str], Put | None]
"""Says how edited arguments are to be asked about anew; None where they come under the same policy, or nobody's."""


def policy_digest(policy: Policy) -> str:
    """Tell whether two calls come under the same policy."""
    return digest("policy", repr(policy))


_DONE = Codec(types=[Done])


def line_of(call: ToolCall) -> str:
    """Give how the ids of tickets begin under which equal calls are asked about, one after the other, by numbers.

    So it is the store that decides on which of them is asked about next, whoever asks: an id is taken once.
    """
    return f"{prefix_of(call)}n"


def own_id(call: ToolCall) -> str | None:
    """Give the id under which a call that has an id of its own finds its ticket again."""
    return None if call.call_id is None else prefix_of(call) + digest(call.call_id)[3 : 3 + _CALL]


def number_of(ticket: str) -> int:
    """Give the place of a ticket in its line."""
    return int(ticket.rpartition(":")[2][1:])


def own_of(ticket: RunRecord) -> str | None:
    """Give the id of its own of the call that a ticket was first for; None where it has none, or is damaged."""
    own: str | None = json.loads(ticket.arguments).get("call", {}).get("own")
    return own


def agent_prefix(agent: By | None) -> str:
    """Give how the ids of all tickets of an agent begin."""
    name = "" if agent is None else as_actor(agent).name
    return f"{TICKETS}{digest(name)[3 : 3 + _AGENT]}:"


def prefix_of(call: ToolCall) -> str:
    """Give how the ids of tickets begin that are equal: of an agent, in a conversation, with the same content.

    Raises `ValueError` for what is no JSON.
    """
    match arguments_digest(call.tool, (call.conversation, dict(call.arguments)), {}):
        case Ok(content):
            return f"{agent_prefix(call.agent)}{content[3 : 3 + _CONTENT]}:"
        case Err(unstorable):
            raise ValueError(str(unstorable))


def folded(own: str, ticket: str, now: int) -> RunRow:
    """Give the row by which a call finds a ticket again that is not called like it: under the id of its own."""
    body = json.dumps({"ticket": ticket})
    return RunRow(own, 1, "", _FOLDED, now, now, None, body)


def folded_into(row: RunRow) -> str:
    """Give the id of a call's ticket: the one that is called like it, or that which its row names."""
    return str(json.loads(row.body)["ticket"]) if row.status == _FOLDED else row.run_id


def ticket_workflow(
    tool: str, put: Put, asking: Asking, make: Judged, outcome: OutcomeShape | None = None
) -> Workflow[[Proposed], Done, NotCalled]:
    """Give the code of a tool's tickets; `put` says how a call is first put before people, `outcome` what it gives.

    What the tool raised is kept, and is no reason to call it again where somebody has the run tried again.
    """

    @workflow(name=f"{TOOL}{tool}", codec=_DONE)
    async def ticket(run: Run[NotCalled], call: Proposed) -> Result[Done, NotCalled]:
        proposed, how, under, editor = call.arguments, put, call.under, None
        while True:
            outcome = await run.decision(
                tool,
                proposes=proposed,
                summary=summary_of(tool, proposed, how.ask),
                policy=how.policy,
                schema=call.schema,
                reason=call.claim,
                redact=how.ask.redact,
            )
            match outcome:
                case Approved():
                    break
                case Edited(value=value, by=by):
                    again = asking(value, under)
                    proposed, editor = value, by.name
                    anew = "" if again is None else policy_digest(again.policy)
                    under = await run.step(step(_saying(anew), key="policy"))
                    if not under:
                        break
                    how = again or how
                case Rejected() | Expired():
                    return Err(value_of(outcome, run.run_id, tool).failure())
        result = await run.attempt(step(_calling(make, editor), key="call", at_most_once=True), proposed)
        if isinstance(result, Err):
            return Err(result.failure())
        came: Any = result.unwrap()
        return Ok(came if isinstance(came, Done) else Done(came, proposed, edited_by=editor))

    return evolve(ticket, outcome=outcome)


def _saying(answer: str) -> Callable[[], Awaitable[Result[str, NotCalled]]]:
    """Give a step that keeps an answer of the rules: a replay goes the same way, whatever they say by then."""

    async def policy() -> Result[str, NotCalled]:
        return Ok(answer)

    return policy


def _calling(make: Judged, editor: str | None) -> Callable[[dict[str, Any]], Awaitable[Result[Any, NotCalled]]]:
    """Give the step that makes a call. What a person says that it gave, who settles it, is a plain value there."""

    async def call(arguments: dict[str, Any]) -> Result[Any, NotCalled]:
        came = await make(arguments)
        if isinstance(came, CallDenied):
            return Err(came)
        value, failed = came
        return Ok(Done(value, arguments, failed, editor))

    return call
