"""An orchestrator that tells people by every channel there is, and the application to which all their links lead."""

from __future__ import annotations

import asyncio
import html
import io
import json
import re
import sqlite3
from collections.abc import AsyncGenerator, Iterator, Mapping, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, unquote, urlsplit

from attrs import evolve, frozen

from awaitly import (
    Actor,
    ConsoleChannel,
    Delivery,
    Escalation,
    NotApproved,
    NotificationChannel,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    SignedLinks,
    workflow,
)
from awaitly.testing import RecordingChannel, TestClock
from awaitly_apprise import AppriseChannel, Target
from awaitly_email import EmailChannel, Security, SmtpServer
from awaitly_slack import SlackActions, SlackChannel
from awaitly_slack.signing import signature_of
from awaitly_web import Permission, Request, by_roles, web_app
from awaitly_webhook import Reach, WebhookChannel
from tests.adapters.mailbox import MailServer, mail_server, part
from tests.adapters.receiver import Receiver, receiving
from tests.adapters.slack.fake import TOKEN, FakeSlack, serving
from tests.adapters.webhook.keys import KEY
from tests.support import SharedStore, shared

__all__ = ["ADMIN", "BASE", "LINKS", "SECRET", "Everywhere", "Page", "everywhere", "transfer"]

BASE = "https://approvals.example.com"
LINKS = SignedLinks(base_url=BASE, keys="canary-key-of-links-0123456789abcdef")
SECRET = "DE89370400440532013000"
ADMIN = "root:admin"
_SIGNING = "canary-secret-of-slack-0123456789"
_PERMITS = by_roles({"decider": [Permission.DECIDE], "admin": list(Permission)})
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_URL = re.compile(r"https?://[^\s\"'<>\\)\]]+")
_POLICY = Policy(
    approvers=["mona", "role:manager"],
    editors=["erin", "mona"],
    expires_in="24h",
    remind_every="4h",
    escalations=[Escalation("6h", ["boss"])],
    edit_counts_as_vote=False,
)


_SHAPE = {
    "type": "object",
    "properties": {"amount": {"type": "integer"}, "to": {"type": "object", "required": ["iban"]}},
    "required": ["amount", "to"],
}


async def looked_up(iban: str) -> Result[str, NotApproved]:
    """Give back what is secret: a step's result is kept."""
    return Ok(iban)


@workflow
async def transfer(run: Run[NotApproved], iban: str) -> Result[dict[str, Any], NotApproved]:
    """Ask about an account that nobody is to see, with the secret in the words beside it too."""
    found = await run.step(looked_up, iban)
    proposal: dict[str, Any] = {"amount": 120, "to": {"iban": found}}
    return Ok(
        await run.approval(
            "manager",
            proposes=proposal,
            summary=f"Pay 120 to {found}",
            reason=f"the account is {found}",
            metadata={"account": found},
            schema=_SHAPE,
            policy=_POLICY,
            redact=("iban",),
        )
    )


async def who(request: Request) -> Actor | None:
    """Believe what a request says of itself, as `Bearer ann:decider`: for tests alone."""
    name, _, roles = request.headers.get("authorization", "").removeprefix("Bearer ").partition(":")
    return Actor(name, [role for role in roles.split(",") if role]) if name else None


