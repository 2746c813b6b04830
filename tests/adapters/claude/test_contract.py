from __future__ import annotations

from awaitly.testing.gate_contract import GateContract
from tests.adapters.claude.driver import ClaudeDriver


class TestClaude(GateContract):
    """Tools of the application's own keep the contract."""

    driver = ClaudeDriver
