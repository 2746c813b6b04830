"""Proposing calls: what is allowed, what is refused, and the ticket under which people are asked."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from attrs import evolve

from awaitly.approvals.policy import Policy
from awaitly.codec import ANYTHING, Codec
from awaitly.exceptions import DefinitionError
from awaitly.gating.calls import Allowed, Ticket, ToolCall
from awaitly.gating.granting import Ceiling, Grants, checked_pace, may_be_granted
from awaitly.gating.refusals import (
    CallDenied,
    CallRefusal,
    InvalidCall,
)
from awaitly.gating.registry import Registry
from awaitly.gating.ruling import Allow, AskPeople, Deny, Ruler, policy_of
from awaitly.gating.tickets import (
    QUEUE,
    TOOL,
    Proposed,
    Put,
    folded,
    folded_into,
    policy_digest,
    prefix_of,
    ticket_id,
    ticket_workflow,
)
from awaitly.ids import checked_name
from awaitly.result import Err, Ok, Result
from awaitly.schema import checked_schema, validate
from awaitly.statuses import RunStatus
from awaitly.storage.journal import RunRecord
from awaitly.storage.store import Changes, Move, Store
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.visible import visible

__all__ = ["ANY_OBJECT", "Proposing"]


_LIVING = tuple(status for status in RunStatus if not status.ended and status is not RunStatus.SCHEDULED)
ANY_OBJECT: Mapping[str, Any] = {"type": "object"}
_PLAIN = Codec()


class Proposing(Registry):
    """Takes what agents want to call, and asks people about it."""

    def __init__(self, store: Store, policy: Policy, rules: Iterable[Ruler], ceiling: Ceiling | None) -> None:
        super().__init__(rules)
        self._store = store
        self._policy = policy
        self._ceiling = ceiling
        self._grants = Grants(store)
        self._asking_now = asyncio.Lock()

    @property
    @abstractmethod
    def orchestrator(self) -> Orchestrator:
        """What the tickets run on, as runs."""

    async def propose(self, call: ToolCall) -> Result[Allowed | Ticket, CallRefusal]:
        """Say what is to be done with a call: `Allowed`, or the `Ticket` under which people are asked.

        Nothing is written for what is allowed; whether its arguments fit is the tool's own affair. A call that people
        are asked about already is the same ticket.
        """
        call = call if call.agent is not None else evolve(call, agent=self.agent)
        if (odd := _odd(call)) is not None:
            return Err(InvalidCall(visible(str(call.tool)), "$", odd))
        own = self._tools.get(call.tool)
        if own is None and isinstance(self.ruling(call.tool, call.arguments), Allow):
            return Ok(Allowed())
        match self.plain(call):
            case Err(misfit):
                return Err(misfit)
            case Ok(arguments):
                pass
        match self.ruling(call.tool, arguments):
            case Allow():
                return Ok(Allowed())
            case Deny(reason):
                return Err(CallDenied(call.tool, reason))
            case AskPeople() as ask:
                put = Put(ask, policy_of(ask, self._policy))
        schema = dict(own.schema if own is not None else call.schema or ANY_OBJECT)
        if (unfit := _misfit(call.tool, schema, arguments)) is not None:
            return Err(unfit)
        proposed = Proposed(arguments=arguments, schema=schema, under=policy_digest(put.policy), claim=call.claim)
        return await self._asked(evolve(call, arguments=arguments), proposed, put)

    def plain(self, call: ToolCall) -> Result[dict[str, Any], InvalidCall]:
        """Give a copy of a call's arguments, which are JSON; those of a tool of this gate's own with its defaults."""
        own = self._tools.get(call.tool)
        arguments: Mapping[str, Any] = dict(call.arguments)
        if own is not None:
            match own.completed(arguments):
                case Err(misfit):
                    return Err(misfit)
                case Ok(completed):
                    arguments = completed
        match _PLAIN.encode(arguments, ANYTHING):
            case Err(unstorable):
                return Err(InvalidCall(call.tool, unstorable.path, unstorable.reason))
            case Ok(text):
                return Ok(_PLAIN.decode(text, ANYTHING).unwrap())

    async def _asked(self, call: ToolCall, proposed: Proposed, put: Put) -> Result[Allowed | Ticket, CallRefusal]:
        code = ticket_workflow(call.tool, put, partial(self._asking, call.tool), _nobody_makes)
        while True:
            async with self._asking_now:  # so that calls which come at once are folded, and counted, one by one
                open_id = await self._open_ticket(call)
                if (ticket := await self._there(call.tool, open_id)) is not None:
                    return Ok(ticket)
                match await checked_pace(self.orchestrator, self._ceiling, call.agent):
                    case Err(too_many):
                        return Err(too_many)
                    case Ok(_):
                        pass
                started = await self.orchestrator.start_new(
                    code(proposed), open_id, requested_by=call.agent, queue=QUEUE
                )
            if started is not None and started.pending:
                return Ok(await self._granted(call, put, Ticket(open_id, call.tool, started.pending[0])))
            if started is not None:
                return Err(InvalidCall(call.tool, "$", f"people cannot be asked: {started.result}"))

    async def _granted(self, call: ToolCall, put: Put, ticket: Ticket) -> Ticket:
        """Give a new ticket as it stands once those have voted who said yes in advance."""
        if ticket.pending is None or not may_be_granted(put.policy.risk):
            return ticket
        await self._grants.vote(self.orchestrator, call, ticket.pending)
        return await self._there(call.tool, ticket.id) or ticket

    async def _there(self, tool: str, ticket: str) -> Ticket | None:
        """Give a ticket as it stands; None where there is none."""
        match await self.orchestrator.status(ticket):
            case Ok(details):
                return Ticket(ticket, tool, details.pending[0] if details.pending else None)
            case Err(_):
                return None

    async def _open_ticket(self, call: ToolCall) -> str:
        """Give the id under which a call is asked about: that of the same call's, where there is one that goes on."""
        own = ticket_id(call)
        if call.call_id is None:
            newest = await self._newest(f"{prefix_of(call)}n", tuple(RunStatus))
            if newest is None:
                return own
            return ticket_id(call, _number(newest.run_id) + 1) if newest.status.ended else newest.run_id
        there = (await self._store.load(own)).run
        if there is not None:
            return folded_into(there)
        living = None if call.conversation is None else await self._newest(prefix_of(call), _LIVING)
        if living is None:
            return own
        row = folded(own, living.run_id, await self._store.now())
        await self._store.commit(Changes(move=Move.ENQUEUE, runs=(row,)))  # whoever was quicker did the same
        return living.run_id

    async def _newest(self, prefix: str, statuses: tuple[RunStatus, ...]) -> RunRecord | None:
        page = await self.orchestrator.runs(prefix=prefix, statuses=statuses, limit=1)
        return page.items[0] if page.items else None

    def _asking(self, tool: str, edited: Mapping[str, Any], under: str) -> Put | None:
        """Say how an edited call is asked about anew; None where it comes under the same policy, or needs nobody."""
        match self.plain(ToolCall(tool=tool, arguments=edited)):
            case Ok(completed):
                ruling = self.ruling(tool, completed)
            case Err(_):
                ruling = self.ruling(tool, edited)
        if not isinstance(ruling, AskPeople) or policy_digest(policy := policy_of(ruling, self._policy)) == under:
            return None
        return Put(ruling, policy)


