"""What the tests of the courier share: a policy with all that people are told of, and a courier beside a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from awaitly import Escalation, Policy
from awaitly.notifying.courier import Courier

__all__ = ["POLICY", "serving"]

POLICY = Policy(needs=2, expires_in="20d", remind_every="1h", escalations=(Escalation(after="30m", to=["carol"]),))


@asynccontextmanager
async def serving(courier: Courier) -> AsyncGenerator[None]:
    """Let a courier run beside the test."""
    task = asyncio.create_task(courier.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
