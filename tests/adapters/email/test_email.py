"""Mails: who gets them, what holds them together, what is in their headers, and what a server's answer means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from email.message import EmailMessage
from pathlib import Path

import pytest
import pytest_asyncio
from aiosmtpd.smtp import AuthResult, LoginPassword
from attrs import evolve

from awaitly import Actor, DefinitionError, Delivery, NoticeKind, Undeliverable
from awaitly.testing.channel_contract import delivery, resolved, review, send_everywhere
from awaitly_email import EmailChannel, EmailFailed, Recipient, Security, SmtpServer, by_grant
from tests.adapters.certificates import certified
from tests.adapters.mailbox import MailServer, mail_server, part

MONA = Recipient("mona@example.com", Actor("mona"))
NORA = Recipient("nora@example.com", Actor("nora"))
SENDER = "awaitly@example.com"


@pytest_asyncio.fixture
async def box() -> AsyncIterator[MailServer]:
    """Open a mail server."""
    async with mail_server() as opened:
        yield opened


class PersonalLinks:
    """Links that name whom they are for."""

    def url(self, delivery: Delivery, person: Actor) -> str | None:
        """Give a link with characters that HTML must escape."""
        return f"https://inbox.example.com/a/{person.name}?run={delivery.run_id}&x=<\"'>"


def server(box: MailServer) -> SmtpServer:
    """Name the mail server."""
    return SmtpServer(host="127.0.0.1", port=box.port, security=Security.PLAIN)


def channel(box: MailServer, *people: Recipient | str, links: bool = False) -> EmailChannel:
    """Make a channel to some people."""
    return EmailChannel(server(box), SENDER, lambda _: people or (MONA,), links=PersonalLinks() if links else None)


async def told(box: MailServer, each: Delivery, *, links: bool = False) -> EmailMessage:
    """Send one to Mona, and give her mail."""
    await send_everywhere(channel(box, links=links), each)
    return box.mails[-1]


async def test_everybody_gets_a_mail_and_a_link_of_their_own(box: MailServer) -> None:
    """One link a mail, as text and as HTML; an address that is nobody's in particular gets none."""
    await send_everywhere(channel(box, MONA, NORA, "ops@example.com", links=True), delivery())
    assert box.sent_to == ["mona@example.com", "nora@example.com", "ops@example.com"]
    mona, nora, ops = box.mails
    for mail, name in ((mona, "mona"), (nora, "nora")):
        assert mail["To"] == f"{name}@example.com"
        assert part(mail, "plain").count("https://") == 1
        assert f"https://inbox.example.com/a/{name}?run=r1&x=<\"'>" in part(mail, "plain")
        assert part(mail, "html").count("https://") == 1
        assert f'href="https://inbox.example.com/a/{name}?run=r1&amp;x=&lt;&#34;&#39;&gt;"' in part(mail, "html")
    assert "https://" not in part(ops, "plain") + part(ops, "html")
    assert len({mail["Message-ID"] for mail in box.mails}) == 3


async def test_what_is_over_has_no_link(box: MailServer) -> None:
    """There is nothing left to decide."""
    mail = await told(box, resolved(), links=True)
    assert "https://" not in part(mail, "plain") + part(mail, "html")


async def test_mails_about_one_approval_are_one_conversation(box: MailServer) -> None:
    """Each person's own: every later mail answers the first one; the subject stays."""
    mails = channel(box, MONA, NORA)
    receipts = await send_everywhere(mails, delivery())
    receipts = await send_everywhere(mails, delivery(NoticeKind.REMINDER, 2), receipts)
    await send_everywhere(mails, resolved(3), receipts)
    first = {mail["To"]: mail["Message-ID"] for mail in box.mails[:2]}
    for mail in box.mails[2:]:
        assert mail["In-Reply-To"] == mail["References"] == first[mail["To"]]
        assert mail["Subject"] == "Re: Approval: Refund order 7781"
    assert len({mail["Message-ID"] for mail in box.mails}) == 6
    assert part(box.mails[-1], "plain").startswith("Rejected: Refund order 7781")


async def test_who_joins_later_has_a_conversation_of_their_own(box: MailServer) -> None:
    """That begins with their first mail; whoever was told before is told how it ended."""
    receipts = await send_everywhere(channel(box, MONA), delivery())
    receipts = await send_everywhere(channel(box, NORA), delivery(NoticeKind.ESCALATED, 2), receipts)
    assert box.mails[1]["In-Reply-To"] is None
    await send_everywhere(channel(box, NORA), resolved(3), receipts)
    ends = {mail["To"]: mail["In-Reply-To"] for mail in box.mails[2:]}
    assert ends == {
        "nora@example.com": box.mails[1]["Message-ID"],
        "mona@example.com": box.mails[0]["Message-ID"],
    }


