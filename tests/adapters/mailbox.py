"""A mail server on loopback: keeps what it takes, and refuses what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from attrs import define, field

__all__ = ["MailServer", "mail_server", "part"]


@define(eq=False)
class MailServer:
    """What has come, in `mails`. `refusals` has answers by addresses; while `held` is set, no mail is answered."""

    port: int = 0
    mails: list[EmailMessage] = field(factory=list[EmailMessage])
    raw: list[bytes] = field(factory=list[bytes])
    sent_to: list[str] = field(factory=list[str])
    refusals: dict[str, str] = field(factory=dict[str, str])
    answers: list[str] = field(factory=list[str])
    held: bool = False
    open: int = 0
    came: asyncio.Event = field(factory=asyncio.Event)
    gone: asyncio.Event = field(factory=asyncio.Event)

    async def handle_RCPT(  # noqa: N802  (the name that the server calls)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take an address, or refuse it."""
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  (as above)
        """Keep a mail."""
        self.came.set()
        if self.held:
            await asyncio.Event().wait()
        if self.answers:
            return self.answers.pop(0)
        content = envelope.original_content or b""
        self.raw.append(content)
        self.sent_to += envelope.rcpt_tos
        self.mails.append(message_from_bytes(content, _class=EmailMessage, policy=default))
        return "250 OK"


class _Counting(SMTP):
    """Says how many connections there are."""

    def __init__(self, box: MailServer, **settings: Any) -> None:
        super().__init__(box, **settings)
        self._box = box

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._box.open += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._box.open -= 1
        self._box.gone.set()
        super().connection_lost(error)


@asynccontextmanager
async def mail_server(**settings: Any) -> AsyncGenerator[MailServer]:
    """Open a mail server on a free port of 127.0.0.1; `settings` are those of `aiosmtpd.smtp.SMTP`."""
    box = MailServer()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Counting(box, hostname="mx", **settings), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()


def part(mail: EmailMessage, kind: str) -> str:
    """Give the text, or the HTML, of a mail: `plain` or `html`."""
    found = mail.get_body((kind,))
    assert isinstance(found, EmailMessage)
    content = found.get_content()
    assert isinstance(content, str)
    return content
