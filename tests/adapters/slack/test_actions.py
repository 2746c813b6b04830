from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote_plus

import pytest
import pytest_asyncio
from attrs import evolve, frozen

from awaitly import (
    Actor,
    Approval,
    ApprovalStatus,
    DefinitionError,
    MemoryStore,
    Orchestrator,
    SignedLinks,
    StoreUnavailable,
    said,
)
from awaitly.testing import TestClock
from awaitly_slack import SlackActions, SlackChannel, SlackUser
from awaitly_slack.signing import signature_of
from tests.adapters.slack.fake import TOKEN, FakeSlack, said_by, serving
from tests.adapters.slack.flows import both, refund

SECRET, OLD = "8f742231b10e8888abcd99yyyzzz85a5", "0123456789abcdef0123456789abcdef"
LINKS = SignedLinks(base_url="https://approvals.example.com", keys="k" * 32)
KNOWN = {"UMONA": Actor("mona"), "UMOE": Actor("moe"), "UEVE": Actor("eve")}
FEW, MANY = 1_000, 10_000


ODD = ["\x00", "ü", "\ud800", "\u0663", "\xb2", "é" * 9, " ", "-", "+1", "1e9", "9" * 5_000, "v0=", "v1=", "0x1"]


def people(user: SlackUser) -> Actor | None:
    """Give who a user is."""
    return KNOWN.get(user.id)


@frozen
class Desk:
    """An orchestrator with a Slack that it tells, and what takes its callbacks."""

    slack: FakeSlack
    orchestrator: Orchestrator
    actions: SlackActions
    clock: TestClock

    async def pressed(self, label: str, user: str = "UMONA", *, message: int = 0, **more: Any) -> int:
        """Press a button of a message, as Slack tells of it; gives the status of what is answered."""
        body = self.body(label, user, message=message, **more)
        status, _, _ = await self.actions(self.headers(body), body)
        return status

    def body(self, label: str, user: str = "UMONA", *, message: int = 0, team_id: str = "T1", **more: Any) -> bytes:
        """Write a callback."""
        blocks = self.slack.messages[message].states[0]["blocks"]
        (button,) = [b for block in blocks for b in block.get("elements", ()) if b["text"]["text"] == label]
        payload: dict[str, Any] = {
            "type": "block_actions",
            "team": {"id": "T1"},
            "user": {"id": user, "team_id": team_id, "name": "mona", "username": "mona"},
            "response_url": f"{self.slack.hooks}1",
            "actions": [{"action_id": button["action_id"], "value": button["value"], "type": "button"}],
        }
        return f"payload={quote_plus(json.dumps(payload | more))}".encode()

    def headers(self, body: bytes, *, secret: str = SECRET, ahead: float = 0) -> dict[str, str]:
        """Sign a body, as of so many seconds from now."""
        timestamp = str(int(self.clock().timestamp() + ahead))
        return {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature_of(secret.encode(), timestamp, body),
        }

    async def approval(self) -> Approval:
        """Give the approval of `r1` as it stands."""
        (approval,) = (await self.orchestrator.status("r1")).unwrap().approvals
        return approval

    @property
    def told(self) -> list[str]:
        """What those who pressed were told."""
        return [said_by(reply) for reply in self.slack.replies]


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Desk]:
    """Ask a manager in Slack."""
    clock = TestClock()
    async with serving() as slack:
        channels = {"mona": "C1", "moe": "C1", "role:manager": "C1"}
        channel = SlackChannel(TOKEN, channels, links=LINKS, base_url=slack.url)
        options: dict[str, Any] = {"workflows": [refund, both], "channels": [channel]}
        async with Orchestrator(MemoryStore(clock=clock), **options) as orchestrator:
            actions = acting(orchestrator, slack, clock)
            await orchestrator.start(refund("order-1"), run_id="r1")
            await orchestrator.work(once=True)
            yield Desk(slack, orchestrator, actions, clock)
            await actions.close()


