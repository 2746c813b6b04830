"""One notice in several conversations of Slack's: each is told, and kept up to date, whatever becomes of the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from awaitly import Actor, Ok, Orchestrator
from awaitly.testing import TestClock
from awaitly_slack import SlackChannel
from awaitly_sqlite import SqliteStore
from tests.adapters.slack.fake import TOKEN, FakeSlack, said_by, serving
from tests.adapters.slack.flows import refund

BOTH = {"mona": "CA", "role:manager": "CB"}


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """Open a Slack."""
    async with serving() as slack:
        yield slack


class Office:
    """Those who work on one file of SQLite, with a clock of their own."""

    def __init__(self, slack: FakeSlack, folder: Path) -> None:
        self._slack = slack
        self._file = folder / "runs.db"
        self.clock = TestClock()

    def opened(self) -> Orchestrator:
        """Give a new orchestrator, with a channel that remembers nothing: as another process would have."""
        channel = SlackChannel(TOKEN, BOTH, base_url=self._slack.url)
        return Orchestrator(SqliteStore(self._file, clock=self.clock), workflows=[refund], channels=[channel])

    async def told(self, pause: str | None = None) -> None:
        """Let time pass, and another process tell people what is due."""
        if pause is not None:
            self.clock.advance(pause)
        async with self.opened() as orchestrator:
            await orchestrator.work(once=True)

    async def asked(self) -> None:
        """Ask, and tell people."""
        async with self.opened() as orchestrator:
            await orchestrator.start(refund("order-1"), run_id="r1")
        await self.told()

    async def approved(self) -> None:
        """Decide, and tell people."""
        async with self.opened() as orchestrator:
            assert isinstance(await orchestrator.approve("r1", by=Actor("mona")), Ok)
        await self.told()


@pytest_asyncio.fixture
async def office(slack: FakeSlack, tmp_path: Path) -> Office:
    """Give an office, before anything was asked."""
    return Office(slack, tmp_path)


def buttons(message: dict[str, Any]) -> int:
    """Count the buttons of a message."""
    return sum(len(block.get("elements", ())) for block in message["blocks"])


def stands(slack: FakeSlack) -> dict[str, tuple[int, bool]]:
    """Give, by conversation, how many buttons there are and whether it says who decided; one message in each."""
    found = {each.channel: (buttons(each.now), "approved by mona" in said_by(each.now)) for each in slack.messages}
    assert len(found) == len(slack.messages)
    return found


async def test_another_process_posts_where_it_is_missing_alone(slack: FakeSlack, office: Office) -> None:
    """One conversation took it, the other asked to wait, and the process was restarted."""
    slack.busy = {"CB"}
    await office.asked()
    assert stands(slack) == {"CA": (2, False)}
    slack.busy = set()
    await office.told("10m")
    assert stands(slack) == {"CA": (2, False), "CB": (2, False)}
    assert [len(each.states) for each in slack.messages] == [1, 1]
    assert len({each.now["metadata"]["event_payload"]["id"] for each in slack.messages}) == 1


async def test_a_message_is_updated_although_another_place_still_fails(slack: FakeSlack, office: Office) -> None:
    """Its buttons go with the decision; the other conversation hears of it once it takes anything."""
    slack.busy = {"CB"}
    await office.asked()
    await office.approved()
    assert stands(slack) == {"CA": (0, True)}
    slack.busy = set()
    for _ in range(3):
        await office.told("10m")
    assert stands(slack) == {"CA": (0, True), "CB": (0, True)}
    assert [len(each.states) for each in slack.messages] == [2, 2]


async def test_a_conversation_that_is_gone_is_a_dead_letter_of_its_own(slack: FakeSlack, office: Office) -> None:
    """The other one is updated; sent again once the bot was invited, it goes to that conversation alone."""
    slack.gone = {"CB"}
    await office.asked()
    await office.approved()
    assert stands(slack) == {"CA": (0, True)}
    calls = len(slack.calls)
    async with office.opened() as orchestrator:
        letters = (await orchestrator.dead_letters()).items
        assert [each.place for each in letters] == ["CB", "CB"]
        assert all("channel_not_found (CB)" in each.error for each in letters)
        slack.gone = set()
        await orchestrator.resend("r1", letters[-1].key)
    await office.told()
    assert stands(slack) == {"CA": (0, True), "CB": (0, True)}
    assert [said["channel"] for _, said in slack.calls[calls:]] == ["CB"]
