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
from awaitly.storage.store import NoticeRow
from awaitly.testing import TestClock
from awaitly.testing.channel_contract import delivery, resolved, send_everywhere
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
    await send_everywhere(AppriseChannel({"role:manager": at(first)}), delivery())
    assert said(first)["title"] == "Approval needed: Refund order 7781"
    assert "Who decides: 1 of role:manager\nNow asks: role:manager\n" in said(first)["message"]
    assert "\n\nWhat is proposed\namount: 12050\n" in said(first)["message"]


async def test_it_goes_by_grants(first: Receiver, second: Receiver) -> None:
    """To each service once, however many grants lead there."""
    channel = AppriseChannel({"role:a": [at(first), at(second)], "role:b": at(first), "*": at(second)})
    await send_everywhere(channel, evolve(delivery(), audience=("role:a", "role:b"), to=()))
    assert (len(first.posted), len(second.posted)) == (1, 1)


async def test_nobody_is_called_by_what_was_proposed(first: Receiver) -> None:
    """Words that would call everybody are broken."""
    calling = delivery(summary="@everyone <!channel>", arguments={"a": "@here <@U1> eve@example.com"})
    await send_everywhere(AppriseChannel({"role:manager": at(first)}), calling)
    text = said(first)["title"] + said(first)["message"]
    assert not any(call in text for call in ("@everyone", "@here", "<!", "<@"))
    assert "eve@example.com" in text


async def test_a_service_that_refuses_is_tried_again_alone(first: Receiver, second: Receiver) -> None:
    """Whoever has it is not told twice, not by another process either; nothing that is kept has an URL in it."""
    clock = TestClock()
    store = MemoryStore(clock=clock)
    second.answer = NO
    kept: list[NoticeRow] = []
    for _ in range(2):
        channel = AppriseChannel({"*": [at(first), Target(at(second), name="the other")]})
        async with Orchestrator(store, workflows=[asking], channels=[channel]) as orchestrator:
            await orchestrator.start(asking(), run_id="r1")
            await orchestrator.work(once=True)
            kept += await store.notices("r1")
            second.answer = OK
            clock.advance("1h")
    assert (len(first.posted), len(second.posted)) == (1, 2)
    assert [notice.due_at is None for notice in kept] == [True, False, True, True]
    assert "secret" not in "".join(notice.body for notice in kept)


async def test_what_a_service_does_not_take_is_named_without_its_url(second: Receiver) -> None:
    """By its name, or by a fingerprint of its URL that is the same in every process."""
    second.answer = NO
    for target, named in [(Target(at(second), name="ops"), "'ops'"), (Target(at(second)), "'json [0-9a-f]{12}'")]:
        with pytest.raises(AppriseFailed, match=f"^{named} did not take it") as raised:
            await send_everywhere(AppriseChannel({"role:manager": target}), delivery())
        assert "secret" not in f"{raised.value!r}{raised.value.__context__!r}"
    assert Target(at(second)).place == Target(at(second)).place != Target(at(second) + "/x").place


async def test_two_services_have_two_names(first: Receiver, second: Receiver) -> None:
    """One that is called as another is told of nothing, and nor is that."""
    channel = AppriseChannel({"role:manager": [Target(at(first), name="ops"), Target(at(second), name="ops")]})
    with pytest.raises(Undeliverable, match="two services are called 'ops'"):
        await channel.places_for(delivery())


async def test_a_service_that_is_not_concerned_any_more_has_what_was_for_it(first: Receiver) -> None:
    """As where the next level of a ladder has taken over before it could be told; one that is unknown has nothing."""
    channel = AppriseChannel({"role:manager": Target(at(first), name="ops"), "role:director": "ntfy://director"})
    (place,) = await channel.places_for(delivery())
    await channel.send(evolve(delivery(), place=place, audience=("role:director",), to=()))
    assert len(first.posted) == 1
    with pytest.raises(Undeliverable, match="no service is called 'gone' here"):
        await channel.send(evolve(delivery(), place="gone"))


async def test_a_service_that_hangs_is_given_up(first: Receiver) -> None:
    """Within the timeout, and the loop goes on meanwhile."""
    first.answer = b""
    channel = AppriseChannel({"role:manager": f"{at(first)}?rto=1"}, timeout="0.1s")
    with pytest.raises(AppriseFailed, match="did not take it"):
        await send_everywhere(channel, delivery())
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
        await send_everywhere(AppriseChannel({"role:manager": url}), delivery())


async def test_what_apprise_does_not_know_is_undeliverable() -> None:
    """The error has none of its secrets."""
    with pytest.raises(Undeliverable, match=r"does not know what the URL of 'nosuchservice \w+' stands for") as raised:
        await send_everywhere(AppriseChannel({"role:manager": "nosuchservice://secret/token"}), delivery())
    assert "secret" not in str(raised.value)


async def test_what_concerns_nobody_known_is_undeliverable(first: Receiver) -> None:
    """The error says whom it should have reached."""
    with pytest.raises(Undeliverable, match="role:manager"):
        await send_everywhere(AppriseChannel({"mona": at(first)}), delivery())


async def test_whose_link_cannot_be_made_is_not_told(first: Receiver) -> None:
    """The notice says why."""
    mona = Target(at(first), Actor("mona", [sha256(bytes([number])).hexdigest() for number in range(200)]))
    with pytest.raises(Undeliverable, match=r"a link for 'mona' takes .* with 200 roles"):
        await send_everywhere(AppriseChannel({"role:manager": mona}, links=LINKS), delivery())
    assert first.posted == []


async def test_one_that_can_never_be_told_keeps_no_other_from_it(first: Receiver) -> None:
    """It alone is a dead letter, under its own name."""
    channel = AppriseChannel({"*": ["nosuchservice://secret/token", at(first)]})
    async with Orchestrator(MemoryStore(clock=TestClock()), workflows=[asking], channels=[channel]) as orchestrator:
        await orchestrator.start(asking(), run_id="r1")
        await orchestrator.work(once=True)
        (dead,) = (await orchestrator.dead_letters()).items
    assert len(first.posted) == 1
    assert (dead.place or "").startswith("nosuchservice ")


async def test_a_link_goes_to_whom_it_belongs(first: Receiver, second: Receiver) -> None:
    """A target that is not said to be one person's has none, and nor has what is over."""
    target = Target(at(first), Actor("mona"))
    channel = AppriseChannel({"role:manager": [target, at(second)]}, links=LINKS)
    await send_everywhere(channel, delivery())
    token = said(first)["message"].rpartition("/")[2]
    assert LINKS.read(token, delivery().made_at).unwrap().person == Actor("mona")
    assert "approvals.example.com" not in said(second)["message"]
    await send_everywhere(channel, resolved(2))
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
