from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import pytest_asyncio
from attrs import evolve

from awaitly import Delivery
from awaitly.testing.channel_contract import Arrived, ChannelContract, Stall, delivery
from awaitly_slack import SlackChannel
from tests.adapters.slack.fake import TOKEN, FakeSlack, said_by, serving


class SlackTrial:
    """A channel to a Slack on loopback."""

    def __init__(self, slack: FakeSlack) -> None:
        self._slack = slack
        self.channel = SlackChannel(TOKEN, {"role:manager": "C1", "mona": "U2", "*": "C1"}, base_url=slack.url)

    async def arrived(self) -> Sequence[Arrived]:
        """Give the states of messages, in order; a reply belongs to what it replies to."""
        return [
            Arrived(said["metadata"]["event_payload"]["id"], message.thread_ts or message.ts, said_by(said))
            for message, said in self._slack.states
        ]


class StalledSlack:
    """A Slack that gives no answer."""

    def __init__(self, slack: FakeSlack) -> None:
        self._slack = slack

    async def reached(self) -> None:
        """Wait until something was called."""
        await self._slack.came.wait()

    async def left(self) -> int:
        """Wait until the connection is gone."""
        await self._slack.left.wait()
        return self._slack.open


class TestSlackChannel(ChannelContract):
    """The contract, over a Slack on loopback."""

    @pytest_asyncio.fixture
    async def slack(self) -> AsyncIterator[FakeSlack]:
        """Open it."""
        async with serving() as slack:
            yield slack

    @pytest.fixture
    def trial(self, slack: FakeSlack) -> SlackTrial:
        """Give the channel and its Slack."""
        return SlackTrial(slack)

    @pytest.fixture
    def stalled(self, slack: FakeSlack) -> Callable[[], AbstractAsyncContextManager[Stall]]:
        """Give a Slack that does not answer for a while."""

        @asynccontextmanager
        async def stalling() -> AsyncGenerator[Stall]:
            slack.silent = True
            try:
                yield StalledSlack(slack)
            finally:
                slack.silent = False

        return stalling

    @pytest.fixture
    def several(self) -> Delivery:
        """Give one that concerns a role and a person."""
        return evolve(delivery(), audience=("role:manager", "mona"))
