"""The gate of one session of an agent."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from claude_agent_sdk import HookMatcher, McpSdkServerConfig, SdkMcpTool
from claude_agent_sdk.types import HookEvent

from awaitly_claude.asking import Asking
from awaitly_claude.core import Actor, Gate, PendingApproval
from awaitly_claude.hooks import Hooks
from awaitly_claude.tools import Tools

__all__ = ["SessionGate"]


class SessionGate:
    """Stands before the tools of a session: `async with SessionGate(gate, agent="clerk", conversation="thread-7")`.

    `server(name, tools)` puts the application's own tools behind the open gate, `hooks()` those that the CLI executes
    itself. `agent` is on whose account calls are made, `conversation` tells its sessions apart: it has to be the same
    when a session goes on. Leave the block once the client is disconnected: of a call that the CLI was handed, and of
    which it has not said what came of it, nobody knows then.
    """

    def __init__(self, gate: Gate, *, agent: Actor | str, conversation: str) -> None:
        self._asking = Asking(gate, agent, conversation)
        self._tools = Tools(self._asking)
        self._hooks = Hooks(self._asking, self._tools.names)

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End."""
        await self._hooks.end()

    def server(self, name: str, tools: Iterable[SdkMcpTool[Any]]) -> McpSdkServerConfig:
        """Put tools behind the gate: `ClaudeAgentOptions(mcp_servers={"bank": session.server("bank", [pay])})`.

        Beside them stands the tool `awaitly_ticket`, by which the model learns what came of a call that waited. Raises
        `DefinitionError` for a second tool of one name.
        """
        return self._tools.server(name, tools)

    def hooks(self) -> dict[HookEvent, list[HookMatcher]]:
        """Put whatever else the session calls behind the gate: `ClaudeAgentOptions(hooks=session.hooks())`."""
        return self._hooks.matchers()

    @property
    def waiting(self) -> tuple[PendingApproval, ...]:
        """What of this session waits for people, as far as the model was told."""
        return tuple(self._asking.waiting.values())