async def test_ids_fit_long_domains(box: MailServer) -> None:
    """They are not folded into something else."""
    sender = f"awaitly@{'department.' * 5}example.com"
    mails = EmailChannel(server(box), sender, lambda _: [MONA])
    receipts = await send_everywhere(mails, delivery())
    await send_everywhere(mails, delivery(number=2), receipts)
    for mail, raw in zip(box.mails, box.raw, strict=True):
        assert f"{mail['Message-ID']}".encode() in raw
        assert mail["Message-ID"].endswith("department.example.com>")
    assert f"{box.mails[0]['Message-ID']}".encode() in box.raw[1]


@pytest.mark.parametrize("field", ["summary", "reason", "requested_by", "key", "run_id"])
async def test_no_header_can_be_injected(box: MailServer, field: str) -> None:
    """Line ends, in any form, stay text; nobody else gets the mail."""
    nasty = "x\r\nBcc: eve@example.com\r\n\r\n<script>\u2028Bcc: eve@example.com\x85Bcc: eve@example.com\x0bBcc: e@e"
    mail = await told(box, delivery(NoticeKind.NEEDED, 1, **{field: nasty}))
    assert set(mail.keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "MIME-Version",
        "Content-Type",
        "X-Peer",
        "X-MailFrom",
        "X-RcptTo",
    } - {name for name in ("X-Peer", "X-MailFrom", "X-RcptTo") if name not in mail}
    assert box.sent_to == ["mona@example.com"]


@pytest.mark.parametrize(
    "address", ["eve", "a@b\r\nRCPT TO:<eve@example.com>", "a b@c.d", "<a@b.c>", "a@b.c,d@e.f", "é@b.c"]
)
async def test_what_is_no_address_gets_nothing(box: MailServer, address: str) -> None:
    """It is a dead letter, and no command."""
    with pytest.raises(Undeliverable, match="not an address"):
        await send_everywhere(channel(box, address), delivery())
    assert box.mails == []


async def test_html_is_escaped(box: MailServer) -> None:
    """Names and values of arguments, summaries and reasons: nothing of them is markup."""
    tag = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    mail = await told(box, delivery(NoticeKind.NEEDED, 1, summary=tag, reason=tag, arguments={tag: tag}))
    html = part(mail, "html")
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("&lt;script&gt;") == 5


async def test_html_fits_a_dark_screen_and_loads_nothing(box: MailServer) -> None:
    """No picture, style sheet or font from elsewhere: nobody sees who reads it when."""
    html = part(await told(box, delivery()), "html")
    assert "prefers-color-scheme: dark" in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "src=" not in html
    assert "url(" not in html
    assert "http" not in html


async def test_it_says_that_a_program_wrote_it(box: MailServer) -> None:
    """So that no absence note answers."""
    assert (await told(box, delivery()))["Auto-Submitted"] == "auto-generated"


async def test_a_mail_is_plain_ascii_on_the_way(box: MailServer) -> None:
    """Also to servers that take nothing else."""
    await told(box, delivery(NoticeKind.NEEDED, 1, summary="Überweisung an Zoë"))
    assert box.raw[0].isascii()
    assert max(map(len, box.raw[0].splitlines())) < 998
    assert box.mails[0]["Subject"] == "Approval: Überweisung an Zoë"


# Who


def addressed(each: Delivery, addresses: dict[str, str | Iterable[str]]) -> list[Recipient]:
    """Give whom a mapping finds."""
    return [found for found in by_grant(addresses)(each) if isinstance(found, Recipient)]


def test_addresses_go_by_grants() -> None:
    """A name is a person, a role is not; those newly concerned are added."""
    each = evolve(delivery(), audience=("mona", "role:ops", "lou"), to=("nora",))
    found = addressed(
        each, {"mona": MONA.address, "role:ops": ["a@example.com", "b@example.com"], "nora": NORA.address}
    )
    assert found == [MONA, Recipient("a@example.com"), Recipient("b@example.com"), NORA]


