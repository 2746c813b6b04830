"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.services.plugin", "tests.faults.reporting"]

settings.register_profile("awaitly", deadline=None)  # a busy machine is no failure
settings.load_profile("awaitly")
