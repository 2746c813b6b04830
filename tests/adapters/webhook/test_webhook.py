"""Webhooks: what is posted and how it is signed, what answers mean, and where they do not go."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import pytest_asyncio
from attrs import evolve
from standardwebhooks import Webhook, WebhookVerificationError

from awaitly import DefinitionError, Delivery, NoticeKind, RetryLater, Undeliverable, utc_now
from awaitly.testing.channel_contract import delivery, resolved
from awaitly_webhook import Reach, WebhookChannel, WebhookFailed
from awaitly_webhook.addresses import is_public
from tests.adapters.certificates import certified
from tests.adapters.receiver import Receiver, receiving
from tests.adapters.webhook.keys import KEY, OLD_KEY

HOST = "hooks.example.com"
URL = f"https://{HOST}/hook"


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Open a receiver on loopback."""
    async with receiving() as opened:
        yield opened


class Names:
    """A resolver that gives other addresses each time it is asked."""

    def __init__(self, *answers: Iterable[str]) -> None:
        self._answers = iter(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Iterable[str]:
        """Give the next answer."""
        self.asked.append((host, port))
        return next(self._answers)


def local(receiver: Receiver, *keys: str, timeout: str = "10s") -> WebhookChannel:
    """Make a channel to a receiver on loopback, under a name of its own."""
    reach = Reach(private_hosts=[HOST])
    url = f"http://{HOST}:{receiver.port}/hook?x=1"
    return WebhookChannel(url, keys or KEY, reach=reach, timeout=timeout, resolve=Names(["127.0.0.1"]))


def answering(status: str, *headers: str) -> bytes:
    """Write an answer without a body."""
    return "\r\n".join([f"HTTP/1.1 {status}", "content-length: 0", *headers, "", ""]).encode()


def now() -> Delivery:
    """Give a delivery of this moment: those who verify look at the time too."""
    return evolve(delivery(), made_at=utc_now())


async def test_what_is_posted_verifies_by_each_key(receiver: Receiver) -> None:
    """The newest key and the ones before it, so that the receiver can change in its own time; by no other."""
    await local(receiver, KEY, OLD_KEY).send(now())
    (posted,) = receiver.posted
    for key in (KEY, OLD_KEY):
        assert Webhook(key).verify(posted.body, dict(posted.headers))["type"] == "approval.needed"
    stranger = "whsec_" + base64.b64encode(b"s" * 32).decode()
    with pytest.raises(WebhookVerificationError):
        Webhook(stranger).verify(posted.body, dict(posted.headers))
    newest = posted.headers["webhook-signature"].split()[0]
    alone = {**posted.headers, "webhook-signature": newest}
    assert Webhook(KEY).verify(posted.body, alone), "the newest signs first"


async def test_a_changed_body_does_not_verify(receiver: Receiver) -> None:
    """One byte is enough."""
    await local(receiver).send(now())
    (posted,) = receiver.posted
    with pytest.raises(WebhookVerificationError):
        Webhook(KEY).verify(posted.body.replace(b"12050", b"12051"), dict(posted.headers))


async def test_the_body_is_documented_json(receiver: Receiver) -> None:
    """A type, the time, and the data of the delivery."""
    await local(receiver).send(resolved())
    document = json.loads(receiver.posted[0].body)
    assert (document["type"], document["timestamp"]) == ("approval.resolved", "2030-01-07T09:00:00+00:00")
    assert set(document["data"]) == {
        "approval",
        "audience",
        "changes",
        "event",
        "reason",
        "resolution",
        "run_id",
        "to",
        "workflow",
    }
    assert document["data"]["approval"]["arguments"]["amount"] == 12050
    assert document["data"]["resolution"]["by"] == "mona"


async def test_arguments_beyond_the_limit_are_a_text_that_says_so(receiver: Receiver) -> None:
    """A megabyte is not posted."""
    await local(receiver).send(delivery(arguments={"note": "x" * 1_000_000}))
    told = json.loads(receiver.posted[0].body)["data"]["approval"]["arguments"]
    assert told["truncated"] == "arguments"
    assert told["text"].endswith("more characters)")
    assert len(receiver.posted[0].body) < 256 * 1024


async def test_the_resolved_address_is_spoken_to_under_the_right_name(receiver: Receiver) -> None:
    """The host is asked for once, and stands in the request, with path and query."""
    await local(receiver).send(delivery())
    assert receiver.posted[0].headers["host"] == f"{HOST}:{receiver.port}"
    assert receiver.posted[0].line == "POST /hook?x=1 HTTP/1.1"


async def test_the_next_address_is_tried_where_one_takes_no_connection(receiver: Receiver) -> None:
    """A host may have several."""
    names = Names(["127.0.0.2", "127.0.0.1"])
    reach = Reach(private_hosts=[HOST])
    await WebhookChannel(f"http://{HOST}:{receiver.port}/", KEY, reach=reach, resolve=names).send(delivery())
    assert len(receiver.posted) == 1
    assert names.asked == [(HOST, receiver.port)]


async def test_a_certificate_is_checked_against_the_name(tmp_path: Path) -> None:
    """Not against the address: the connection is made to the address, in the name of the host."""
    served, trusted = certified(HOST, tmp_path)
    async with receiving(served) as receiver:
        for host, fits in ((HOST, True), ("other.example.com", False)):
            reach, names_of = Reach(private_hosts=[host]), Names(["127.0.0.1"])
            url = f"https://{host}:{receiver.port}/"
            channel = WebhookChannel(url, KEY, reach=reach, tls=trusted, resolve=names_of)
            if fits:
                await channel.send(delivery())
            else:
                with pytest.raises(WebhookFailed, match="CERTIFICATE_VERIFY_FAILED"):
                    await channel.send(delivery())
        assert len(receiver.posted) == 1


# Answers


@pytest.mark.parametrize("status", ["400 Bad Request", "410 Gone", "413 Too Large", "422 Unprocessable"])
async def test_what_the_receiver_will_never_take_is_undeliverable(receiver: Receiver, status: str) -> None:
    """It would say the same each time."""
    receiver.answer = answering(status)
    with pytest.raises(Undeliverable, match=f"{HOST} answered {status[:3]}"):
        await local(receiver).send(delivery())


@pytest.mark.parametrize("status", ["401 No", "403 No", "404 No", "429 Busy", "500 Oops", "503 Away"])
async def test_what_may_be_mended_is_tried_again(receiver: Receiver, status: str) -> None:
    """At the courier's own times."""
    receiver.answer = answering(status)
    with pytest.raises(WebhookFailed, match=f"{HOST} answered {status[:3]}"):
        await local(receiver).send(delivery())


@pytest.mark.parametrize("status", ["429 Busy", "503 Away"])
async def test_the_receiver_says_when_to_come_again(receiver: Receiver, status: str) -> None:
    """In seconds."""
    receiver.answer = answering(status, "retry-after: 90")
    with pytest.raises(RetryLater) as told:
        await local(receiver).send(delivery())
    assert told.value.after == timedelta(seconds=90)


async def test_the_receiver_names_a_time_to_come_again(receiver: Receiver) -> None:
    """As a date of HTTP."""
    receiver.answer = answering("503 Away", f"retry-after: {format_datetime(utc_now() + timedelta(hours=1), True)}")
    with pytest.raises(RetryLater) as told:
        await local(receiver).send(delivery())
    assert timedelta(minutes=58) < told.value.after <= timedelta(hours=1)


@pytest.mark.parametrize("after", ["soon", "-5", "1e9", "٣", ""])
async def test_what_is_no_time_is_as_if_it_were_not_there(receiver: Receiver, after: str) -> None:
    """The receiver's headers are not trusted to make sense."""
    receiver.answer = answering("429 Busy").replace(b"\r\n\r\n", f"\r\nretry-after: {after}\r\n\r\n".encode())
    with pytest.raises(WebhookFailed):
        await local(receiver).send(delivery())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    """It could lead anywhere, the inside of the network included."""
    async with receiving() as elsewhere:
        target = f"http://127.0.0.1:{elsewhere.port}/secret"
        receiver.answer = answering(f"{status} Moved", f"location: {target}")
        with pytest.raises(Undeliverable, match="no redirects"):
            await local(receiver).send(delivery())
    assert elsewhere.posted == []


async def test_an_endless_answer_is_not_read(receiver: Receiver) -> None:
    """The status is all that counts: the connection is given up after it."""
    receiver.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n" + b"x" * 1_000_000
    await local(receiver).send(delivery())
    await receiver.gone.wait()
    assert receiver.open == 0


async def test_a_slow_receiver_is_given_up(receiver: Receiver) -> None:
    """Also if it keeps the line busy, byte by byte."""
    receiver.answer = b"HTTP/1.1 200 OK\r\nx: "
    with pytest.raises(WebhookFailed, match=f"{HOST} did not answer within 0.05 s"):
        await local(receiver, timeout="50ms").send(delivery())


async def test_nonsense_is_a_failure(receiver: Receiver) -> None:
    """What is no HTTP at all."""
    receiver.answer = b"220 smtp.example.com ESMTP\r\n\r\n"
    with pytest.raises(WebhookFailed, match="was lost"):
        await local(receiver).send(delivery())


# Where it does not go


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104  (an address that must be refused)
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "fec0::1",
        "3fff::1",
        "192.88.99.1",
        "192.0.0.9",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "nonsense",
    ],
)
async def test_what_is_not_public_is_refused(address: str) -> None:
    """In every way in which it can be written; nothing is sent, also if another address is public."""
    assert not is_public(address)
    for addresses in ([address], ["93.184.215.14", address]):
        with pytest.raises(Undeliverable, match="not public"):
            await WebhookChannel(URL, KEY, resolve=Names(addresses)).send(delivery())


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1111", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"])
def test_what_is_public_is_reached(address: str) -> None:
    """Of both families."""
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "2130706433",
        "127.1",
        "[::1]",
        "[::ffff:7f00:1]",
        "localhost",
        "LOCALHOST.",
    ],
)
async def test_loopback_is_refused_however_it_is_written(host: str) -> None:
    """Octal, hexadecimal, as one number, shortened: the system reads it, and what it read is judged."""
    with pytest.raises((DefinitionError, Undeliverable, WebhookFailed), match=r"not public|no address|no URL"):
        await WebhookChannel(f"https://{host}/", KEY).send(delivery())


