"""The contract of adapters holds of the simplest agent there is."""

from __future__ import annotations

from awaitly.testing.gate_contract import GateContract
from tests.gating.scripted import ScriptedDriver


class TestScripted(GateContract):
    """A loop over the gate itself."""

    driver = ScriptedDriver
