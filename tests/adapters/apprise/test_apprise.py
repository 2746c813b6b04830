from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio
from attrs import evolve

from awaitly import Actor, MemoryStore, NotApproved, Ok, Orchestrator, Result, Run, SignedLinks, Undeliverable, workflow
from awaitly.testing import TestClock
from awaitly.testing.channel_contract import delivery, resolved
from awaitly_apprise import AppriseChannel, AppriseFailed, Target
from awaitly_apprise.threads import Threads
from tests.adapters.receiver import Receiver, receiving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
NO = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
LINKS = SignedLinks(base_url="https://approvals.example.com", keys="k" * 32)


@workflow
async def asking(run: Run[NotApproved]) -> Result[int, NotApproved]:
    """Ask once."""
    return Ok(await run.approval("manager", proposes=120))


@pytest_asyncio.fixture
async def first() -> AsyncIterator[Receiver]:
    """Open a receiver."""
    async with receiving() as receiver:
        receiver.answer = OK
        yield receiver


@pytest_asyncio.fixture
async def second() -> AsyncIterator[Receiver]:
    """Open another one."""
    async with receiving() as receiver:
        receiver.answer = OK
        yield receiver


def at(receiver: Receiver) -> str:
    """Give apprise's URL of a receiver, with a secret in it."""
    return f"json://canary:secret@127.0.0.1:{receiver.port}"


def said(receiver: Receiver, number: int = -1) -> dict[str, Any]:
    """Give what came."""
    read: dict[str, Any] = json.loads(receiver.posted[number].body)
    return read


async def test_a_notice_is_a_title_and_lines(first: Receiver) -> None:
    """Facts, then what is proposed."""
    await AppriseChannel({"role:manager": at(first)}).send(delivery())
    assert said(first)["title"] == "Approval needed: Refund order 7781"
    assert "Who decides: 1 of role:manager\nNow asks: role:manager\n" in said(first)["message"]
    assert "\n\nWhat is proposed\namount: 12050\n" in said(first)["message"]


async def test_it_goes_by_grants(first: Receiver, second: Receiver) -> None:
    """To each service once, however many grants lead there."""
    channel = AppriseChannel({"role:a": [at(first), at(second)], "role:b": at(first), "*": at(second)})
    await channel.send(evolve(delivery(), audience=("role:a", "role:b"), to=()))
    assert (len(first.posted), len(second.posted)) == (1, 1)


async def test_nobody_is_called_by_what_was_proposed(first: Receiver) -> None:
    """Words that would call everybody are broken."""
    await AppriseChannel({"role:manager": at(first)}).send(
        delivery(summary="@everyone <!channel>", arguments={"a": "@here <@U1> eve@example.com"})
    )
    text = said(first)["title"] + said(first)["message"]
    assert not any(call in text for call in ("@everyone", "@here", "<!", "<@"))
    assert "eve@example.com" in text


async def test_a_service_that_refuses_is_tried_again_alone(first: Receiver, second: Receiver) -> None:
    """Whoever has it is not told twice; no error has an URL in it."""
    channel = AppriseChannel({"role:manager": [at(first), at(second)]})
    second.answer = NO
    with pytest.raises(AppriseFailed, match="of 2 services these did not take it: 2") as raised:
        await channel.send(delivery())
    assert "secret" not in f"{raised.value!r}{raised.value.__context__!r}"
    second.answer = OK
    await channel.send(delivery())
    assert (len(first.posted), len(second.posted)) == (1, 2)


async def test_a_service_that_hangs_is_given_up(first: Receiver, second: Receiver) -> None:
    """Within the timeout; the others are told all the same, and the loop goes on meanwhile."""
    first.answer = b""
    channel = AppriseChannel({"role:manager": [f"{at(first)}?rto=1", at(second)]}, timeout="0.1s")
    with pytest.raises(AppriseFailed, match="did not take it: 1"):
        await channel.send(delivery())
    assert len(second.posted) == 1
    await first.gone.wait()