@pytest.mark.parametrize("each", [evolve(delivery(), audience=(), to=()), review()])
def test_what_concerns_everyone_has_an_address_of_its_own(each: Delivery) -> None:
    """What anyone may decide on, and runs that need review."""
    assert addressed(each, {"*": "all@example.com", "mona": MONA.address}) == [Recipient("all@example.com")]


async def test_nobody_to_tell_is_a_dead_letter(box: MailServer) -> None:
    """It names whom it lacks an address for."""
    with pytest.raises(Undeliverable, match="no address is known for role:manager"):
        await send_everywhere(EmailChannel(server(box), SENDER, {"mona": MONA.address}), delivery())


async def test_an_address_gets_one_mail_however_often_it_is_named(box: MailServer) -> None:
    """By several grants, for instance."""
    await send_everywhere(channel(box, MONA, "mona@example.com", links=True), delivery())
    assert len(box.mails) == 1
    assert "https://" in part(box.mails[0], "plain")


# Answers


async def test_an_address_that_is_gone_is_a_dead_letter(box: MailServer) -> None:
    """With what the server said."""
    box.refusals = {MONA.address: "550 no such mailbox"}
    with pytest.raises(Undeliverable, match="550 no such mailbox"):
        await send_everywhere(channel(box), delivery())


@pytest.mark.parametrize(("answer", "error"), [("451 later", EmailFailed), ("554 spam", Undeliverable)])
async def test_a_mail_that_is_refused_later_is_judged_alike(
    box: MailServer, answer: str, error: type[Exception]
) -> None:
    """After its content was read."""
    box.answers = [answer]
    with pytest.raises(error, match=answer):
        await send_everywhere(channel(box), delivery())


async def test_a_server_that_is_away_is_tried_again(box: MailServer) -> None:
    """No connection."""
    nowhere = SmtpServer(host="127.0.0.1", port=1, security=Security.PLAIN)
    with pytest.raises(EmailFailed, match=r"127\.0\.0\.1"):
        await send_everywhere(EmailChannel(nowhere, SENDER, lambda _: [MONA]), delivery())


async def test_without_tls_nothing_is_sent_unless_that_is_said(box: MailServer) -> None:
    """The server offers none: neither mail nor password goes out."""
    careful = SmtpServer(host="127.0.0.1", port=box.port, username="me", password="secret")
    with pytest.raises(EmailFailed, match="STARTTLS"):
        await send_everywhere(EmailChannel(careful, SENDER, lambda _: [MONA]), delivery())
    assert box.mails == []
    assert "secret" not in repr(careful)


async def test_a_password_goes_out_once_the_line_is_private(tmp_path: Path) -> None:
    """By STARTTLS, to a server whose certificate is trusted; to another neither that nor a mail."""
    served, trusted = certified("localhost", tmp_path)
    said: list[object] = []

    def judged(*told: object) -> AuthResult:
        said.append(told[-1])
        return AuthResult(success=True)

    async with mail_server(tls_context=served, authenticator=judged, require_starttls=True) as private:
        known = SmtpServer(host="localhost", port=private.port, username="me", password="secret", tls=trusted)
        with pytest.raises(EmailFailed, match="CERTIFICATE_VERIFY_FAILED"):
            await send_everywhere(EmailChannel(evolve(known, tls=None), SENDER, lambda _: [MONA]), delivery())
        assert said == []
        await send_everywhere(EmailChannel(known, SENDER, lambda _: [MONA]), delivery())
        assert said == [LoginPassword(b"me", b"secret")]
        assert private.sent_to == [MONA.address]


async def test_nothing_stays_open(box: MailServer) -> None:
    """Whether it was sent or refused."""
    await send_everywhere(channel(box), delivery())
    box.answers = ["451 later"]
    with pytest.raises(EmailFailed):
        await send_everywhere(channel(box), delivery())
    await box.gone.wait()
    while box.open:
        box.gone.clear()
        await box.gone.wait()
    assert box.open == 0


@pytest.mark.parametrize("sender", ["awaitly", "a@b\nc", ""])
def test_a_sender_that_is_none_is_refused(sender: str) -> None:
    """Where the channel is made."""
    with pytest.raises(DefinitionError, match="the sender is not an address"):
        EmailChannel(SmtpServer(host="127.0.0.1"), sender, lambda _: [])


def test_a_senders_name_has_no_line_ends() -> None:
    """It stands in a header."""
    with pytest.raises(DefinitionError, match="printable"):
        EmailChannel(SmtpServer(host="127.0.0.1"), SENDER, lambda _: [], sender_name="a\nBcc: b@c.d")
