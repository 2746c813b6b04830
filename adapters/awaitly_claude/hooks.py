"""The CLI's own tools: the gate says before a call whether the CLI may make it, and hears after it what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from claude_agent_sdk import HookContext, HookInput, HookMatcher
from claude_agent_sdk.types import HookEvent, HookJSONOutput

from awaitly_claude.asking import Asking
from awaitly_claude.core import (
    Allowed,
    Err,
    Ok,
    PendingApproval,
    Performed,
    Result,
    ToolCall,
    clipped,
    edit_notice,
    keepable,
)
from awaitly_claude.words import waiting_for_hand_over

__all__ = ["Hooks"]

_LONGEST = 40_000
_PASSED: HookJSONOutput = {}
"""No opinion: what the CLI's own permissions say counts."""


class Hooks:
    """Claims a call when the CLI asks before it, and records it when the CLI reports after it."""

    def __init__(self, asking: Asking, behind: Collection[str]) -> None:
        self._asking = asking
        self._behind = behind
        self._handed: dict[str, _HandOver] = {}

    def matchers(self) -> dict[HookEvent, list[HookMatcher]]:
        """Give the hooks for `ClaudeAgentOptions(hooks=...)`, which see every tool. One that fails blocks the call."""
        return {
            "PreToolUse": [HookMatcher(hooks=[self._before], on_failure="block")],
            "PostToolUse": [HookMatcher(hooks=[self._after])],
            "PostToolUseFailure": [HookMatcher(hooks=[self._after])],
        }

    async def end(self) -> None:
        """Give up on calls of which the CLI has not said what came of them: nobody knows."""
        for handed in self._handed.values():
            handed.task.cancel()
        await asyncio.gather(*(handed.task for handed in self._handed.values()), return_exceptions=True)
        self._handed.clear()

    async def _before(self, said: HookInput, tool_use_id: str | None, _: HookContext) -> HookJSONOutput:
        """Say whether the CLI may make a call, and with which arguments."""
        report: Mapping[str, Any] = {**said}
        tool = str(report["tool_name"])
        if tool in self._behind:
            return _PASSED
        wanted = self._asking.call(tool, report["tool_input"])
        match await self._asking.gate.propose(wanted):
            case Err(refusal):
                return _denied(str(refusal))
            case Ok(ticket):
                pass
        if isinstance(ticket, Allowed):
            return _PASSED
        if ticket.pending is not None:
            return self._waits(tool, ticket.pending)
        self._asking.answered(ticket.id)
        handed = _HandOver(self._asking, wanted, ticket.id)
        if not await handed.claimed():
            return self._kept_back(tool, handed.task.result())
        self._handed[str(tool_use_id)] = handed
        return _decided("allow", "a person has approved it", updatedInput=handed.arguments)

    async def _after(self, said: HookInput, tool_use_id: str | None, _: HookContext) -> HookJSONOutput:
        """Record what came of a call, and tell the model where a person had changed it."""
        handed = self._handed.pop(str(tool_use_id), None)
        if handed is None:
            return _PASSED
        report: Mapping[str, Any] = {**said}
        handed.report(report)
        match await handed.task:
            case Ok(performed):
                words = edit_notice(handed.call.tool, performed)
            case Err(error):
                words = None if "error" in report else str(error)
        if words is None:
            return _PASSED
        event: Any = report["hook_event_name"]
        return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": words}}

    def _waits(self, tool: str, pending: PendingApproval) -> HookJSONOutput:
        self._asking.waits(pending)
        return _denied(waiting_for_hand_over(tool, pending))

    def _kept_back(self, tool: str, came: Result[Performed, Any]) -> HookJSONOutput:
        """Say why a call that had an answer is not made now."""
        match came:
            case Err(PendingApproval() as pending):
                return self._waits(tool, pending)
            case Err(error):
                return _denied(str(error))
            case Ok(_):
                return _denied(f"{tool} was executed before, with this approval; do not re-issue")


class _HandOver:
    """One approved call in the hands of the CLI: claimed before it begins, recorded once that says what came of it."""

    def __init__(self, asking: Asking, call: ToolCall, ticket: str) -> None:
        self.call = call
        self.arguments: dict[str, Any] = {}
        self._claimed = asyncio.Event()
        self._report: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(asking.gate.execute(ticket, self._make, call=call))

    async def claimed(self) -> bool:
        """Wait until the call is this process's to make; False where it is not to be made."""
        claim = asyncio.create_task(self._claimed.wait())
        try:
            await asyncio.wait([claim, self.task], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:  # the CLI waits no more, and does not make the call
            self.task.cancel()
            raise
        finally:
            claim.cancel()
        return self._claimed.is_set()

    def report(self, said: Mapping[str, Any]) -> None:
        """Take what the CLI says of the call."""
        self._report.set_result(said)

    async def _make(self, arguments: dict[str, Any]) -> Any:
        """Let the CLI make the call. Raises where it failed, and where it was made with other arguments."""
        self.arguments = arguments
        self._claimed.set()
        said = await self._report
        if said["tool_input"] != arguments:
            said_why = f"{self.call.tool} was executed with other arguments than were approved"
            raise PermissionError(f"{said_why}: another hook of the session has changed them")
        if "error" in said:
            raise RuntimeError(clipped(str(said["error"]), _LONGEST))
        response: Any = said["tool_response"]
        return keepable(response, lambda: response, str)


def _denied(why: str) -> HookJSONOutput:
    return _decided("deny", why)


def _decided(decision: Any, why: str, **more: Any) -> HookJSONOutput:
    said: Any = {
        "hookEventName": "PreToolUse",
        "permissionDecision": decision,
        "permissionDecisionReason": why,
        **more,
    }
    return {"hookSpecificOutput": said}
