"""The gate as a capability of an agent: before all of its tools, however they came to it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic_ai.capabilities import AbstractCapability, CapabilityOrdering
from pydantic_ai.tools import AgentDepsT
from pydantic_ai.toolsets import AbstractToolset

from awaitly_pydantic_ai.core import Actor, Gate
from awaitly_pydantic_ai.toolset import GatedToolset

__all__ = ["GateTools"]


@dataclass
class GateTools(AbstractCapability[AgentDepsT]):
    """Puts all tools of an agent behind a gate: `Agent(..., capabilities=[GateTools(gate)])`.

    `agent` is on whose account the calls are made.
    """

    gate: Gate
    agent: Actor | str | None = None

    def get_ordering(self) -> CapabilityOrdering:
        """Stand next to the tools: what other capabilities change in a call, people see."""
        return CapabilityOrdering(position="innermost")

    def get_wrapper_toolset(self, toolset: AbstractToolset[AgentDepsT]) -> AbstractToolset[AgentDepsT]:
        """Wrap the agent's tools."""
        return GatedToolset(toolset, self.gate, self.agent)
