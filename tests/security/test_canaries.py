"""What must be nowhere: redacted values in whatever people or programs are told, tokens in whatever is kept."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from awaitly import Actor, SignedLinks, StoreUnavailable
from awaitly.testing import raising
from awaitly_web.pages import PAGES
from awaitly_web.table import ROUTES
from tests.cli.support import process
from tests.security.everywhere import ADMIN, BASE, LINKS, SECRET, Everywhere

BLANK = "[redacted]"


def every_path(run_id: str, token: str) -> Iterator[str]:
    """Give all that can be looked at of a run."""
    named = {"run_id": run_id, "key": "manager", "workflow": "transfer", "chain": "x", "name": "inbox.js"}
    for route in (*ROUTES, *PAGES):
        if route.method == "GET":
            yield route.path.format(**named, promise_id=f"x@{run_id}", token=token)


@pytest_asyncio.fixture
async def lived(world: Everywhere, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Everywhere]:
    """Let everything be told that there is to tell, and log all of it."""
    caplog.set_level(logging.DEBUG)
    async for _ in world.all_kinds():
        pass
    (await world.orchestrator.resume("r1")).result.unwrap()
    yield world


async def test_a_redacted_value_is_in_no_notice(lived: Everywhere) -> None:
    """By mail, Slack, webhook, apprise or console, of any kind: it is blanked, in summaries and reasons too."""
    for way, told in lived.sinks().items():
        assert SECRET not in told, way
        assert BLANK in told, way


@pytest.mark.parametrize("who", [ADMIN, "mona:decider", "rita:decider"])
async def test_a_redacted_value_is_on_no_page_and_in_no_answer(lived: Everywhere, who: str) -> None:
    """Of the whole API, all pages, their live updates and links: of a run that has ended, and one that is set aside."""
    links = {url.rpartition("/")[2] for urls in lived.urls().values() for url in urls}
    blanked = 0
    for run_id in ("r1", "r2"):
        for token in sorted(links)[:2]:
            for path in every_path(run_id, token):
                page = await lived.fetch_as(who, path)
                assert SECRET not in f"{page.headers}{page.text}", path
                blanked += BLANK in page.text
    assert blanked > 5


async def test_a_redacted_value_is_in_no_refusal(world: Everywhere) -> None:
    """Not where an edit does not fit, nor where it is stale or nobody's to make."""
    async for kind in world.all_kinds():
        if kind == "needed":
            break
    path = "/api/runs/r1/approvals/manager/edit"
    bodies = [
        {"value": 7},
        {"value": {"amount": 1}},
        {"value": {"amount": "x", "to": {"iban": BLANK}}},
        {"revision": 9},
    ]
    for who in ("mona:decider", "boss:decider", "eve:decider"):
        for body in (*bodies, {"value": 1, "revision": 9}, {"value": 1, "digest": "v1:x"}, {"value": 1, "by": "rita"}):
            sent = {"authorization": f"Bearer {who}", "content-type": "application/json"}
            answer = await world.fetch("POST", path, json.dumps(body).encode(), **sent)
            assert (400 <= answer.status < 500, SECRET in answer.text) == (True, False), body


async def test_a_redacted_value_is_in_no_log_and_no_ledger(lived: Everywhere, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever was logged, at every level; the ledgers as they are exported, which have its digest alone."""
    logged = logged_by_us(caplog)
    ledgers = f"{await lived.orchestrator.ledger('r1')}{await lived.orchestrator.ledger('r2')}"
    assert "event=" in logged
    assert "reminded" in ledgers
    assert SECRET not in f"{logged}{ledgers}"


def logged_by_us(caplog: pytest.LogCaptureFixture) -> str:
    """Give what we logged, tracebacks included: drivers and test servers say what they like at this level."""
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    return "\n".join(caplog.handler.format(record) for record in records if record.name.startswith("awaitly"))


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
async def test_no_command_prints_a_redacted_value(lived: Everywhere, tmp_path: Path) -> None:
    """Neither for people nor as JSON: what waits, runs, their timelines, exported ledgers, notices."""
    store, lines = f"sqlite:///{lived.file}", ("pending", "runs", "show r1", "show r2", "audit export r1", "notices r1")
    answers = [
        await asyncio.to_thread(process, *line.split(), *more, folder=tmp_path, AWAITLY_STORE=store)
        for line in lines
        for more in ((), ("--json",))
    ]
    assert {answer.code for answer in answers} == {0}
    printed = "\n".join(answer.out + answer.err for answer in answers)
    assert (SECRET in printed, BLANK in printed) == (False, True)


async def test_the_secret_is_what_was_approved(lived: Everywhere) -> None:
    """What is blanked for people is whole in the store: otherwise nothing above would show anything."""
    (approval,) = (await lived.orchestrator.status("r1")).unwrap().approvals
    assert approval.intact()
    assert json.loads(approval.content) == {"amount": 100, "to": {"iban": SECRET}}
    assert SECRET in lived.rows()


# Tokens

BROKEN = {"of a store that is away": StoreUnavailable("away"), "broken": RuntimeError("broken")}


def tokens(world: Everywhere) -> set[str]:
    """Give the tokens of all links that were sent."""
    return {url.rpartition("/")[2] for urls in world.urls().values() for url in urls}


async def test_tokens_are_in_no_row_no_log_and_no_ledger(lived: Everywhere, caplog: pytest.LogCaptureFixture) -> None:
    """They are made when a notice is sent, and never kept: not even as receipts; nor is the key that signs them."""
    for token in tokens(lived):
        await lived.fetch("GET", f"/a/{token}")
    rows, logged = lived.rows(), logged_by_us(caplog)
    assert len(tokens(lived)) > 3
    for token in (*tokens(lived), LINKS.keys[0]):
        assert token not in f"{rows}{logged}{await lived.orchestrator.ledger('r1')}"


@pytest.mark.parametrize("what", ["stale", "expired", "forged", "somebody else's", *BROKEN])
async def test_tokens_are_on_no_error_page_and_in_no_traceback(
    world: Everywhere, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Whatever is wrong with a link, or breaks behind it: what is answered and logged has nothing of the token."""
    async for kind in world.all_kinds():
        if kind == "needed":
            break
    (delivery,) = world.deliveries
    keys = "x" * 40 if what == "forged" else LINKS.keys
    url = SignedLinks(base_url=BASE, keys=keys).url(delivery, Actor("mona"))
    assert url is not None
    token, who = url.rpartition("/")[2], "Bearer eve:decider" if what.startswith("some") else ""
    if what == "stale":
        (await world.orchestrator.edit("r1", "manager", {"amount": 1, "to": {"iban": "x"}}, by="erin")).unwrap()
    elif what == "expired":
        world.clock.advance("8d")
    elif what in BROKEN:
        broken = raising(BROKEN[what])

        async def load(_: str) -> None:
            await broken()

        monkeypatch.setattr(world.store, "load", load)
    for path in (f"/a/{token}", f"/a/{token}/live", f"/a/{token}/x", f"/{token}"):
        page = await world.fetch("GET", path, authorization=who)
        assert (page.status >= 400, token in f"{page.headers}{page.text}") == (True, False), path
        posted = await world.fetch("POST", path, b"do=approve", authorization=who)
        assert (posted.status >= 400, token in f"{posted.headers}{posted.text}") == (True, False), path
    logged = logged_by_us(caplog)
    assert token not in logged
    assert ("Traceback" in logged) is (what in BROKEN)