def acting(orchestrator: Orchestrator, slack: FakeSlack, clock: TestClock, **options: Any) -> SlackActions:
    """Give what takes callbacks."""
    given: dict[str, Any] = {"signing_secrets": [SECRET, OLD], "people": people, "links": LINKS, "teams": ["T1"]}
    return SlackActions(orchestrator, answers_at=slack.hooks, clock=clock, **given | options)


@pytest.mark.parametrize(
    ("label", "status"), [("Approve", ApprovalStatus.APPROVED), ("Reject", ApprovalStatus.REJECTED)]
)
async def test_whoever_presses_decides(desk: Desk, label: str, status: ApprovalStatus) -> None:
    """As the actor that the application knows them as, by Slack, and is told so."""
    assert await desk.pressed(label) == 200
    approval = await desk.approval()
    assert approval.closing is not None
    assert (approval.status, approval.closing.by) == (status, Actor("mona"))
    assert f"It is {status.value}." in desk.told[0]
    assert desk.slack.replies[0]["response_type"] == "ephemeral"
    entry = (await desk.orchestrator.ledger("r1"))[-1]
    assert (said(entry)["by"], said(entry)["via"]) == ("mona", "slack")


async def test_a_second_press_changes_nothing(desk: Desk) -> None:
    """The same by the same person is the same decision; another's is told who won."""
    for _ in range(2):
        await desk.pressed("Approve")
    await desk.pressed("Reject", "UEVE")
    assert (await desk.approval()).status is ApprovalStatus.APPROVED
    assert "already approved by mona" in desk.told[2]


async def test_a_button_is_bound_to_what_stood_beside_it(desk: Desk) -> None:
    """After an edit, the old message's button is refused in words, and decides nothing."""
    await desk.orchestrator.edit("r1", "manager", {"order": "order-1", "amount": "999"}, by="erin")
    assert await desk.pressed("Approve") == 200
    assert (await desk.approval()).pending
    assert "look at the current content" in desk.told[0]


async def test_whom_the_policy_does_not_know_is_refused(desk: Desk) -> None:
    """By the policy, in the same words as everywhere."""
    assert await desk.pressed("Approve", "UEVE") == 200
    assert (await desk.approval()).pending
    assert "eve may not do this" in desk.told[0]


@pytest.mark.parametrize(("user", "team"), [("UX", "T1"), ("UMONA", "T2")])
async def test_a_stranger_does_nothing(desk: Desk, user: str, team: str) -> None:
    """Nor does somebody of another workspace, whatever name they go by."""
    assert await desk.pressed("Approve", user, team_id=team) == 200
    assert (await desk.approval()).pending
    assert "Nobody here knows you" in desk.told[0]


async def test_two_are_needed_and_the_first_is_told_so(desk: Desk) -> None:
    """A vote is no decision yet."""
    await desk.orchestrator.start(both(), run_id="r2")
    await desk.orchestrator.work(once=True)
    await desk.pressed("Approve", message=1)
    await desk.pressed("Approve", "UMOE", message=1)
    assert "Your vote counts" in desk.told[0]
    assert "It is approved." in desk.told[1]


async def test_open_gives_a_link_to_whoever_pressed(desk: Desk) -> None:
    """It is theirs alone, seen by nobody else, and nothing is decided."""
    assert await desk.pressed("Open", "UMOE") == 200
    (button,) = desk.slack.replies[0]["blocks"][-1]["elements"]
    claim = LINKS.read(button["url"].rpartition("/")[2], desk.clock()).unwrap()
    assert (claim.person, claim.run_id, claim.key) == (Actor("moe"), "r1", "manager")
    assert (await desk.approval()).pending


async def test_open_says_why_somebody_has_no_link(desk: Desk) -> None:
    """Whoever has too many roles for one is told so, and nothing breaks."""
    many = Actor("moe", [sha256(bytes([number])).hexdigest() for number in range(200)])

    def everybody(_: SlackUser) -> Actor:
        return many

    actions = acting(desk.orchestrator, desk.slack, desk.clock, people=everybody)
    assert await evolve(desk, actions=actions).pressed("Open") == 200
    assert "There is no page to open: a link for 'moe' takes" in desk.told[0]
    await actions.close()


