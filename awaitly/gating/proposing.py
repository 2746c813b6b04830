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
    line_of,
    number_of,
    own_id,
    own_of,
    policy_digest,
    ticket_workflow,
)
from awaitly.ids import checked_name
from awaitly.result import Err, Ok, Result
from awaitly.schema import checked_schema, validate
from awaitly.storage.journal import RunRecord
from awaitly.storage.store import Changes, Move, Store
from awaitly.values import frozen
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.verbs.reader import RunDetails
from awaitly.visible import visible

__all__ = ["ANY_OBJECT", "Proposing", "nobody_makes"]


ANY_OBJECT: Mapping[str, Any] = {"type": "object"}
_PLAIN = Codec()


@frozen
class _Place:
    """The ticket of a call, as it stands if it is there; `own`: under which id that has yet to be kept."""

    ticket: str
    there: RunDetails | None = None
    own: str | None = None


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
        are asked about already is the same ticket. One that they have answered stays so by its `call_id`, though the
        rules allow it by now: what was rejected is not made, and what was made is not made again.
        """
        call = call if call.agent is not None else evolve(call, agent=self.agent)
        if (odd := _odd(call)) is not None:
            return Err(InvalidCall(visible(str(call.tool)), "$", odd))
        own = self._tools.get(call.tool)
        if own is None and isinstance(self.ruling(call.tool, call.arguments), Allow):
            return Ok(await self._answered(call) or Allowed())
        match self.plain(call):
            case Err(misfit):
                return Err(misfit)
            case Ok(arguments):
                pass
        match self.ruling(call.tool, arguments):
            case Allow():
                return Ok(await self._answered(evolve(call, arguments=arguments)) or Allowed())
            case Deny(reason):
                return Err(CallDenied(call.tool, reason))
            case AskPeople() as ask:
                put = Put(ask, policy_of(ask, self._policy))
        schema = dict(own.schema if own is not None else call.schema or ANY_OBJECT)
        if (unfit := _misfit(call.tool, schema, arguments)) is not None:
            return Err(unfit)
        whole = evolve(call, arguments=arguments)
        under = policy_digest(put.policy)
        proposed = Proposed(arguments=arguments, schema=schema, under=under, claim=call.claim, own=own_id(whole))
        return await self._asked(whole, proposed, put)

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
        """Give the ticket of a call, which is a new one unless an equal call is asked about already.

        Whoever asks beside this one, in whatever process, has to take the same id, and the store lets one of them.
        """
        code = ticket_workflow(call.tool, put, partial(self._asking, call.tool), nobody_makes)
        while True:
            async with self._asking_now:  # so that calls which come at once are folded, and counted, one by one
                place = await self._place(call)
                if place.there is None:
                    match await checked_pace(self.orchestrator, self._ceiling, call.agent):
                        case Err(too_many):
                            return Err(too_many)
                        case Ok(_):
                            pass
                if not await self._kept(place):
                    continue
                if place.there is not None:
                    since = None if place.own is None else await self._there(place.ticket)
                    return Ok(_ticket(call.tool, since or place.there))
                started = await self.orchestrator.start_new(
                    code(proposed), place.ticket, requested_by=call.agent, queue=QUEUE
                )
            if started is not None and started.pending:
                return Ok(await self._granted(call, put, Ticket(place.ticket, call.tool, started.pending[0])))
            if started is not None:
                return Err(InvalidCall(call.tool, "$", f"people cannot be asked: {started.result}"))

    async def _granted(self, call: ToolCall, put: Put, ticket: Ticket) -> Ticket:
        """Give a new ticket as it stands once those have voted who said yes in advance."""
        if ticket.pending is None or not may_be_granted(put.policy.risk):
            return ticket
        await self._grants.vote(self.orchestrator, call, ticket.pending)
        there = await self._there(ticket.id)
        return ticket if there is None else _ticket(call.tool, there)

    async def _there(self, ticket: str) -> RunDetails | None:
        """Give a ticket as it stands; None where there is none."""
        match await self.orchestrator.status(ticket):
            case Ok(details):
                return details
            case Err(_):
                return None

    async def _place(self, call: ToolCall) -> _Place:
        """Say under which ticket a call is asked about: that which it has, or that of an equal one, or a new one.

        A call belongs to the ticket that goes on when it comes, though that be executed right then: it is answered by
        what comes of it, and is not made a second time. One that comes after the end is a new one.
        """
        own, line = own_id(call), line_of(call)
        if own is not None:
            row = (await self._store.load(own)).run
            if row is not None:
                ticket = folded_into(row)
                return _Place(ticket, await self._there(ticket))
            if call.conversation is None:
                return _Place(own)
        newest = await self._newest(line)
        if newest is None:
            return _Place(f"{line}0")
        if own is not None and (first := await self._there(f"{line}0")) is not None and own_of(first.run) == own:
            return _Place(first.run.run_id, first)
        number = number_of(newest.run_id)
        while (there := await self._there(f"{line}{number}")) is not None and there.run.status.ended:
            number += 1  # and again where clocks differ, and the newest is not the last
        return _Place(f"{line}{number}", there, own)

    async def _answered(self, call: ToolCall) -> Ticket | None:
        """Give the ticket of a call that people were asked about and have answered; None where there is none."""
        try:
            own = own_id(call)
        except ValueError:  # no ticket can be about what is no JSON
            return None
        if own is None:
            return None
        row = (await self._store.load(own)).run
        if row is not None:
            there = await self._there(folded_into(row))
        else:
            there = None if call.conversation is None else await self._there(f"{line_of(call)}0")
            there = there if there is not None and own_of(there.run) == own else None
        return None if there is None or there.pending else _ticket(call.tool, there)

    async def _newest(self, line: str) -> RunRecord | None:
        page = await self.orchestrator.runs(prefix=line, limit=1)
        return page.items[0] if page.items else None

    async def _kept(self, place: _Place) -> bool:
        """Keep which ticket a call has, where it is not called like it; False where somebody else was quicker.

        A power cut may undo that together with a ticket that is made after it, but not with one that is there.
        """
        if place.own is None:
            return True
        row = folded(place.own, place.ticket, await self._store.now())
        changes = Changes(move=Move.ENQUEUE, runs=(row,), flushed=place.there is not None)
        return isinstance(await self._store.commit(changes), Ok)

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


def _ticket(tool: str, there: RunDetails) -> Ticket:
    return Ticket(there.run.run_id, tool, there.pending[0] if there.pending else None)


async def nobody_makes(_: Mapping[str, Any]) -> tuple[Any, bool]:
    """Stand where a ticket's code needs a call to be made that is not made here. Raises `RuntimeError`."""
    msg = "a call is proposed before it is made"
    raise RuntimeError(msg)