@frozen
class Page:
    """What the application answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """What it says."""
        return self.body.decode()


@frozen
class Everywhere:
    """All of it. `console` is what was printed, `deliveries` what channels were given."""

    store: SharedStore
    file: Path | None
    clock: TestClock
    orchestrator: Orchestrator
    app: Any
    actions: SlackActions
    mails: MailServer
    slack: FakeSlack
    hook: Receiver
    apprise: Receiver
    console: io.StringIO
    recorded: RecordingChannel

    @property
    def kinds(self) -> set[str]:
        """Name the kinds of notices that were sent."""
        return {each.kind.value for each in self.recorded.delivered}

    @property
    def deliveries(self) -> list[Delivery]:
        """Give what channels were given."""
        return self.recorded.delivered

    def sinks(self) -> dict[str, str]:
        """Give all that people, or programs, were told, as they read it, by the way it came."""
        return {
            "mail": "\n".join(
                f"{mail.items()}\n{part(mail, 'plain')}\n{part(mail, 'html')}" for mail in self.mails.mails
            ),
            "slack": json.dumps([self.slack.calls, self.slack.replies], ensure_ascii=False),
            "webhook": "\n".join(post.body.decode() for post in self.hook.posted),
            "apprise": "\n".join(post.body.decode() for post in self.apprise.posted),
            "console": self.console.getvalue(),
        }

    def urls(self) -> dict[str, set[str]]:
        """Give every URL in all that people were told, by the way it came."""
        return {name: set(_URL.findall(html.unescape(text))) for name, text in self.sinks().items()}

    def rows(self) -> str:
        """Write out all that the store keeps."""
        if self.file is None:
            inner: Any = self.store
            while hasattr(inner, "_store"):
                inner = inner._store  # noqa: SLF001  (all rows, and not what can be asked for)
            return repr(sorted(inner._kept.items()))  # noqa: SLF001  (as above)
        with closing(sqlite3.connect(self.file)) as connection:
            return "\n".join(connection.iterdump())

    async def told(self, pause: str | None = None) -> None:
        """Let time pass, and a worker do and send what is due."""
        if pause is not None:
            self.clock.advance(pause)
        await self.orchestrator.work(once=True)

    async def pressed_open(self, user: str = "UMONA") -> None:
        """Have somebody press Open in Slack: they get a link of their own there."""
        (approval,) = (await self.orchestrator.pending()).items
        value = json.dumps([approval.run_id, approval.key, approval.revision, approval.digest])
        payload = {
            "type": "block_actions",
            "team": {"id": "T1"},
            "user": {"id": user, "team_id": "T1"},
            "response_url": f"{self.slack.hooks}1",
            "actions": [{"action_id": "awaitly.open", "value": value, "type": "button"}],
        }
        body = f"payload={quote_plus(json.dumps(payload))}".encode()
        timestamp = str(int(self.clock().timestamp()))
        signature = signature_of(_SIGNING.encode(), timestamp, body)
        headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature}
        assert (await self.fetch("POST", "/hooks/slack", body, **headers)).status == 200

    async def all_kinds(self) -> AsyncGenerator[str]:
        """Have every kind of notice sent, and say each time which was new; the run is set aside at the end."""
        known: set[str] = set()
        await self.orchestrator.start(transfer(SECRET), run_id="r1", requested_by="rita")
        for number, pause in enumerate((None, "4h", "2h", None, None, None)):
            await self._next(number)
            await self.told(pause)
            for kind in sorted(self.kinds - known):
                yield kind
            known |= self.kinds

    async def _next(self, number: int) -> None:
        match number:
            case 1:
                await self.pressed_open()
            case 3:
                changed = {"amount": 100, "to": {"iban": SECRET}}
                (await self.orchestrator.edit("r1", "manager", changed, by="erin")).unwrap()
            case 4:
                (await self.orchestrator.approve("r1", "manager", by="mona")).unwrap()
            case 5:
                await self.orchestrator.start(transfer(SECRET), run_id="r2", requested_by="rita")
                found = await self.store.load("r2")
                assert found.run is not None
                await self.store.change_step(found.run.version, evolve(found.steps[0], body="[]"))
                await self.orchestrator.resume("r2", transfer)
            case _:
                pass

    async def fetch(self, method: str, url: str, body: bytes = b"", /, **headers: str) -> Page:
        """Make a request, over ASGI; of an answer that goes on for ever the beginning is read."""
        parts = urlsplit(url)
        given: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        given.put_nowait({"type": "http.request", "body": body, "more_body": False})
        sent: list[MutableMapping[str, Any]] = []

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)
            if message.get("body"):
                given.put_nowait({"type": "http.disconnect"})

        named = [("host", parts.netloc or "approvals.example.com"), *headers.items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named],
            "client": ("192.0.2.1", 1),
        }
        await self.app(scope, given.get, send)
        begun = sent[0]
        told = {name.decode(): value.decode() for name, value in begun["headers"]}
        return Page(begun["status"], told, b"".join(message.get("body", b"") for message in sent[1:]))

    async def fetch_as(self, whom: str, path: str, method: str = "GET") -> Page:
        """Ask as somebody who is signed in."""
        return await self.fetch(method, path, authorization=f"Bearer {whom}")


def _people() -> Iterator[tuple[str, str]]:
    yield from (("mona", "mona@example.com"), ("boss", "boss@example.com"), ("role:manager", "managers@example.com"))


@asynccontextmanager
async def everywhere(kind: str, folder: Path, clock: TestClock) -> AsyncGenerator[Everywhere]:
    """Open everything, over an empty store of a kind, `memory` or `sqlite`."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        store = await enter(shared(kind, folder, clock))
        mails, slack = await enter(mail_server()), await enter(serving())
        hook, apprise = await enter(receiving()), await enter(receiving())
        hook.answer = apprise.answer = _OK
        console, recorded = io.StringIO(), RecordingChannel()
        to_mona = Target(f"json://127.0.0.1:{apprise.port}/mona", Actor("mona"))
        server = SmtpServer(host="127.0.0.1", port=mails.port, security=Security.PLAIN)
        channels: list[NotificationChannel] = [
            EmailChannel(server, "awaitly@example.com", {**dict(_people()), "*": "all@example.com"}, links=LINKS),
            SlackChannel(
                TOKEN,
                {"mona": "UMONA", "boss": "UBOSS", "role:manager": "C1", "*": "C9"},
                links=LINKS,
                base_url=slack.url,
            ),
            WebhookChannel(f"http://127.0.0.1:{hook.port}/", KEY, reach=Reach(private_hosts=["127.0.0.1"])),
            AppriseChannel(
                {"mona": to_mona, "role:manager": f"json://127.0.0.1:{apprise.port}/", "*": to_mona}, links=LINKS
            ),
            ConsoleChannel(console),
            recorded,
        ]
        orchestrator = await enter(Orchestrator(store, workflows=[transfer], channels=channels))
        people = {"UMONA": Actor("mona"), "UBOSS": Actor("boss")}
        actions = await enter(
            SlackActions(
                orchestrator,
                signing_secrets=_SIGNING,
                people=lambda user: people.get(user.id),
                links=LINKS,
                answers_at=slack.hooks,
                clock=clock,
            )
        )
        app = web_app(orchestrator, authenticate=who, permits=_PERMITS, links=LINKS, slack=actions)
        file = folder / "runs.db" if kind == "sqlite" else None
        yield Everywhere(store, file, clock, orchestrator, app, actions, mails, slack, hook, apprise, console, recorded)
