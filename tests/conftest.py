"""What holds for all tests."""

from __future__ import annotations

import gc

import pytest
from hypothesis import settings

pytest_plugins = ["tests.services.plugin", "tests.faults.reporting"]

settings.register_profile("awaitly", deadline=None)  # a busy machine is no failure
settings.load_profile("awaitly")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep the garbage collector from going through thousands of tests each time: none of them is garbage."""
    gc.collect()
    gc.freeze()
