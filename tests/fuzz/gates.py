"""What an agent's calls go through: the gate's verbs, and those of a snapshot that is kept by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from awaitly import Gate, GatedTool, Guard, Ok, Result, ToolCall
from tests.fuzz.entries import Entry
from tests.fuzz.texts import documents, nasty
from tests.fuzz.values import SNAPSHOT, WHEN

__all__ = ["GATES", "SNAPSHOTS", "asked_by_an_agent"]

TICKET: dict[str, Any] = {"ticket": "r", "by": "bob"}
ARGUMENTS: Any = st.dictionaries(nasty | st.just("amount"), documents, max_size=3)
OPTIONAL: Any = st.none() | nasty


async def asked_by_an_agent(gate: Gate, **call: Any) -> object:
    """Propose a call, and have it shown. Raises `ValueError` for an agent without a name."""
    return await gate.propose(ToolCall(**call))


async def answered(gate: Gate, tool: str, arguments: Mapping[str, Any]) -> object:
    """Let a tool that is called so be called. Raises `ValueError` for an agent without a name."""

    async def pay(amount: Any) -> Result[int, str]:
        """Pay."""
        return Ok(1)

    return await gate.call(GatedTool(gate, pay, name=tool), dict(arguments))


def _e(name: str, /, drawn: Mapping[str, Any] | None = None, **usual: Any) -> Entry:
    return Entry(f"awaitly.Gate.{name}", getattr(Gate, name), usual, drawn or {})


def _s(name: str, /, drawn: Mapping[str, Any] | None = None, **usual: Any) -> Entry:
    return Entry(f"awaitly.Snapshot.{name}", getattr(SNAPSHOT, name), usual, drawn or {})


GATES: tuple[Entry, ...] = (
    _e("acting", agent="bot"),
    _e("approve", **TICKET),
    _e("cancel", **TICKET),
    _e("edit", {"arguments": ARGUMENTS}, **TICKET, arguments={}),
    _e("execute", ticket="r"),
    _e("grant", {"when": WHEN}, tool="pay", by="ann"),
    _e("grants"),
    _e("guard", tool="pay", guard=Guard()),
    _e("pending"),
    _e("reject", **TICKET),
    _e("revoke", grant_id="r"),
    _e("ruling", {"arguments": ARGUMENTS}, tool="pay", arguments={}),
    _e("wait", ticket="r", timeout="1ms"),
)
PROPOSED: tuple[Entry, ...] = (
    Entry("awaitly.Gate.call", answered, {"tool": "pay", "arguments": {}}, {"arguments": ARGUMENTS}),
    Entry(
        "awaitly.Gate.propose",
        asked_by_an_agent,
        {"tool": "pay", "arguments": {}},
        {
            "tool": nasty,
            "arguments": ARGUMENTS,
            "schema": ARGUMENTS,
            "call_id": OPTIONAL,
            "conversation": OPTIONAL,
            "agent": OPTIONAL,
            "claim": OPTIONAL,
        },
    ),
)

SNAPSHOTS: tuple[Entry, ...] = (
    _s("approve", key="ok", by="bob"),
    _s("delegate", key="ok", to="carl", by="bob"),
    _s("edit", {"value": documents}, key="ok", value="y", by="bob"),
    _s("reject", key="ok", by="bob"),
    _s("reject_promise", promise_id="p@r"),
    _s("resolve", {"value": documents}, promise_id="p@r"),
    _s("signal", {"value": documents}, name="s"),
)
