"""A notice as a mail: text and HTML, the same words in both."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path

from attrs import frozen
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from awaitly import Delivery, Telling, clipped, telling, visible
from awaitly_email.recipients import Recipient
from awaitly_email.threads import Thread, message_id

__all__ = ["Letter"]

_LONGEST_SUBJECT = 150


@frozen
class Letter:
    """All of a mail that is the same for everybody. `sender` and `sender_name` are whom it comes from."""

    delivery: Delivery
    thread: Thread
    sender: str
    sender_name: str

    def to(self, recipient: Recipient, link: str | None) -> EmailMessage:
        """Write the mail to somebody, with the link that is theirs."""
        told = telling(self.delivery)
        domain = self.sender.partition("@")[2]
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(self.sender_name, addr_spec=self.sender)
        message["To"] = recipient.address
        first = self.thread.begun.get(recipient.address, self.delivery.id)
        message["Subject"] = f"{'' if first == self.delivery.id else 'Re: '}{self._subject(told)}"
        message["Date"] = format_datetime(self.delivery.made_at)
        message["Message-ID"] = message_id(self.delivery.id, recipient.address, domain)
        if first != self.delivery.id:
            message["In-Reply-To"] = message["References"] = message_id(first, recipient.address, domain)
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(_text(told, link), cte="quoted-printable")
        html = _template().render(told=told, link=link)
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        return message

    def _subject(self, told: Telling) -> str:
        """Give the subject: it stays the same in a conversation, or mail programs would tear that apart."""
        approval = self.delivery.approval
        return clipped(told.title if approval is None else f"Approval: {visible(approval.summary)}", _LONGEST_SUBJECT)


def _text(told: Telling, link: str | None) -> str:
    parts = [told.title, _rows(told.facts)]
    if told.proposal:
        parts += ["What is proposed", _rows(told.proposal)]
    if told.changes:
        parts += ["What was edited of it", _rows(told.changes)]
    if link is not None:
        parts.append(f"Look at it, and decide there:\n{link}\n\nThe link is yours alone: do not pass it on.")
    return "\n\n".join(parts) + "\n"


def _rows(rows: tuple[tuple[str, str], ...]) -> str:
    return "\n".join(f"  {name}: {text}" for name, text in rows)


@lru_cache(maxsize=1)
def _template() -> Template:
    folder = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=folder, autoescape=True, undefined=StrictUndefined).get_template("letter.html")
