"""The agent of the contract: its tools are the application's own, and its CLI is a fake."""

from __future__ import annotations

import json
import re
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, tool

from awaitly.testing.gate_contract import Place, Turn
from awaitly_claude import SessionGate, go_on
from tests.adapters.claude.fake import Call, FakeCli, History, asked

__all__ = ["ClaudeDriver"]

WANTED: list[Call] = [
    ("mcp__bank__pay", {"to": "bob", "amount": 100}),
    ("mcp__bank__read", {}),
    ("mcp__bank__pay", {"to": "eve", "amount": 5}),
]
_TICKET = re.compile(r"under ticket (\S+)\.")
_OVER = "has not been called yet"


class ClaudeDriver:
    """A model that asks for each ticket it was told of; a call whose ticket it has lost it makes again."""

    async def start(self, place: Place) -> Turn:
        """Let the agent begin."""
        return await self._turn(place, [], "settle the bills")

    async def resume(self, place: Place, saved: str) -> Turn:
        """Let the agent go on."""
        history: History = json.loads(saved)
        return await self._turn(place, history, go_on(_open(history)))

    def tampered(self, saved: str) -> str:
        """Change bob's amount, and let the model forget that the call waits."""
        history: History = json.loads(saved)
        for each in history:
            if each.get("input") == {"to": "bob", "amount": 100}:
                each.update(input={"to": "bob", "amount": 1000000}, told=_OVER)
        return json.dumps(history)

    async def _turn(self, place: Place, history: History, prompt: str) -> Turn:
        def model(history: History) -> list[Call]:
            return _next(history)

        cli = FakeCli(model, history)
        async with place.gate() as gate, SessionGate(gate, agent="clerk", conversation="thread-7") as session:
            bank = session.server("bank", _tools(place))
            options = ClaudeAgentOptions(mcp_servers={"bank": bank}, hooks=session.hooks())
            await asked(cli, options, prompt)
            waits = {each.id for each in session.waiting}
        assert waits == _open(history).keys() or "1000000" in json.dumps(history)
        texts = tuple(each["told"] for each in history if "told" in each)
        return Turn(json.dumps(history), texts, over=not _open(history))


def _tools(place: Place) -> list[Any]:
    @tool("pay", "Pay.", {"to": str, "amount": int})
    async def pay(arguments: dict[str, Any]) -> dict[str, Any]:
        return {"content": [{"type": "text", "text": await place.pay(**arguments)}]}

    @tool("read", "Read.", {})
    async def read(_: dict[str, Any]) -> dict[str, Any]:
        return {"content": [{"type": "text", "text": await place.read()}]}

    return [pay, read]


def _next(history: History) -> list[Call]:
    if "prompt" not in history[-1]:
        return []
    if len(history) == 1:
        return WANTED
    lost = [(each["tool"], each["input"]) for each in history if each.get("told") == _OVER]
    return [("mcp__bank__awaitly_ticket", {"id": ticket}) for ticket in _open(history)] + lost


def _open(history: History) -> dict[str, None]:
    """Give the tickets that waited when the model last heard of them."""
    found: dict[str, None] = {}
    for each in history:
        for ticket in _TICKET.findall(each.get("told", "")):
            found[ticket] = None
        if each.get("tool") == "mcp__bank__awaitly_ticket" and _OVER not in each["told"]:
            found.pop(each["input"]["id"], None)
    return found
