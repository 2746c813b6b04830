"""A fake of the CLI that the SDK drives: it speaks the control protocol, and has a script in place of a model."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, Transport

__all__ = ["Call", "FakeCli", "History", "Model", "OwnTool", "asked", "told"]

Call: TypeAlias = tuple[str, dict[str, Any]]
"""A tool's full name, and its input."""
History: TypeAlias = list[dict[str, Any]]
"""A session as it is saved: prompts, and calls with what was told of them."""
Model: TypeAlias = Callable[[History], list[Call]]
"""Gives the calls that it wants next; none where its turn is over."""
OwnTool: TypeAlias = Callable[[dict[str, Any]], Awaitable[object]]
"""A tool that the CLI executes itself."""


class FakeCli(Transport):
    """Runs a session over a history. `own` are the tools that it executes itself."""

    def __init__(self, model: Model, history: History, own: Mapping[str, OwnTool] | None = None) -> None:
        self.history = history
        self._model = model
        self._own = own or {}
        self._out: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count()
        self._hooks: dict[str, list[dict[str, Any]]] = {}
        self._turns: set[asyncio.Task[None]] = set()
        self._greeted: set[str] = set()

    async def connect(self) -> None:
        """Begin."""

    def is_ready(self) -> bool:
        """Be ready."""
        return True

    async def end_input(self) -> None:
        """End."""
        self._out.put_nowait(None)

    async def close(self) -> None:
        """End."""
        for turn in self._turns:
            turn.cancel()
        self._out.put_nowait(None)

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        """Give what the CLI prints."""
        while (message := await self._out.get()) is not None:
            yield message

    async def write(self, data: str) -> None:
        """Read what the CLI is told."""
        message = json.loads(data)
        match message["type"]:
            case "control_request":
                self._hooks = message["request"].get("hooks") or {}
                answer = {"hook_on_failure_supported": True}
                response = {"subtype": "success", "request_id": message["request_id"], "response": answer}
                self._out.put_nowait({"type": "control_response", "response": response})
            case "control_response":
                self._answers.pop(message["response"]["request_id"]).set_result(message["response"])
            case _:
                self.history.append({"prompt": message["message"]["content"]})
                turn = asyncio.create_task(self._turn())
                self._turns.add(turn)
                turn.add_done_callback(self._turns.discard)

    async def _turn(self) -> None:
        while calls := self._model(self.history):
            for name, given in calls:
                call: dict[str, Any] = {"tool": name, "input": given, "id": f"toolu_{next(self._numbers)}"}
                self.history.append(call)
                call["told"] = await self._called(name, given, call["id"])
        result = {"subtype": "success", "duration_ms": 1, "duration_api_ms": 1, "is_error": False, "num_turns": 1}
        self._out.put_nowait({"type": "result", "session_id": "session", "result": "done", **result})

    async def _called(self, name: str, given: dict[str, Any], call_id: str) -> str:
        decision = await self._decided(name, given, call_id)
        if decision.get("permissionDecision") == "deny":
            return str(decision["permissionDecisionReason"])
        given = decision.get("updatedInput", given)
        if name.startswith("mcp__"):
            return await self._served(name, given)
        report: dict[str, Any] = {"hook_event_name": "PostToolUse", "tool_name": name, "tool_input": given}
        try:
            came = await self._own[name](given)
            report["tool_response"] = came
        except Exception as error:  # noqa: BLE001  (as the CLI reports it)
            came = str(error)
            report |= {"hook_event_name": "PostToolUseFailure", "error": came}
        said = await self._hooked(report["hook_event_name"], report, call_id)
        return "\n".join([str(came), *(each["additionalContext"] for each in said if "additionalContext" in each)])

    async def _decided(self, name: str, given: dict[str, Any], call_id: str) -> dict[str, Any]:
        report = {"hook_event_name": "PreToolUse", "tool_name": name, "tool_input": given}
        said = await self._hooked("PreToolUse", report, call_id)
        denied = [each for each in said if each.get("permissionDecision") == "deny"]
        return denied[0] if denied else {name: value for each in said for name, value in each.items()}

    async def _hooked(self, event: str, report: dict[str, Any], call_id: str) -> list[dict[str, Any]]:
        """Ask the hooks; one that fails denies where its matcher says so."""
        outputs: list[dict[str, Any]] = []
        for matcher in self._hooks.get(event, []):
            for callback in matcher["hookCallbackIds"]:
                answer = await self._request(
                    {"subtype": "hook_callback", "callback_id": callback, "input": report, "tool_use_id": call_id}
                )
                if answer["subtype"] == "error" and matcher.get("onFailure") == "block":
                    outputs.append({"permissionDecision": "deny", "permissionDecisionReason": answer["error"]})
                outputs.append(answer.get("response", {}).get("hookSpecificOutput", {}))
        return outputs

    async def _served(self, name: str, given: dict[str, Any]) -> str:
        _, server, tool = name.split("__")
        if server not in self._greeted:
            self._greeted.add(server)
            hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "cli", "version": "1"}}
            await self._message(server, {"id": f"hello-{server}", "method": "initialize", "params": hello})
            await self._message(server, {"method": "notifications/initialized"})
        answer = await self._message(
            server, {"id": next(self._numbers), "method": "tools/call", "params": {"name": tool, "arguments": given}}
        )
        return "\n".join(block["text"] for block in answer["result"]["content"])

    async def _message(self, server: str, message: dict[str, Any]) -> dict[str, Any]:
        answer = await self._request(
            {"subtype": "mcp_message", "server_name": server, "message": {"jsonrpc": "2.0", **message}}
        )
        response: dict[str, Any] = answer["response"]["mcp_response"]
        return response

    async def _request(self, request: dict[str, Any]) -> dict[str, Any]:
        number = f"cli-{next(self._numbers)}"
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._out.put_nowait({"type": "control_request", "request_id": number, "request": request})
        return await answer


async def asked(cli: FakeCli, options: ClaudeAgentOptions, prompt: str) -> None:
    """Let an agent take one turn."""
    async with ClaudeSDKClient(options, cli) as client:
        await client.query(prompt)
        async for _ in client.receive_response():
            pass


def told(history: History) -> list[str]:
    """Give what the model was told by tools since its last prompt."""
    since = max(number for number, each in enumerate(history) if "prompt" in each)
    return [each["told"] for each in history[since + 1 :]]
