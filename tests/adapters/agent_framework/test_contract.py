from __future__ import annotations

from awaitly.testing.gate_contract import GateContract
from tests.adapters.agent_framework.acting import AgentFrameworkDriver


class TestAgentFramework(GateContract):
    """Agents of Microsoft's Agent Framework do what every gated agent must."""

    driver = AgentFrameworkDriver