async def test_open_says_when_it_waits_no_more(desk: Desk) -> None:
    """There is nothing to show then."""
    await desk.pressed("Reject")
    await desk.pressed("Open")
    assert "It waits no more." in desk.told[1]


async def test_people_may_be_looked_up_with_await(desk: Desk) -> None:
    """In a database, for instance."""

    async def looked_up(user: SlackUser) -> Actor | None:
        await asyncio.sleep(0)
        return people(user)

    await evolve(desk, actions=acting(desk.orchestrator, desk.slack, desk.clock, people=looked_up)).pressed("Approve")
    assert (await desk.approval()).status is ApprovalStatus.APPROVED


@pytest.mark.parametrize("error", [RuntimeError("canary"), StoreUnavailable("canary")])
async def test_what_goes_wrong_decides_nothing_and_is_said(desk: Desk, error: Exception) -> None:
    """Slack gets its 200, the person a sentence, and the log the rest."""

    def broken(_: SlackUser) -> Actor | None:
        raise error

    actions = acting(desk.orchestrator, desk.slack, desk.clock, people=broken)
    assert await evolve(desk, actions=actions).pressed("Approve") == 200
    assert (await desk.approval()).pending
    assert "This did not work" in desk.told[0]
    assert "canary" not in desk.told[0]


async def test_what_takes_long_is_answered_later(desk: Desk) -> None:
    """Slack has its 200 in time; the decision goes on, and whoever pressed is told."""
    go = asyncio.Event()

    async def slow(user: SlackUser) -> Actor | None:
        await go.wait()
        return people(user)

    actions = acting(desk.orchestrator, desk.slack, desk.clock, people=slow, patience="0.01s")
    assert await evolve(desk, actions=actions).pressed("Approve") == 200
    assert (await desk.approval()).pending
    go.set()
    await actions.close()
    assert (await desk.approval()).status is ApprovalStatus.APPROVED
    assert "It is approved." in desk.told[0]


async def test_answers_go_to_slack_alone(desk: Desk) -> None:
    """An address that is not Slack's is not called; the decision stands all the same."""
    desk.slack.replies.clear()
    assert await desk.pressed("Approve", response_url=f"http://127.0.0.1:{desk.slack.port}/hooks.evil/") == 200
    assert (await desk.approval()).status is ApprovalStatus.APPROVED
    assert desk.slack.replies == []


# Signatures


@pytest.mark.parametrize(("ahead", "status"), [(-301, 401), (-299, 200), (299, 200), (301, 401)])
async def test_a_request_is_good_for_five_minutes(desk: Desk, ahead: int, status: int) -> None:
    """Before and after: a copied one is of no use later."""
    body = desk.body("Approve")
    assert (await desk.actions(desk.headers(body, ahead=ahead), body))[0] == status
    assert (await desk.approval()).pending is (status == 401)


async def test_any_of_several_secrets_is_good(desk: Desk) -> None:
    """While they are changed; no other is."""
    body = desk.body("Approve")
    assert (await desk.actions(desk.headers(body, secret="x" * 32), body))[0] == 401
    assert (await desk.actions(desk.headers(body, secret=OLD), body))[0] == 200


async def test_each_bit_of_the_body_counts(desk: Desk) -> None:
    """One that differs is not what was signed."""
    body = desk.body("Approve")
    headers = desk.headers(body)
    for place in range(0, len(body), 7):
        other = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert (await desk.actions(headers, other))[0] == 401
    assert (await desk.approval()).pending


async def test_names_of_headers_are_read_in_any_case(desk: Desk) -> None:
    """But two of one name are none."""
    body = desk.body("Approve")
    headers = desk.headers(body)
    doubled = headers | {"x-slack-signature": headers["X-Slack-Signature"]}
    assert (await desk.actions(doubled, body))[0] == 401
    assert (await desk.actions({name.lower(): value for name, value in headers.items()}, body))[0] == 200


