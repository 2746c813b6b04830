"""The mail server, and a conversation with it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from email.message import EmailMessage
from enum import Enum, unique

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
)
from attrs import field, frozen

from awaitly import Duration, Undeliverable, as_timedelta
from awaitly_email.errors import EmailFailed

__all__ = ["Security", "SmtpServer"]

_PERMANENT = 500


@unique
class Security(Enum):
    """How the connection is kept private."""

    STARTTLS = "starttls"
    """Plain at first; where the server offers no TLS nothing is sent."""
    TLS = "tls"
    """From the first byte."""
    PLAIN = "plain"
    """Not at all: for a server on the same machine."""


_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.PLAIN: 25}


def _length(value: Duration) -> timedelta:
    return as_timedelta(value)


@frozen(kw_only=True)
class SmtpServer:
    """A mail server. Without `port` it is 587, 465 or 25, as `security` says. `timeout` is that of each command.

    `tls` is for servers with certificates of an authority of your own, `helo` how this machine introduces itself.
    Raises `ValueError` where `timeout` is no length of time.
    """

    host: str
    port: int | None = None
    security: Security = Security.STARTTLS
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: timedelta = field(default=timedelta(seconds=10), converter=_length)
    tls: ssl.SSLContext | None = None
    helo: str = "localhost"

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[Session]:
        """Connect, log in, and leave nothing open, whatever happens. Raises `EmailFailed`."""
        smtp = SMTP(
            hostname=self.host,
            port=self.port or _PORTS[self.security],
            username=self.username,
            password=self.password,
            timeout=self.timeout.total_seconds(),
            use_tls=self.security is Security.TLS,
            start_tls=self.security is Security.STARTTLS,
            tls_context=self.tls,
            local_hostname=self.helo,
        )
        try:
            await smtp.connect()
            yield Session(smtp)
            with suppress(SMTPException, OSError):  # what was sent is sent
                await smtp.quit()
        except (SMTPException, OSError) as exc:
            raise EmailFailed(f"{self.host}: {type(exc).__name__}: {exc}") from exc
        finally:
            smtp.close()


@frozen
class Session:
    """A connection that takes mails."""

    _smtp: SMTP

    async def send(self, message: EmailMessage, sender: str, address: str) -> None:
        """Send a mail. Raises `Undeliverable` where the server never will, `EmailFailed` where it does not now."""
        try:
            await self._smtp.send_message(message, sender=sender, recipients=[address])
        except SMTPRecipientsRefused as exc:
            raise _refused(address, exc.recipients[0]) from exc
        except (SMTPSenderRefused, SMTPDataError) as exc:
            raise _refused(address, exc) from exc


def _refused(
    address: str, refusal: SMTPRecipientRefused | SMTPSenderRefused | SMTPDataError
) -> Undeliverable | EmailFailed:
    said = f"the mail server refuses the mail to {address}: {refusal.code} {refusal.message}"
    return Undeliverable(said) if refusal.code >= _PERMANENT else EmailFailed(said)
