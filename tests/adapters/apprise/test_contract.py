from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from attrs import evolve

from awaitly import Delivery
from awaitly.testing.channel_contract import Arrived, ChannelContract, delivery
from awaitly_apprise import AppriseChannel
from tests.adapters.receiver import Posted, Receiver, receiving


class AppriseTrial:
    """A channel to a receiver on loopback, by apprise's way of posting JSON."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        common, own = (f"json://127.0.0.1:{receiver.port}/{path}" for path in ("common", "own"))
        self.channel = AppriseChannel({"role:manager": common, "*": common, "mona": own})

    async def arrived(self) -> Sequence[Arrived]:
        """Give what was posted; what is about one approval names its run and its question."""
        return [self._read(posted) for posted in self._receiver.posted]

    @staticmethod
    def _read(posted: Posted) -> Arrived:
        said = json.loads(posted.body)
        text = f"{said['title']}\n{said['message']}"
        about = [line for line in text.splitlines() if line.startswith(("Run: ", "Question: "))]
        return Arrived(text, "\n".join((posted.line, *about)), text)


class TestAppriseChannel(ChannelContract):
    """The contract, over a receiver on loopback."""

    @pytest_asyncio.fixture
    async def receiver(self) -> AsyncIterator[Receiver]:
        """Open the receiver."""
        async with receiving() as receiver:
            receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            yield receiver

    @pytest.fixture
    def trial(self, receiver: Receiver) -> AppriseTrial:
        """Give the channel and its receiver."""
        return AppriseTrial(receiver)

    @pytest.fixture
    def several(self) -> Delivery:
        """Give one that concerns a role and a person."""
        return evolve(delivery(), audience=("role:manager", "mona"))
