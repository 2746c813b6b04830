"""The tests that every channel must pass, for authors of channels.

Subclass `ChannelContract` in a test module, under a name that begins with `Test`, and override the fixture `trial`:

    class TestMyChannel(ChannelContract):
        @pytest.fixture
        def trial(self) -> Trial:
            return MyTrial()

A `Trial` has the channel, set up to send to a service of the test's own, and reads what has arrived there. Two more
fixtures are optional, and the tests that need them are skipped without: `stalled`, for a channel that waits for an
answer, and `several`, for one that names places (`SeveralPlaces`).

`send_everywhere` sends a delivery as the courier does: to each place that the channel names, or once where it names
none.

The tests need pytest-asyncio, and run in its auto mode and in its strict mode.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(f"{__name__}.contract")

# After the line above, or it is lost:
from awaitly.testing.channel_contract.contract import (  # noqa: E402
    Arrived,
    ChannelContract,
    Stall,
    Stalled,
    Trial,
    delivery,
    resolved,
    review,
    send_everywhere,
)

__all__ = [
    "Arrived",
    "ChannelContract",
    "Stall",
    "Stalled",
    "Trial",
    "delivery",
    "resolved",
    "review",
    "send_everywhere",
]
