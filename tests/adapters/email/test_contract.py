from __future__ import annotations

import html
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from email.message import EmailMessage

import pytest
import pytest_asyncio
from attrs import evolve

from awaitly import Delivery
from awaitly.testing.channel_contract import Arrived, ChannelContract, Stall, delivery
from awaitly_email import EmailChannel, Security, SmtpServer
from tests.adapters.mailbox import MailServer, mail_server, part

TAG = re.compile(r"<[^>]*>")


class EmailTrial:
    """A channel to a mail server on loopback; mails are read as text or as HTML."""

    def __init__(self, box: MailServer, kind: str) -> None:
        self._box = box
        self._kind = kind
        server = SmtpServer(host="127.0.0.1", port=box.port, security=Security.PLAIN)
        addresses = {"role:manager": "managers@example.com", "mona": "mona@example.com", "*": "all@example.com"}
        self.channel = EmailChannel(server, "awaitly@example.com", addresses)

    async def arrived(self) -> Sequence[Arrived]:
        """Give the mails; a conversation is known by the mail that it began with."""
        return [self._read(mail) for mail in self._box.mails]

    def _read(self, mail: EmailMessage) -> Arrived:
        body = part(mail, self._kind)
        text = html.unescape(TAG.sub("", body)) if self._kind == "html" else body
        return Arrived(mail["Message-ID"], mail["In-Reply-To"] or mail["Message-ID"], f"{mail['Subject']}\n{text}")


class StalledServer:
    """A mail server that does not answer once it has a mail."""

    def __init__(self, box: MailServer) -> None:
        self._box = box

    async def reached(self) -> None:
        """Wait until a mail is there."""
        await self._box.came.wait()

    async def left(self) -> int:
        """Wait until the connection is gone."""
        await self._box.gone.wait()
        return self._box.open


class TestEmailChannel(ChannelContract):
    """The contract, over a mail server on loopback."""

    @pytest_asyncio.fixture
    async def box(self) -> AsyncIterator[MailServer]:
        """Open the mail server."""
        async with mail_server() as box:
            yield box

    @pytest.fixture(params=["plain", "html"])
    def trial(self, box: MailServer, request: pytest.FixtureRequest) -> EmailTrial:
        """Give the channel and its mail server, read either way."""
        return EmailTrial(box, request.param)

    @pytest.fixture
    def stalled(self, box: MailServer) -> Callable[[], AbstractAsyncContextManager[Stall]]:
        """Give a mail server that does not answer for a while."""

        @asynccontextmanager
        async def stalling() -> AsyncGenerator[Stall]:
            box.held = True
            try:
                yield StalledServer(box)
            finally:
                box.held = False

        return stalling

    @pytest.fixture
    def several(self) -> Delivery:
        """Give one that concerns a role and a person."""
        return evolve(delivery(), audience=("role:manager", "mona"))