async def test_a_name_that_is_bound_anew_is_not_asked_again(receiver: Receiver) -> None:
    """The address that was judged is the one that is spoken to: a second answer never comes into play."""
    names = Names(["192.0.2.1"], ["127.0.0.1"])
    channel = WebhookChannel(f"https://{HOST}:{receiver.port}/", KEY, reach=Reach(ports=[receiver.port]), resolve=names)
    with pytest.raises(Undeliverable, match="not public"):
        await channel.send(delivery())
    names = Names(["127.0.0.1"], ["127.0.0.3"])
    url = f"http://{HOST}:{receiver.port}/"
    await WebhookChannel(url, KEY, reach=Reach(private_hosts=[HOST]), resolve=names).send(delivery())
    assert len(names.asked) == 1
    assert len(receiver.posted) == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example.com/", "https alone"),
        ("https://hooks.example.com:8443/", "port 8443"),
        ("https://user:password@hooks.example.com/", "a name or a password"),
        ("ftp://hooks.example.com/", "no address of the kind"),
        ("file:///etc/passwd", "no address of the kind"),
        ("https:///path", "no address of the kind"),
        ("nonsense", "no address of the kind"),
    ],
)
async def test_a_url_that_cannot_be_is_refused(url: str, why: str) -> None:
    """Where the channel is made, if it is known there, else when it is sent; and without the URL's secrets."""
    with pytest.raises(DefinitionError, match=why) as refused:
        WebhookChannel(url, KEY)
    assert "password@" not in str(refused.value)
    with pytest.raises(Undeliverable, match=why):
        await WebhookChannel(lambda _: url, KEY).send(delivery())