async def test_only_so_many_sends_hang_at_a_time() -> None:
    """Then none is begun, until one of those ends; what the others raise or give is told."""
    threads, go, ended = Threads(2), threading.Event(), threading.Event()

    def hang() -> None:
        go.wait()
        ended.set()

    for _ in range(2):
        with pytest.raises(TimeoutError):
            await threads.run(hang, 0.01)
    with pytest.raises(AppriseFailed, match="2 sends hang"):
        await threads.run(hang, 0.01)
    go.set()
    assert await asyncio.to_thread(ended.wait, 10)
    await _until_free(threads)
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0, 10)
    assert await threads.run(lambda: 7, 10) == 7


async def _until_free(threads: Threads) -> None:
    """Try until a thread is free: one has ended, and may still be about to say so."""
    while True:
        try:
            return await threads.run(lambda: None, 10)
        except AppriseFailed:
            await asyncio.sleep(0)


@pytest.mark.parametrize("url", ["", "nothing", "://x", "json://a\nb"])
async def test_what_is_no_url_is_undeliverable(url: str) -> None:
    """And not told."""
    with pytest.raises(Undeliverable, match="not an URL"):
        await AppriseChannel({"role:manager": url}).send(delivery())


async def test_what_apprise_does_not_know_is_undeliverable(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the error nor our log has any of its secrets."""
    with pytest.raises(Undeliverable, match="none of the 1 URLs") as raised:
        await AppriseChannel({"role:manager": "nosuchservice://secret/token"}).send(delivery())
    ours = [record.getMessage() for record in caplog.records if record.name == "awaitly.apprise"]
    assert ours == ["apprise does not know what URL 1 of 1 stands for"]
    assert "secret" not in str(raised.value)


async def test_an_url_that_nobody_knows_does_not_keep_the_others_from_it(first: Receiver) -> None:
    """It would not be known later either."""
    await AppriseChannel({"role:manager": ["nosuchservice://secret/token", at(first)]}).send(delivery())
    assert len(first.posted) == 1


async def test_what_concerns_nobody_known_is_undeliverable(first: Receiver) -> None:
    """The error says whom it should have reached."""
    with pytest.raises(Undeliverable, match="role:manager"):
        await AppriseChannel({"mona": at(first)}).send(delivery())


async def test_somebody_whose_link_cannot_be_made_keeps_nobody_else_from_theirs(
    first: Receiver, second: Receiver
) -> None:
    """The others are told; where there are none, the notice says why it reached nobody."""
    mona = Target(at(first), Actor("mona", [sha256(bytes([number])).hexdigest() for number in range(200)]))
    await AppriseChannel({"role:manager": [mona, at(second)]}, links=LINKS).send(delivery())
    assert (len(first.posted), len(second.posted)) == (0, 1)
    with pytest.raises(Undeliverable, match=r"a link for 'mona' takes .* with 200 roles"):
        await AppriseChannel({"role:manager": mona}, links=LINKS).send(delivery())


async def test_a_link_goes_to_whom_it_belongs(first: Receiver, second: Receiver) -> None:
    """A target that is not said to be one person's has none, and nor has what is over."""
    target = Target(at(first), Actor("mona"))
    channel = AppriseChannel({"role:manager": [target, at(second)]}, links=LINKS)
    await channel.send(delivery())
    token = said(first)["message"].rpartition("/")[2]
    assert LINKS.read(token, delivery().made_at).unwrap().person == Actor("mona")
    assert "approvals.example.com" not in said(second)["message"]
    await channel.send(resolved(2))
    assert "approvals.example.com" not in said(first)["message"]
    assert "secret" not in repr(target)


async def test_an_orchestrator_tells_by_it(first: Receiver) -> None:
    """From the question to the decision."""
    channel = AppriseChannel({"*": at(first), "mona": at(first)})
    async with Orchestrator(MemoryStore(clock=TestClock()), workflows=[asking], channels=[channel]) as orchestrator:
        await orchestrator.start(asking(), run_id="r1")
        await orchestrator.work(once=True)
        await orchestrator.reject("r1", by="mona")
        await orchestrator.work(once=True)
    assert [said(first, number)["title"].partition(":")[0] for number in (0, 1)] == ["Approval needed", "Rejected"]
