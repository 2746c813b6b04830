from __future__ import annotations

from awaitly.testing.gate_contract import GateContract
from tests.adapters.adk.acting import AdkDriver, ResumableAdkDriver


class TestAdk(GateContract):
    """Agents of the Agent Development Kit do what every gated agent must."""

    driver = AdkDriver


class TestResumableAdk(GateContract):
    """So do those of an application that the framework may resume by itself."""

    driver = ResumableAdkDriver
