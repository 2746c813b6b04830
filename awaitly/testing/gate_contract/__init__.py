"""The tests that every adapter of an agent framework must pass, for authors of adapters.

Write a driver, a class at the top of a module without a constructor's arguments, that runs an agent of the framework
over its own fake model. Then subclass `GateContract` in a test module, under a name that begins with `Test`:

    class TestMyFramework(GateContract):
        driver = MyDriver

Every life of the agent is a process of its own, so the contract needs a system that forks, and SQLite. The tests need
pytest-asyncio, and run in its auto mode and in its strict mode.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(f"{__name__}.contract")

# After the line above, or it is lost:
from awaitly.testing.gate_contract.contract import GateContract  # noqa: E402
from awaitly.testing.gate_contract.place import AgentDriver, Place, Turn  # noqa: E402

__all__ = ["AgentDriver", "GateContract", "Place", "Turn"]