def _odd(call: ToolCall) -> str | None:
    """Say what of a call is not what it has to be, whatever its type says; None where all is well."""
    texts = {"call_id": call.call_id, "conversation": call.conversation, "claim": call.claim}
    given: Any = call
    if not isinstance(given.arguments, Mapping):
        return f"its arguments are an object with a member for each, not {type(given.arguments).__name__}"
    if given.schema is not None and not isinstance(given.schema, Mapping):
        return f"its schema is an object, not {type(given.schema).__name__}"
    for name, text in texts.items():
        if text is not None and type(text) is not str:
            return f"its {name} is a text, not {type(text).__name__}"
    try:
        checked_name("the name of a tool", call.tool)
        checked_name("the name of a tool", f"{TOOL}{call.tool}")
    except (DefinitionError, TypeError) as none:
        return str(none)
    return None


def _misfit(tool: str, schema: dict[str, Any], arguments: Any) -> InvalidCall | None:
    """Check arguments against the schema that a tool has for them."""
    try:
        match validate(checked_schema(schema), arguments):
            case Err(misfit):
                return InvalidCall(tool, misfit.path, misfit.reason)
            case Ok(_):
                return None
    except DefinitionError as none:
        return InvalidCall(tool, "$", str(none))


def _number(ticket: str) -> int:
    """Give the number at the end of the id of a ticket whose call had no id of its own; 0 for others."""
    end = ticket.rpartition(":")[2]
    return int(end[1:]) if end[:1] == "n" else 0


async def _nobody_makes(_: Mapping[str, Any]) -> tuple[Any, bool]:
    msg = "a call is proposed before it is made"
    raise RuntimeError(msg)