def strange(draw: random.Random, headers: dict[str, str]) -> dict[str, Any]:
    """Damage the headers in one way or another."""
    name = draw.choice(["X-Slack-Signature", "X-Slack-Request-Timestamp"])
    value = headers[name]
    place = draw.randrange(len(value))
    odd = draw.choice(ODD)
    within = value[:place] + odd + value[place + 1 :]
    damaged: Any = draw.choice([odd, value[:place], within, value + odd, b"v0", None, 7])
    if damaged is None and draw.random() < 0.5:
        return {key: each for key, each in headers.items() if key != name}
    return headers | {name: damaged}


async def fuzzed(desk: Desk, count: int, seed: int) -> None:
    """Send so many requests with damaged headers: each is a 401, and none an exception."""
    body, draw = desk.body("Approve"), random.Random(seed)
    headers = desk.headers(body)
    statuses = {(await desk.actions(strange(draw, headers), body))[0] for _ in range(count)}
    assert statuses == {401}
    assert (await desk.approval()).pending


async def test_no_header_breaks_it(desk: Desk) -> None:
    """A thousand damaged ones decide nothing."""
    await fuzzed(desk, FEW, 1)


@pytest.mark.slow
async def test_no_header_breaks_it_each_time(desk: Desk) -> None:
    """Nor do ten thousand."""
    await fuzzed(desk, MANY, 2)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"payload=",
        b"payload=%5B" + b"%5B" * 80_000,
        b"payload=7",
        b'payload={"type":"block_actions"}',
        b'payload={"type":"block_actions","actions":[7]}&x=1',
        b'payload={"type":"block_actions","user":{"id":"U","team_id":"T1"},"actions":[{"action_id":"awaitly.approve"}]}',
        b'payload={"type":"block_actions","actions":[{"action_id":"awaitly.approve","value":"[1,2,3,4]"}]}',
        b"&".join(b"a=1" for _ in range(99)),
    ],
)
async def test_nonsense_that_is_signed_is_harmless(desk: Desk, body: bytes) -> None:
    """It is told apart from a forgery, and nothing happens."""
    assert (await desk.actions(desk.headers(body), body))[0] in {200, 400}
    assert (await desk.approval()).pending
    assert desk.slack.replies == []


async def test_other_callbacks_of_the_same_app_are_left_alone(desk: Desk) -> None:
    """Slack has one address for all; what is not ours gets its 200."""
    foreign = [{"action_id": "survey", "value": "5"}]
    assert await desk.pressed("Approve", actions=foreign) == 200
    assert await desk.pressed("Approve", type="view_submission") == 200
    assert await desk.pressed("Open", actions=[{"action_id": "awaitly.open", "value": "link"}]) == 200
    assert (await desk.approval()).pending
    assert desk.slack.replies == []


async def test_what_is_too_large_is_not_looked_at(desk: Desk) -> None:
    """However it is signed."""
    body = b"x" * (256 * 1024 + 1)
    assert (await desk.actions(desk.headers(body), body))[0] == 413


@pytest.mark.parametrize("secrets", [[], "", ["short"], [SECRET, " "]])
async def test_it_does_not_begin_without_secrets(desk: Desk, secrets: Any) -> None:
    """And does not tell them."""
    with pytest.raises(DefinitionError, match="signing secrets") as raised:
        SlackActions(desk.orchestrator, signing_secrets=secrets, people=people)
    assert "short" not in str(raised.value)


def test_the_signature_is_the_one_of_slacks_own_example() -> None:
    """As its documentation computes it."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
        b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
        b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
        b"96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    assert signature_of(b"8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body) == (
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    )


async def test_ages_are_of_the_clock_given(desk: Desk) -> None:
    """Time is a parameter."""
    body = desk.body("Approve")
    headers = desk.headers(body)
    desk.clock.advance(timedelta(minutes=6))
    assert (await desk.actions(headers, body))[0] == 401