async def test_the_url_may_depend_on_the_delivery(receiver: Receiver) -> None:
    """For tenants, for instance."""
    reach = Reach(private_hosts=[HOST])
    base = f"http://{HOST}:{receiver.port}"
    names = Names(["127.0.0.1"])
    channel = WebhookChannel(lambda told: f"{base}/{told.run_id}", KEY, reach=reach, resolve=names)
    await channel.send(delivery(NoticeKind.REMINDER))
    assert receiver.posted[0].line == "POST /r1 HTTP/1.1"


async def test_a_host_without_an_address_is_tried_again() -> None:
    """A resolver may be away."""

    async def away(_: str, __: int) -> Iterable[str]:
        raise OSError("try again")

    for resolve in (away, Names([])):
        with pytest.raises(WebhookFailed, match="no address"):
            await WebhookChannel(URL, KEY, resolve=resolve).send(delivery())


async def test_errors_do_not_name_the_path(receiver: Receiver) -> None:
    """A URL is often a secret: it would stand in the store and in the log."""
    receiver.answer = b"nonsense\r\n\r\n"
    with pytest.raises(WebhookFailed) as failed:
        await local(receiver).send(delivery())
    assert "hook?x" not in str(failed.value)


@pytest.mark.parametrize("key", ["", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", KEY.removeprefix("whsec_")])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    """Without being quoted."""
    with pytest.raises(DefinitionError, match="whsec_") as refused:
        WebhookChannel(URL, [KEY, key])
    assert not key or key == "whsec_" or key not in str(refused.value)


def test_no_key_is_refused() -> None:
    """Nothing goes out unsigned."""
    with pytest.raises(DefinitionError, match="needs a key"):
        WebhookChannel(URL, [])


async def test_sends_at_once_do_not_disturb_each_other(receiver: Receiver) -> None:
    """Each has its own connection."""
    reach = Reach(private_hosts=[HOST])
    names = Names(*[["127.0.0.1"]] * 8)
    channel = WebhookChannel(f"http://{HOST}:{receiver.port}/", KEY, reach=reach, resolve=names)
    await asyncio.gather(*(channel.send(delivery(number=n)) for n in range(8)))
    assert len({posted.headers["webhook-id"] for posted in receiver.posted}) == 8
