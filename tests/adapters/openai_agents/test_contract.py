"""The contract of adapters holds of agents of the OpenAI Agents SDK."""

from __future__ import annotations

from awaitly.testing.gate_contract import GateContract
from tests.adapters.openai_agents.driver import OpenAIAgentsDriver


class TestOpenAIAgents(GateContract):
    """An agent with two tools behind a gate."""

    driver = OpenAIAgentsDriver
