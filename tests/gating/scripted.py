"""An agent of no framework: a loop that wants three calls, written as simply as the contract allows."""

from __future__ import annotations

import json
from typing import Any

from awaitly import Err, Gate, GateInterruption, Ok, PendingApproval, Performed, Result, ToolCall
from awaitly.testing.gate_contract import Place, Turn

CALLS: list[dict[str, Any]] = [
    {"id": "1", "tool": "pay", "arguments": {"to": "bob", "amount": 100}},
    {"id": "2", "tool": "read", "arguments": {}},
    {"id": "3", "tool": "pay", "arguments": {"to": "eve", "amount": 5}},
]


class ScriptedDriver:
    """Keeps the calls, and what came of those that are over, as its state."""

    async def start(self, place: Place) -> Turn:
        """Begin."""
        return await self._go(place, [dict(call) for call in CALLS])

    async def resume(self, place: Place, saved: str) -> Turn:
        """Go on."""
        return await self._go(place, json.loads(saved))

    def tampered(self, saved: str) -> str:
        """Change an amount."""
        return saved.replace('"amount": 100', '"amount": 1000000')

    async def _go(self, place: Place, calls: list[dict[str, Any]]) -> Turn:
        async with place.gate() as gate:
            for call in calls:
                if "told" not in call and (said := await self._told(gate, place, call)) is not None:
                    call["told"] = said
        told = tuple(str(call["told"]) for call in calls if "told" in call)
        return Turn(json.dumps(calls), told, over=len(told) == len(calls))

    async def _told(self, gate: Gate, place: Place, call: dict[str, Any]) -> str | None:
        async def make(arguments: dict[str, Any]) -> str:
            return await (place.pay(**arguments) if call["tool"] == "pay" else place.read())

        proposed = ToolCall(tool=call["tool"], arguments=call["arguments"], call_id=f"scripted:{call['id']}")
        return words(await gate.perform(proposed, make))


def words(result: Result[Performed, GateInterruption]) -> str | None:
    """Say to a model what came of a call; None where people have not answered yet."""
    match result:
        case Ok(Performed(value=value, edited_by=None)):
            return str(value)
        case Ok(Performed(value=value, arguments=arguments)):
            return f"{value} (edited by a person, executed with {arguments}; do not try again)"
        case Err(PendingApproval()):
            return None
        case Err(error):
            return str(error)
