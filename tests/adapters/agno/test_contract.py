from __future__ import annotations

from awaitly.testing.gate_contract import GateContract
from tests.adapters.agno.acting import AgnoDriver


class TestAgno(GateContract):
    """Agents of Agno do what every gated agent must."""

    driver = AgnoDriver
