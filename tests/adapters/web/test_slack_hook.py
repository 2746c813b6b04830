"""Slack's callbacks by way of the application: signed bodies, as Slack sends them, through the whole of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote_plus

import httpx2
import pytest
from attrs import frozen
from werkzeug.test import Client

from awaitly import Actor, MemoryStore, Orchestrator, said
from awaitly.sync import Orchestrator as Plain
from awaitly.testing import TestClock
from awaitly_slack import SlackActions, SlackUser
from awaitly_slack.signing import signature_of
from awaitly_web import wsgi_app
from tests.adapters.slack.fake import FakeSlack, said_by, serving
from tests.adapters.web.support import WORKFLOWS, Web, open_web, who
from tests.support import SharedStore

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
PATH = "/hooks/slack"
KNOWN = {"UANN": Actor("ann"), "UEVE": Actor("eve")}


def people(user: SlackUser) -> Actor | None:
    """Give who a user is."""
    return KNOWN.get(user.id)


@frozen
class Hooked:
    """The application with Slack's callbacks."""

    web: Web
    slack: FakeSlack
    clock: TestClock

    async def body(self, press: str = "approve", who: str = "UANN", **more: Any) -> bytes:
        """Write what Slack sends when somebody presses a button of the message about `r1`."""
        shown = await self.web.shown("r1")
        value = json.dumps(["r1", "manager", shown["revision"], shown["digest"]])
        payload: dict[str, Any] = {
            "type": "block_actions",
            "team": {"id": "T1"},
            "user": {"id": who, "team_id": "T1", "name": "ann", "username": "ann"},
            "response_url": f"{self.slack.hooks}1",
            "actions": [{"action_id": f"awaitly.{press}", "value": value, "type": "button"}],
        }
        return f"payload={quote_plus(json.dumps(payload | more))}".encode()

    def headers(self, body: bytes, secret: str = SECRET, ahead: int = 0) -> dict[str, str]:
        """Sign a body, as of so many seconds from now."""
        timestamp = str(int(self.clock().timestamp()) + ahead)
        return {
            "content-type": "application/x-www-form-urlencoded",
            "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": signature_of(secret.encode(), timestamp, body),
        }

    async def post(self, body: bytes, headers: Any) -> httpx2.Response:
        """Send it."""
        return await self.web.client.post(PATH, content=body, headers=headers)

    async def status(self) -> str:
        """Say where the approval stands."""
        return (await self.web.orchestrator.status("r1")).unwrap().approvals[0].status.value


@pytest.fixture
async def hooked(store: SharedStore, clock: TestClock) -> AsyncIterator[Hooked]:
    """Serve, with an approval that waits."""
    async with serving() as slack, Orchestrator(store, workflows=WORKFLOWS) as orchestrator:
        acting = SlackActions(
            orchestrator, signing_secrets=SECRET, people=people, answers_at=slack.hooks, clock=clock, teams=["T1"]
        )
        async with acting as actions, open_web(orchestrator, slack=actions) as web:
            await web.parked("r1")
            yield Hooked(web, slack, clock)


@pytest.mark.parametrize(("press", "status"), [("approve", "approved"), ("reject", "rejected")])
async def test_what_is_pressed_in_slack_decides_by_the_application(hooked: Hooked, press: str, status: str) -> None:
    """Nobody is signed in and no token comes along: who decides is whom the application knows by Slack's id."""
    body = await hooked.body(press)
    answer = await hooked.post(body, hooked.headers(body))
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"", "no-store")
    assert await hooked.status() == status
    last = said((await hooked.web.orchestrator.ledger("r1"))[-1])
    assert (last["event"], last["by"], last["via"]) == (status, "ann", "slack")
    assert f"It is {status}." in said_by(hooked.slack.replies[0])


@pytest.mark.parametrize(("ahead", "status"), [(-301, 401), (-299, 200), (299, 200), (301, 401)])
async def test_what_slack_calls_back_is_good_for_five_minutes(hooked: Hooked, ahead: int, status: int) -> None:
    """Both ways, through the whole application."""
    body = await hooked.body()
    assert (await hooked.post(body, hooked.headers(body, ahead=ahead))).status_code == status
    assert (await hooked.status() == "approved") is (status == 200)


async def test_what_slack_has_not_signed_decides_nothing(hooked: Hooked, store: SharedStore) -> None:
    """No signature, another's, one over another body, two of them, and a bearer's token instead: a 401 each."""
    body = await hooked.body()
    good = hooked.headers(body)
    other = await hooked.body(who="UEVE")
    store.reset()
    twice = [*good.items(), ("x-slack-signature", good["x-slack-signature"])]
    sent: list[tuple[bytes, Any]] = [
        (body, {}),
        (body, hooked.headers(body, "x" * 32)),
        (other, good),
        (body + b" ", good),
        (body, twice),
        (body, {**good, "x-slack-request-timestamp": "1"}),
        (body, {"authorization": "Bearer ann:decider,admin", "content-type": good["content-type"]}),
    ]
    answers = [await hooked.post(each, headers) for each, headers in sent]
    assert [answer.status_code for answer in answers] == [401] * len(sent)
    assert (await hooked.status(), store.written) == ("pending", 0)


@pytest.mark.parametrize(
    "more", [{"user": {"id": "UX", "team_id": "T1", "name": "ann"}}, {"by": "ann", "actor": "ann"}]
)
async def test_a_name_in_slacks_payload_is_not_who_decides(hooked: Hooked, more: dict[str, Any]) -> None:
    """A stranger by the name of ann is a stranger; and eve, whatever else stands in the body, is eve."""
    body = await hooked.body(who="UEVE", **more)
    assert (await hooked.post(body, hooked.headers(body))).status_code == 200
    assert await hooked.status() == "pending"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
async def test_slacks_callbacks_come_by_post_alone(hooked: Hooked, store: SharedStore, method: str) -> None:
    """Anything else does nothing, signed or not."""
    body = await hooked.body()
    store.reset()
    answer = await hooked.web.client.request(method, PATH, content=body, headers=hooked.headers(body))
    assert (answer.status_code, store.written) == (204 if method == "OPTIONS" else 405, 0)


async def test_more_than_a_request_may_have_is_not_read(hooked: Hooked) -> None:
    """It is not even looked at for a signature."""
    body = b"payload=" + b"x" * 300_000
    assert (await hooked.post(body, hooked.headers(body))).status_code == 413


async def test_without_slack_nothing_is_taken_from_it(web: Web) -> None:
    """A 404, as of a path that there is not."""
    assert (await web.client.post(PATH, content=b"payload=%7B%7D")).status_code == 404


async def test_what_breaks_behind_slacks_callbacks_tells_nothing(web: Web) -> None:
    """Callbacks of an application's own may raise: a 500 without their words."""

    async def broken(_: object, __: object) -> Any:
        raise RuntimeError("secret")

    async with open_web(web.orchestrator, slack=broken) as other:
        answer = await other.client.post(PATH, content=b"x")
    assert (answer.status_code, "secret" in answer.text) == (500, False)


def test_slacks_callbacks_come_by_wsgi_too() -> None:
    """What takes them is made on the orchestrator's own loop, on which it is called."""

    async def made(inner: Orchestrator) -> SlackActions:
        return SlackActions(inner, signing_secrets=SECRET, people=people)

    with Plain(MemoryStore(), workflows=WORKFLOWS) as orchestrator:
        app: Any = wsgi_app(orchestrator, authenticate=who, slack=orchestrator.call(made))
        answer = Client(app).post(PATH, data=b"payload=%7B%7D")
    assert (answer.status_code, answer.text) == (401, "not signed by Slack")
