from __future__ import annotations

from awaitly.testing.gate_contract import GateContract
from tests.adapters.pydantic_ai.acting import PydanticDriver


class TestPydanticAI(GateContract):
    """Agents of Pydantic AI do what every gated agent must."""

    driver = PydanticDriver
