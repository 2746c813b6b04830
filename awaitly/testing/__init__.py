"""What tests of awaitly, of stores and of applications share.

Importing this needs neither pytest nor Hypothesis. Those who write a store find the tests that it must pass in
`awaitly.testing.store_contract`, which needs pytest and pytest-asyncio, and in `awaitly.testing.store_machine`, which
needs Hypothesis.
"""

from __future__ import annotations

from awaitly.testing.clock import TestClock
from awaitly.testing.counting import CountingStore
from awaitly.testing.failpoints import FailingStore, Failpoints, Pause, kill, raising
from awaitly.testing.wrapping import StoreWrapper

__all__ = [
    "CountingStore",
    "FailingStore",
    "Failpoints",
    "Pause",
    "StoreWrapper",
    "TestClock",
    "kill",
    "raising",
]
