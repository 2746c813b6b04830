"""The gate: what an agent wants to call is shown to people first, and is called exactly as approved, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

from attrs import evolve

from awaitly.actors import By
from awaitly.approvals.approval import Approval, Decision
from awaitly.approvals.differing import Difference, differences
from awaitly.approvals.grants import Rule
from awaitly.approvals.policy import Policy
from awaitly.coding.texts import compact
from awaitly.durations import Duration, as_span
from awaitly.errors import (
    NeedsReview,
    PendingApproval,
    Refusal,
    RunCancelled,
    UnknownRun,
)
from awaitly.gating.calls import Allowed, Performed, ToolCall
from awaitly.gating.granting import Ceiling
from awaitly.gating.proposing import Proposing, nobody_makes
from awaitly.gating.refusals import (
    CallDenied,
    GateInterruption,
    OutcomeUnknown,
    TamperedCall,
    UnknownTicket,
)
from awaitly.gating.ruling import AskPeople, Deny, Ruler
from awaitly.gating.standing import GrantRefused, StandingGrant
from awaitly.gating.tickets import (
    QUEUE,
    TOOL,
    Done,
    Make,
    Put,
    prefix_of,
    ticket_workflow,
)
from awaitly.gating.tools import GatedTool
from awaitly.ids import TICKETS
from awaitly.notifying.channels import NotificationChannel
from awaitly.observing import Observer
from awaitly.replaying.asking import OPEN
from awaitly.replaying.execution import Execution
from awaitly.replaying.workflow import Workflow
from awaitly.result import Err, Ok, Result
from awaitly.runs.settling import unknown_calls
from awaitly.statuses import RunStatus
from awaitly.storage.store import Page, Store
from awaitly.verbs.desk import CancelRefusal
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.verbs.reader import RunDetails
from awaitly.working.worker import Worker

__all__ = ["Gate"]


class Gate(Proposing):
    """Stands before tools. Use it as `async with Gate(store) as gate`.

    Every call needs a person unless a rule, or the tool itself, lets it pass. `policy` is under which people are asked
    where nothing else is said; `rules` judge calls before the tools themselves do, the first ruling counts. By
    `channels` people are told, as in `Orchestrator`; `approver_rules` are the application's own that policies name.
    An agent may have people asked as often as the `ceiling` says. A process that dies holds what it executes for as
    long as a `lease`.

    Every verb raises `ValueError` for somebody without a name, and for an `after` that no page gave.
    """

    def __init__(
        self,
        store: Store,
        *,
        policy: Policy = OPEN,
        rules: Iterable[Ruler] = (),
        channels: Iterable[NotificationChannel] = (),
        approver_rules: Iterable[Rule] = (),
        observers: Iterable[Observer] = (),
        ceiling: Ceiling | None = None,
        lease: Duration = "30s",
    ) -> None:
        super().__init__(store, policy, rules, ceiling)
        self._channels = tuple(channels)
        self._approver_rules = tuple(approver_rules)
        self._observers = tuple(observers)
        self._lease = as_span(lease)
        self._orchestrator: Orchestrator | None = None

    @property
    def orchestrator(self) -> Orchestrator:
        """What the tickets run on, as runs; tools are to be defined before it is first asked for."""
        if self._orchestrator is None:
            self.close()
            self._orchestrator = Orchestrator(
                self._store,
                workflows=[self._code_of(tool.name, tool.make) for tool in self._tools.values()],
                channels=self._channels,
                rules=self._approver_rules,
                observers=self._observers,
                lease=self._lease,
            )
        return self._orchestrator

    async def __aenter__(self) -> Self:
        """Open the store."""
        await self.orchestrator.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the store."""
        await self.orchestrator.__aexit__(kind, exc, traceback)

    def working(self) -> Worker:
        """Give a worker: inside `async with gate.working():` approved calls of the tools here are made by themselves.

        It also reminds people, and tells them by the gate's channels.
        """
        return self.orchestrator.working(queues=[QUEUE])

    async def call(self, tool: GatedTool[..., Any, Any], arguments: dict[str, Any], /) -> Result[Any, Any]:
        """Have a call of a tool here made, or people asked: what awaiting the tool does."""
        match await self.propose(ToolCall(tool=tool.name, arguments=arguments)):
            case Err(refusal):
                return Err(refusal)
            case Ok(proposed):
                pass
        if isinstance(proposed, Allowed):
            return await tool.passed(arguments)
        if proposed.pending is not None:
            return Err(proposed.pending)
        return await self.execute_tool(tool, proposed.id)

    # Deciding

    async def approve(self, ticket: str, *, by: By, digest: str | None = None) -> Result[Decision, Refusal]:
        """Say yes to a call. With `digest` only where it is still what was seen (`PendingApproval.digest`)."""
        return await self.orchestrator.approve(ticket, by=by, digest=digest)

    async def edit(self, ticket: str, arguments: Mapping[str, Any], *, by: By) -> Result[Decision, Refusal]:
        """Change a call's arguments, all of them by name; the tool's schema is checked now, its policy at the call."""
        return await self.orchestrator.edit(ticket, None, dict(arguments), by=by)

    async def reject(self, ticket: str, reason: str | None = None, *, by: By) -> Result[Decision, Refusal]:
        """Say no to a call; the agent gets to read the reason."""
        return await self.orchestrator.reject(ticket, None, reason, by=by)

    async def cancel(self, ticket: str, reason: str | None = None, *, by: By) -> Result[RunCancelled, CancelRefusal]:
        """Withdraw a call that waits."""
        return await self.orchestrator.cancel(ticket, None, reason, by=by)

    async def pending(self, *, limit: int = 50, after: str | None = None) -> Page[PendingApproval]:
        """List what waits for people, the oldest first."""
        return await self.orchestrator.pending(prefix=TICKETS, limit=limit, after=after)

    # Standing grants

    async def grant(
        self,
        tool: str,
        *,
        when: Mapping[str, Any] | None = None,
        uses: int = 1,
        until: datetime | Duration = "8h",
        agent: str | None = None,
        by: By,
    ) -> Result[StandingGrant, GrantRefused]:
        """Say yes in advance to calls of a tool: `uses` of them, `until` a time or for a length of time.

        `when` says with which arguments, as in `ToolRule`; `agent` whose. It is a vote and no more: under the policy of
        each call it counts as `by`'s own would. It counts for nothing where that asks for a fresh authentication, or
        the risk is high.
        """
        return await self._grants.give(tool, when=when or {}, uses=uses, until=until, agent=agent, by=by)

    async def revoke(self, grant_id: str) -> bool:
        """End a standing grant; False where there is none."""
        return await self._grants.revoke(grant_id)

    async def grants(self, *, tool: str | None = None) -> tuple[StandingGrant, ...]:
        """List the standing grants, the newest first; what is used up or over is left out."""
        return await self._grants.listed(tool)

    # Executing

    async def execute(
        self,
        ticket: str,
        make: Callable[[dict[str, Any]], Awaitable[Any]] | None = None,
        *,
        call: ToolCall | None = None,
    ) -> Result[Performed, Any]:
        """Make a call that was approved, with the approved arguments, once; again, it gives what the call gave.

        `make(arguments)` makes it where the tool is none of this gate's own, and gives plain JSON. With `call` the
        ticket has to be that call's: of its agent and conversation, its tool and arguments. An error that a tool of
        this gate's own returned comes as its `Err`; everything else that keeps the call from having a result is a
        `GateInterruption`.
        """
        found = await self._found(ticket)
        match found:
            case Err(unknown):
                return Err(unknown)
            case Ok(details):
                tool = details.run.workflow.removeprefix(TOOL)
        if call is not None and not self._is_of(details, call):
            return Err(TamperedCall(ticket, call.tool))
        own = self._tools.get(tool)
        if own is not None and make is None:
            came = await self._performed(ticket, own.name, own.make, own)
        elif make is None:
            return Err(UnknownTicket(ticket))
        else:
            came = await self._performed(ticket, tool, _over_plain(make), own)
        match came:
            case Ok(performed) if performed.edited_by is not None:
                return Ok(evolve(performed, changes=self._changes(tool, details, performed.arguments)))
            case _:
                return came

    async def wait(self, ticket: str, *, timeout: Duration | None = None) -> Result[bool, UnknownTicket]:
        """Wait until a call is made, whoever makes it, or will never be; False where the `timeout` came before that.

        One that still waits for people is waited for too. What came of the call `execute` says.
        """
        match await self._found(ticket):
            case Err(unknown):
                return Err(unknown)
            case Ok(details):
                tool = details.run.workflow.removeprefix(TOOL)
        execution = await self.orchestrator.wait(ticket, self._code_of(tool, nobody_makes), timeout=timeout)
        status = execution.status
        return Ok(status is None or status.ended or status is RunStatus.NEEDS_REVIEW)

    async def perform(
        self, call: ToolCall, make: Callable[[dict[str, Any]], Awaitable[Any]]
    ) -> Result[Performed, GateInterruption]:
        """Propose a call and make it as far as that goes now: what a framework's own hook calls, again and again.

        Give a `call_id`: then the same call, whenever it comes again, is the same ticket, and is made at most once.
        What is allowed is made on the spot, and what `make` raises then is raised.
        """
        match await self.propose(call):
            case Err(refusal):
                return Err(refusal)
            case Ok(proposed):
                pass
        if isinstance(proposed, Allowed):
            arguments = dict(call.arguments)
            return Ok(Performed(value=await make(arguments), arguments=arguments))
        if proposed.pending is not None:
            return Err(proposed.pending)
        return await self.execute(proposed.id, make, call=call)

    async def execute_tool(self, tool: GatedTool[..., Any, Any], ticket: str) -> Result[Any, Any]:
        """Make an approved call of a tool here; gives what the tool gave, or why it was not called."""
        match await self._performed(ticket, tool.name, tool.make, tool):
            case Ok(performed):
                return Ok(performed.value)
            case Err(error):
                return Err(error)

    async def _found(self, ticket: str) -> Result[RunDetails, UnknownTicket]:
        match await self.orchestrator.status(ticket):
            case Ok(details) if details.run.workflow.startswith(TOOL):
                return Ok(details)
            case _:
                return Err(UnknownTicket(ticket))

    async def _performed(
        self, ticket: str, tool: str, make: Make, own: GatedTool[..., Any, Any] | None
    ) -> Result[Performed, Any]:
        made = False

        async def making(arguments: Mapping[str, Any]) -> tuple[Any, bool]:
            nonlocal made
            made = True
            return await make(arguments)

        execution = await self.orchestrator.resume(ticket, self._code_of(tool, making))
        match execution.result:
            case Ok(Done() as done):
                return self._given(ticket, done, own, replayed=not made)
            case Err(error):
                return Err(_interruption(ticket, tool, execution, error))

    def _given(
        self, ticket: str, done: Done, own: GatedTool[..., Any, Any] | None, *, replayed: bool
    ) -> Result[Performed, Any]:
        value: Any = done.value
        if own is not None:
            match own.read(done.value, failed=done.failed):
                case Err(error):
                    return Err(error)
                case Ok(read):
                    value = read
        return Ok(
            Performed(value=value, arguments=done.arguments, ticket=ticket, edited_by=done.edited_by, replayed=replayed)
        )

    def _code_of(self, tool: str, make: Make) -> Workflow[..., Done, Any]:
        """Give the code by which a ticket of a tool goes on; it was asked already, so how is not said anew."""
        asked, own = Put(AskPeople(), self._policy), self._tools.get(tool)
        judged, outcome = partial(self._unless_denied, tool, make), None if own is None else own.outcome
        return ticket_workflow(tool, asked, partial(self._asking, tool), judged, outcome)

    def _is_of(self, details: RunDetails, call: ToolCall) -> bool:
        """Whether a ticket is for this very call: agent and conversation, tool, and arguments as they were proposed."""
        first = _first(details, call.tool)
        match self.plain(call):
            case Ok(arguments) if first is not None and details.run.workflow == f"{TOOL}{call.tool}":
                whole = evolve(call, arguments=arguments, agent=call.agent if call.agent is not None else self.agent)
                return compact(first.proposal) == arguments and details.run.run_id.startswith(prefix_of(whole))
            case _:
                return False

    def _changes(self, tool: str, details: RunDetails, made: Mapping[str, Any]) -> tuple[Difference, ...]:
        """Tell what people have changed of a call, without what was redacted in any revision of it."""
        first, ruling = _first(details, tool), self.ruling(tool, made)
        if first is None:
            return ()
        hidden = set(ruling.redact if isinstance(ruling, AskPeople) else ())
        hidden.update(name for each in details.approvals for name in each.redact)
        return differences(compact(first.proposal), dict(made), redact=tuple(sorted(hidden)))

    async def _unless_denied(
        self, tool: str, make: Make, arguments: Mapping[str, Any]
    ) -> tuple[Any, bool] | CallDenied:
        match self.ruling(tool, arguments):
            case Deny(reason):
                return CallDenied(tool, reason)
            case _:
                return await make(arguments)


def _first(details: RunDetails, tool: str) -> Approval | None:
    """Give the approval by which people were asked first: it has the arguments as they were proposed."""
    return next((each for each in details.approvals if each.key == tool), None)


def _over_plain(make: Callable[[dict[str, Any]], Awaitable[Any]]) -> Make:
    async def made(arguments: Mapping[str, Any]) -> tuple[Any, bool]:
        return await make(dict(arguments)), False

    return made


def _interruption(ticket: str, tool: str, execution: Execution[Any, Any], error: Any) -> Any:
    """Say why a call has no result: what an engine's answer means for a ticket."""
    match error:
        case UnknownRun():
            return UnknownTicket(ticket)
        case NeedsReview() if execution.state is not None and unknown_calls(execution.state):
            return OutcomeUnknown(ticket, tool)
        case _:
            return error
