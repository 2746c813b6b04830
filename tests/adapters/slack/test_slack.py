from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio
from attrs import evolve

from awaitly import (
    Actor,
    DefinitionError,
    Delivery,
    Difference,
    MemoryStore,
    NoticeKind,
    Ok,
    Orchestrator,
    RetryLater,
    SignedLinks,
    Undeliverable,
)
from awaitly.testing import TestClock
from awaitly.testing.channel_contract import delivery, resolved, review, send_everywhere
from awaitly_slack import SlackChannel, SlackFailed, by_grant
from awaitly_slack.places import Route
from tests.adapters.slack.fake import TOKEN, FakeSlack, said_by, serving
from tests.adapters.slack.flows import refund

LINKS = SignedLinks(base_url="https://approvals.example.com", keys="k" * 32)


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """Open a Slack."""
    async with serving() as slack:
        yield slack


def to(slack: FakeSlack, channels: Any = None, **options: Any) -> SlackChannel:
    """Give a channel to it."""
    channels = {"role:manager": "C1", "*": "C9"} if channels is None else channels
    return SlackChannel(TOKEN, channels, base_url=slack.url, **options)


def elements(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the buttons of a message."""
    for block in message["blocks"]:
        yield from block.get("elements", ())


def labels(message: dict[str, Any]) -> list[str]:
    """Give what stands on the buttons."""
    return [each["text"]["text"] for each in elements(message)]


async def test_a_message_has_what_it_takes_to_decide(slack: FakeSlack) -> None:
    """The real arguments, who decides, until when, the votes, and the two buttons."""
    changed = delivery(NoticeKind.CHANGED, votes=("erin",), needs=2)
    await send_everywhere(to(slack), evolve(changed, changes=(Difference("$.amount", 1, 2),)))
    (message,) = slack.messages
    text = said_by(message.now)
    for part in ("amount: 12050", "1 of role:manager", "2030-01-08 09:00 UTC", "erin (1 of 2)", "$.amount: 1 → 2"):
        assert part in text
    assert labels(message.now) == ["Approve", "Reject"]
    assert [each.get("style") for each in elements(message.now)] == ["primary", "danger"]


async def test_a_message_is_updated_until_it_says_who_decided(slack: FakeSlack) -> None:
    """The buttons go, and the winner stands there; it stays one message."""
    channel = to(slack)
    receipts = await send_everywhere(channel, delivery())
    assert receipts == {"C1": "C1:1700000000.000000"}
    assert await send_everywhere(channel, resolved(2), receipts) == receipts
    (message,) = slack.messages
    assert [method for method, _ in slack.calls] == ["chat.postMessage", "chat.update"]
    assert labels(message.now) == []
    assert "rejected by mona" in said_by(message.now)


@pytest.mark.parametrize("kind", [NoticeKind.REMINDER, NoticeKind.ESCALATED])
async def test_a_reminder_is_a_reply_to_the_message(slack: FakeSlack, kind: NoticeKind) -> None:
    """An update alone would not be noticed by anybody."""
    channel = to(slack)
    receipts = await send_everywhere(channel, delivery())
    await send_everywhere(channel, delivery(kind, 2), receipts)
    first, reply = slack.messages
    assert (reply.thread_ts, reply.channel) == (first.ts, first.channel)
    assert "Still waiting" in said_by(reply.now)
    assert labels(reply.now) == []
    assert labels(first.now) == ["Approve", "Reject"]


async def test_news_of_a_vote_updates_and_bothers_nobody(slack: FakeSlack) -> None:
    """No reply is posted."""
    channel = to(slack)
    receipts = await send_everywhere(channel, delivery())
    await send_everywhere(channel, delivery(NoticeKind.CHANGED, 2), receipts)
    assert len(slack.messages) == 1


async def test_a_message_that_was_deleted_is_posted_anew(slack: FakeSlack) -> None:
    """And the receipt is that of the new one."""
    channel = to(slack)
    deleted: dict[str | None, str] = {"C1": "C1:1600000000.000001"}
    assert await send_everywhere(channel, resolved(), deleted) == {"C1": "C1:1700000000.000000"}
    assert "rejected by mona" in said_by(slack.messages[0].now)


async def test_mentions_and_links_in_data_are_text(slack: FakeSlack) -> None:
    """Nobody is called by what was proposed, nothing in it is a link, and markup is shown as it was written."""
    evil = "<!channel> <@U1> <https://evil.example|ok> *bold* & @here"
    await send_everywhere(to(slack), delivery(summary=evil, reason=evil, arguments={evil: evil}))
    said = slack.messages[0].now
    assert evil in said_by(said)
    assert "<!" not in str(said)
    assert {block["text"]["type"] for block in said["blocks"] if "text" in block and "evil" in str(block)} == {
        "plain_text"
    }
    assert (said["parse"], said["link_names"], said["unfurl_links"], said["unfurl_media"]) == (
        "none",
        False,
        False,
        False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"note": "x" * 100_000},
        {f"member{n}": "y" * 500 for n in range(1_000)},
        {"&" * 400: "&<>" * 1_000, "b": "&" * 5_000},
        {f"{n}{'<' * 300}": "&" * 3_000 for n in range(60)},
    ],
)
async def test_a_message_is_never_too_long_for_slack(slack: FakeSlack, arguments: dict[str, Any]) -> None:
    """Whatever is proposed and edited; what is left out is marked."""
    big = delivery(arguments=arguments, summary="<" * 500, reason="&" * 9_000, requested_by="&" * 9_000)
    every = tuple(Difference(f"$.{n}", "&" * 3_000, "<" * 3_000) for n in range(90))
    await send_everywhere(to(slack), evolve(big, changes=every))
    text = said_by(slack.messages[0].now)
    assert "more characters" in text
    assert labels(slack.messages[0].now) == ["Approve", "Reject"]


async def test_names_too_long_for_a_button_leave_it_out(slack: FakeSlack) -> None:
    """The message is sent all the same."""
    await send_everywhere(to(slack, links=LINKS), delivery(run_id="r" * 1_990))
    assert labels(slack.messages[0].now) == []


async def test_a_direct_message_has_the_link_of_that_person(slack: FakeSlack) -> None:
    """A channel of several people has none: there, whoever presses gets their own."""
    channel = to(slack, {"mona": "U1", "erin": "C2", "role:manager": "C1"}, links=LINKS)
    receipts = await send_everywhere(channel, evolve(delivery(), audience=("mona", "erin", "role:manager")))
    urls = {message.channel: list(elements(message.now))[-1].get("url") for message in slack.messages}
    assert (urls["C1"], urls["C2"]) == (None, None)
    token = str(urls["D1"]).rpartition("/")[2]
    assert LINKS.read(token, delivery().made_at).unwrap().person == Actor("mona")
    assert receipts["U1"] == "D1:1700000000.000000=U1"
    await send_everywhere(channel, resolved(2), receipts)
    assert len(slack.messages) == 3
    assert [labels(message.now) for message in slack.messages] == [[], [], []]
    assert "approvals.example.com" not in str([message.now for message in slack.messages])


async def test_somebody_whose_link_cannot_be_made_is_told_nothing_and_the_notice_says_why(slack: FakeSlack) -> None:
    """In their own place alone: the others have theirs."""
    roles = [sha256(bytes([number])).hexdigest() for number in range(200)]

    def routes(_: Delivery) -> list[Route]:
        return [Route("U1", Actor("mona", roles)), Route("U2", Actor("erin"))]

    channel = to(slack, routes, links=LINKS)
    with pytest.raises(Undeliverable, match=r"a link for 'mona' takes .* with 200 roles"):
        await channel.send(evolve(delivery(), place="U1"))
    await channel.send(evolve(delivery(), place="U2"))
    assert [message.channel for message in slack.messages] == ["D2"]


async def test_two_people_behind_one_conversation_share_no_link(slack: FakeSlack) -> None:
    """It would be one person's, and read by both."""
    await send_everywhere(
        to(slack, {"mona": "U1", "erin": "U1"}, links=LINKS), evolve(delivery(), audience=("mona", "erin"))
    )
    (message,) = slack.messages
    assert "url" not in list(elements(message.now))[-1]


async def test_without_callbacks_there_are_no_buttons_that_decide(slack: FakeSlack) -> None:
    """A button that does nothing is worse than none."""
    await send_everywhere(to(slack, buttons=False), delivery())
    assert labels(slack.messages[0].now) == []


async def test_channels_may_be_a_function(slack: FakeSlack) -> None:
    """Of the delivery, for tenants of their own; what is not a channel's name is said."""

    def of_its_own(each: Delivery) -> list[str]:
        return [f"C{each.run_id.upper()}"]

    def nowhere(each: Delivery) -> list[str]:
        return [f"no such <{each.run_id}>"]

    await send_everywhere(to(slack, of_its_own), delivery())
    assert slack.messages[0].channel == "CR1"
    with pytest.raises(Undeliverable, match="not a channel"):
        await send_everywhere(to(slack, nowhere), delivery())


async def test_what_concerns_nobody_known_is_undeliverable(slack: FakeSlack) -> None:
    """The error says whom it should have reached."""
    with pytest.raises(Undeliverable, match="role:manager"):
        await send_everywhere(to(slack, {"mona": "U1"}), delivery())


def test_routes_go_by_grant() -> None:
    """Anyone's approvals and runs that need review go by `*`."""
    routes = by_grant({"role:manager": ["C1", "C2"], "*": "C9"})
    assert [str(getattr(each, "to", each)) for each in routes(delivery())] == ["C1", "C2"]
    assert [str(getattr(each, "to", each)) for each in routes(review())] == ["C9"]


async def test_slack_says_when_to_come_again(slack: FakeSlack) -> None:
    """By `Retry-After`, or, where that is missing or nonsense, after half a minute."""
    slack.refuse = [(429, "Retry-After: 17\r\n", b""), "ratelimited", (429, "Retry-After: soon\r\n", b"")]
    waits: list[timedelta] = []
    for _ in range(3):
        with pytest.raises(RetryLater) as raised:
            await send_everywhere(to(slack), delivery())
        waits.append(raised.value.after)
    assert waits == [timedelta(seconds=17), timedelta(seconds=30), timedelta(seconds=30)]


@pytest.mark.parametrize("code", ["channel_not_found", "is_archived", "not_in_channel", "invalid_blocks"])
async def test_what_slack_will_never_take_is_a_dead_letter(slack: FakeSlack, code: str) -> None:
    """At once: trying again for three days helps nobody."""
    slack.refuse = [code]
    with pytest.raises(Undeliverable, match=code):
        await send_everywhere(to(slack), delivery())


@pytest.mark.parametrize("refusal", ["invalid_auth", "internal_error", (502, "", b"<html>"), (200, "", b"[]")])
async def test_what_may_be_mended_is_tried_again(slack: FakeSlack, refusal: Any) -> None:
    """A token among it; and no error has the token in it."""
    slack.refuse = [refusal]
    with pytest.raises(SlackFailed) as raised:
        await send_everywhere(to(slack), delivery())
    assert TOKEN not in f"{raised.value!r} {raised.value.__cause__!r} {raised.value.__context__!r}"


async def test_a_slack_that_does_not_answer_is_given_up(slack: FakeSlack) -> None:
    """Within the channel's own timeout."""
    slack.silent = True
    with pytest.raises(SlackFailed, match="did not answer"):
        await send_everywhere(to(slack, timeout="0.05s"), delivery())


@pytest.mark.parametrize("token", ["", " ", "xoxb-\n", "xoxb-ü"])
def test_what_is_no_token_is_refused(token: str) -> None:
    """Where the channel is made, and without it in the error."""
    with pytest.raises(DefinitionError, match="token"):
        SlackChannel(token, {})


async def test_an_orchestrator_keeps_one_message_up_to_date(slack: FakeSlack) -> None:
    """From the question to the decision, by what the store has kept."""
    channel = to(slack, {"mona": "C1", "role:manager": "C1"})
    async with Orchestrator(MemoryStore(clock=TestClock()), workflows=[refund], channels=[channel]) as orchestrator:
        await orchestrator.start(refund("order-1"), run_id="r1")
        await orchestrator.work(once=True)
        assert isinstance(await orchestrator.approve("r1", by="mona"), Ok)
        await orchestrator.work(once=True)
    (message,) = slack.messages
    assert [labels(state) for state in message.states] == [["Approve", "Reject"], []]
    assert "approved by mona" in said_by(message.now)
