from __future__ import annotations

from awaitly.testing.gate_contract import GateContract
from tests.adapters.mcp.drivers import Asking, ComingBack


class TestComingBack(GateContract):
    """An agent that comes back with the state of its request keeps the contract."""

    driver = ComingBack


class TestAsking(GateContract):
    """So does one that asks for its ticket."""

    driver = Asking
