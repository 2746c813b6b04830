from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import pytest_asyncio

from awaitly.testing.channel_contract import Arrived, ChannelContract, Stall
from awaitly_webhook import Reach, WebhookChannel
from tests.adapters.receiver import Receiver, receiving
from tests.adapters.webhook.keys import KEY


class WebhookTrial:
    """A channel to a receiver on loopback."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        reach = Reach(private_hosts=["localhost"])
        self.channel = WebhookChannel(f"http://localhost:{receiver.port}/hook", KEY, reach=reach)

    async def arrived(self) -> Sequence[Arrived]:
        """Give what was posted; what is about one approval names its run and its key."""
        return [self._read(posted.body, posted.headers["webhook-id"]) for posted in self._receiver.posted]

    @staticmethod
    def _read(body: bytes, message_id: str) -> Arrived:
        data = json.loads(body)["data"]
        approval = data["approval"] or {"key": ""}
        # Programs read JSON: what is beyond ASCII is shown as it is, unless it is nothing to be seen.
        text = body.decode("ascii").replace("\\u00eb", "ë")
        return Arrived(message_id, json.dumps([data["run_id"], approval["key"]]), text)


class StalledReceiver:
    """A receiver that gives no answer."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def reached(self) -> None:
        """Wait until something was posted."""
        await self._receiver.came.wait()

    async def left(self) -> int:
        """Wait until the connection is gone."""
        await self._receiver.gone.wait()
        return self._receiver.open


class TestWebhookChannel(ChannelContract):
    """The contract, over a receiver on loopback."""

    @pytest_asyncio.fixture
    async def receiver(self) -> AsyncIterator[Receiver]:
        """Open the receiver."""
        async with receiving() as receiver:
            yield receiver

    @pytest.fixture
    def trial(self, receiver: Receiver) -> WebhookTrial:
        """Give the channel and its receiver."""
        return WebhookTrial(receiver)

    @pytest.fixture
    def stalled(self, receiver: Receiver) -> Callable[[], AbstractAsyncContextManager[Stall]]:
        """Give a receiver that does not answer for a while."""

        @asynccontextmanager
        async def stalling() -> AsyncGenerator[Stall]:
            answer, receiver.answer = receiver.answer, b""
            try:
                yield StalledReceiver(receiver)
            finally:
                receiver.answer = answer

        return stalling
