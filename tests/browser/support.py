"""What the tests in a browser share: an inbox on a port of its own, people who sign in, and runs that ask them."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import frozen

from awaitly import (
    Actor,
    Escalation,
    LinkClaim,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    SignedLinks,
    Stage,
    Store,
    Workflow,
    workflow,
)
from awaitly_web import Permission, Sessions, by_roles, web_app
from awaitly_web.serving import app_served

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext

__all__ = ["REFUND", "SECRET", "WORKFLOWS", "Inbox", "Refund", "asked", "chained", "opened_inbox", "refund"]

SECRET = "no-real-secret-" * 4
PERMITS = by_roles(
    {
        "decider": [Permission.DECIDE],
        "viewer": [Permission.VIEW, Permission.DECIDE],
        "admin": list(Permission),
    }
)


class Speed(Enum):
    """How soon money is sent."""

    NORMAL = "normal"
    INSTANT = "instant"


@frozen
class Line:
    """One thing that is paid back."""

    article: str
    amount: Decimal


@frozen
class Refund:
    """What is to be paid back."""

    customer: str
    amount: Decimal
    due: date
    count: int
    instant: bool
    speed: Speed
    lines: list[Line]
    note: str | None
    iban: str


REFUND = Refund(
    "Zoë Jansen",
    Decimal("1480.50"),
    date(2026, 12, 1),
    2,
    instant=False,
    speed=Speed.NORMAL,
    lines=[Line("Lamp", Decimal("980.50")), Line("Chair", Decimal(500))],
    note="She has waited for three weeks.\nPlease be quick.",
    iban="NL91 ABNA 0417 1643 00",
)


async def check_the_order(given: Refund) -> Result[Refund, NotApproved]:
    """Look whether all is well."""
    return Ok(given)


async def pay(amount: Decimal) -> Result[Decimal, NotApproved]:
    """Pay."""
    return Ok(amount)


@workflow
async def refund(run: Run[NotApproved], given: Refund) -> Result[Decimal, NotApproved]:
    """Pay money back once somebody has agreed."""
    checked = await run.step(check_the_order, given)
    policy = Policy(
        approvers=["ann", "bob", "role:manager"],
        expires_in="2d",
        escalations=[Escalation("4h", ["role:director"]), Escalation("1d", ["cleo"])],
    )
    agreed = await run.approval(
        "manager",
        proposes=checked,
        summary=f"Refund {checked.amount} EUR to {checked.customer}",
        policy=policy,
        redact=("iban",),
        reason="The parcel never arrived, and she is a customer of many years.",
        metadata={"ticket": "T-4711", "confidence": 0.93},
    )
    return Ok(await run.step(pay, agreed.amount))


@workflow
async def asked(run: Run[NotApproved], value: list[str], summary: str, reason: str) -> Result[str, NotApproved]:
    """Ask with any words at all."""
    policy = Policy(approvers=["ann", "bob"])
    agreed = await run.approval("anything", proposes=value, summary=summary, policy=policy, reason=reason)
    return Ok(str(agreed))


@workflow
async def chained(run: Run[NotApproved], amount: int) -> Result[int, NotApproved]:
    """Ask three people, one after the other."""
    stages = [Stage[int](name, policy=Policy(approvers=[who], expires_in="3h")) for name, who in STAGES]
    return Ok(await run.chain("budget", *stages, proposes=amount, summary=f"Spend {amount} EUR on chairs"))


STAGES = (("team lead", "ann"), ("finance", "bob"), ("director", "cleo"))
WORKFLOWS: tuple[Workflow[..., Any, Any], ...] = (refund, asked, chained)


@frozen
class Inbox:
    """An inbox that is served: `sessions` sign people in, `links` makes what is mailed to them."""

    url: str
    orchestrator: Orchestrator
    sessions: Sessions
    links: SignedLinks

    async def parked(self, run_id: str, given: Refund = REFUND) -> None:
        """Have a refund ask its manager."""
        await self.orchestrator.start(refund(given), run_id=run_id, requested_by="rita")

    async def link(
        self, run_id: str, person: str = "ann", key: str = "manager", lasts: timedelta = timedelta(days=7)
    ) -> str:
        """Make the link of a mail."""
        details = (await self.orchestrator.status(run_id)).unwrap()
        approval = next(each for each in details.approvals if each.key == key)
        until = await self.orchestrator.now() + lasts
        claim = LinkClaim(run_id, key, approval.revision, approval.digest, Actor(person), until)
        return f"{self.url}/a/{self.links.token(claim)}"

    async def sign_in(self, context: BrowserContext, name: str, *roles: str) -> None:
        """Give a browser the cookie of somebody who has signed in."""
        key, _, value = self.sessions.cookie_of(Actor(name, roles)).partition(";")[0].partition("=")
        await context.add_cookies([{"name": key, "value": value, "url": self.url}])


@asynccontextmanager
async def opened_inbox(store: Store | None = None) -> AsyncGenerator[Inbox]:
    """Serve an inbox on a free port of this machine, with a worker behind it."""
    sessions = Sessions(keys=(SECRET,), secure=False)
    async with Orchestrator(store or MemoryStore(), workflows=WORKFLOWS) as orchestrator:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            links = SignedLinks(base_url=url, keys=(SECRET,))
            app = web_app(orchestrator, authenticate=sessions, permits=PERMITS, links=links)
            async with app_served(app, listening), orchestrator.working():
                yield Inbox(url, orchestrator, sessions, links)
