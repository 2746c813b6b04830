"""From a pause back to the run: the gate, and not the saved run, knows what people have said."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from agno.agent import Agent
from agno.models.response import ToolExecution
from agno.run.agent import RunOutput
from agno.run.requirement import RunRequirement
from attrs import Factory, frozen

from awaitly_agno.core import Err, InvalidCall, Ok, PendingApproval, Ticket
from awaitly_agno.errors import NotCalled
from awaitly_agno.making import GOING, Front, Going
from awaitly_agno.tools import GatedFunction

__all__ = ["go_on"]


@frozen
class _Asked:
    """What came of asking people about the calls of a pause: how each goes on, by its id, and what still waits."""

    going: dict[str, Going] = Factory(dict[str, Going])
    refused: dict[str, InvalidCall] = Factory(dict[str, InvalidCall])
    waiting: list[PendingApproval] = Factory(list[PendingApproval])


async def go_on(agent: Agent, run: RunOutput, **options: Any) -> RunOutput:
    """Ask people about the calls that a run has paused at, and let it go on once all of them are answered.

    Until then the run itself comes back. `options` are those of `agent.acontinue_run`. Call it with each run, and again
    at any time, in any process, with the run as it was saved. Nothing of what people said is put into the run.
    """
    fronts = _fronts_of(agent)
    while run.is_paused:
        unresolved = [each for each in run.requirements or () if not each.is_resolved()]
        paused = [each for each in unresolved if each.needs_confirmation and _call(each).tool_name in fronts]
        asked = await _asked(run, paused, fronts)
        if asked.waiting or not paused or len(paused) < len(unresolved):
            return run
        attempt = copy.deepcopy(run)
        _answer(attempt, {each.id for each in paused}, asked.refused)
        token = GOING.set(asked.going)
        try:
            run = await agent.acontinue_run(run_response=attempt, stream=False, **options)
        except NotCalled as not_called:
            if not_called.__cause__ is not None:
                raise not_called.__cause__ from not_called
            return run
        finally:
            GOING.reset(token)
    return run


def _fronts_of(agent: Agent) -> dict[str, Front]:
    """Give what stands before the tools of an agent, by their names. Raises `TypeError` where that cannot be seen."""
    tools = cast("object", agent.tools)  # pyright: ignore[reportUnknownMemberType]  (of any callables)
    if not isinstance(tools, list):
        raise TypeError("the tools of the agent are made anew for each run: give it a list, gated(gate, [...])")
    return {tool.name: tool.front for tool in cast("list[object]", tools) if isinstance(tool, GatedFunction)}


async def _asked(run: RunOutput, paused: Sequence[RunRequirement], fronts: Mapping[str, Front]) -> _Asked:
    """Ask people about each call of a pause, unless that is done, and see which they have answered."""
    asked = _Asked()
    conversation = json.dumps(["agno", run.session_id])
    times = Counter(_id(_call(each)) for each in paused)
    for each in paused:
        wanted = _call(each)
        front, call_id = fronts[str(wanted.tool_name)], _id(wanted)
        if times[call_id] > 1:
            said = f"the model gave {times[call_id]} calls of one turn the same id; make them once more"
            asked.refused[call_id] = InvalidCall(front.tool, "$", said)
            continue
        # Models may give each turn's calls the same ids. The requirement's own is Agno's, and is saved with the run.
        call = front.call(conversation, json.dumps([run.run_id, each.id, call_id]), wanted.tool_args or {})
        match await front.gate.propose(call):
            case Ok(Ticket(id=ticket, pending=pending)):
                asked.going[call_id] = Going(call, ticket)
                asked.waiting.extend([pending] if pending else [])
            case Ok(_) | Err(_):  # it is allowed, or refused, and the model is told so
                asked.going[call_id] = Going(call, None)
    return asked


def _answer(run: RunOutput, paused: set[str], refused: Mapping[str, InvalidCall]) -> None:
    """Let a run go on with the calls of its pause, which the gate then makes, or not."""
    for requirement in run.requirements or ():
        if requirement.id not in paused:
            continue
        call_id = _id(_call(requirement))
        why = refused.get(call_id)
        requirement.confirmation = why is None
        for each in (_call(requirement), *(run.tools or ())):
            if _id(each) == call_id and each.requires_confirmation and each.result is None:
                each.confirmed = why is None
                each.confirmation_note = None if why is None else str(why)


def _call(requirement: RunRequirement) -> ToolExecution:
    return requirement.tool_execution or ToolExecution()


def _id(call: ToolExecution) -> str:
    return call.tool_call_id or ""
