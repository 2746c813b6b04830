"""One notice to several addresses: each gets its mails, whatever becomes of the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from awaitly import Actor, NotApproved, Ok, Orchestrator, Policy, Result, Run, workflow
from awaitly.testing import TestClock
from awaitly_email import EmailChannel, Security, SmtpServer
from awaitly_sqlite import SqliteStore
from tests.adapters.mailbox import MailServer, mail_server

MONA, NORA = "mona@example.com", "nora@example.com"


@workflow
async def refund(run: Run[NotApproved]) -> Result[int, NotApproved]:
    """Ask one of two."""
    return Ok(await run.approval("manager", proposes=1, policy=Policy(approvers=["mona", "nora"])))


@pytest_asyncio.fixture
async def box() -> AsyncIterator[MailServer]:
    """Open a mail server."""
    async with mail_server() as opened:
        yield opened


class Office:
    """Those who work on one file of SQLite, with a clock of their own."""

    def __init__(self, box: MailServer, folder: Path) -> None:
        self._server = SmtpServer(host="127.0.0.1", port=box.port, security=Security.PLAIN)
        self._file = folder / "runs.db"
        self.clock = TestClock()

    def opened(self) -> Orchestrator:
        """Give a new orchestrator, with a channel that remembers nothing: as another process would have."""
        channel = EmailChannel(self._server, "awaitly@example.com", {"mona": MONA, "nora": NORA})
        return Orchestrator(SqliteStore(self._file, clock=self.clock), workflows=[refund], channels=[channel])

    async def told(self, pause: str | None = None) -> None:
        """Let time pass, and another process tell people what is due."""
        if pause is not None:
            self.clock.advance(pause)
        async with self.opened() as orchestrator:
            await orchestrator.work(once=True)


@pytest_asyncio.fixture
async def office(box: MailServer, tmp_path: Path) -> Office:
    """Give an office in which a run has asked, and nobody was told of it."""
    office = Office(box, tmp_path)
    async with office.opened() as orchestrator:
        await orchestrator.start(refund(), run_id="r1")
    return office


@pytest.mark.parametrize("refused", [MONA, NORA])
async def test_another_process_mails_to_whom_it_is_missing_alone(box: MailServer, office: Office, refused: str) -> None:
    """One address took it, the other did not for now, and the process was restarted."""
    box.refusals = {refused: "451 later"}
    await office.told()
    assert box.sent_to == [MONA if refused == NORA else NORA]
    box.refusals = {}
    await office.told("10m")
    assert sorted(box.sent_to) == [MONA, NORA]


async def test_whoever_was_told_hears_how_it_ended_although_another_cannot(box: MailServer, office: Office) -> None:
    """At once; the other gets all mails in order, in one conversation, as soon as the server takes them."""
    box.refusals = {NORA: "451 later"}
    await office.told()
    async with office.opened() as orchestrator:
        await orchestrator.approve("r1", by=Actor("mona"))
    await office.told()
    assert box.sent_to == [MONA, MONA]
    box.refusals = {}
    for _ in range(3):
        await office.told("10m")
    assert box.sent_to == [MONA, MONA, NORA, NORA]
    for first, last in (box.mails[:2], box.mails[2:]):
        assert last["In-Reply-To"] == first["Message-ID"]
        assert (first["In-Reply-To"], last["Subject"]) == (None, f"Re: {first['Subject']}")


async def test_an_address_that_is_gone_is_a_dead_letter_of_its_own(box: MailServer, office: Office) -> None:
    """It is named, and sent again it goes there alone."""
    box.refusals = {NORA: "550 no such mailbox"}
    await office.told()
    assert box.sent_to == [MONA]
    async with office.opened() as orchestrator:
        (letter,) = (await orchestrator.dead_letters(channel="email")).items
        assert letter.place == NORA
        assert "550 no such mailbox" in letter.error
        box.refusals = {}
        await orchestrator.resend("r1", letter.key)
    await office.told()
    assert box.sent_to == [MONA, NORA]
