"""A channel that sends notices by e-mail."""

from __future__ import annotations

try:
    from awaitly_email.channel import EmailChannel
except ModuleNotFoundError as exc:
    if (exc.name or "").partition(".")[0] not in {"aiosmtplib", "jinja2"}:
        raise
    missing = f"awaitly_email needs aiosmtplib and jinja2, of which {exc.name} is missing: pip install 'awaitly[email]'"
    raise ModuleNotFoundError(missing, name=exc.name) from exc
from awaitly_email.errors import EmailFailed
from awaitly_email.recipients import Recipient, by_grant
from awaitly_email.server import Security, SmtpServer

__all__ = ["EmailChannel", "EmailFailed", "Recipient", "Security", "SmtpServer", "by_grant"]
