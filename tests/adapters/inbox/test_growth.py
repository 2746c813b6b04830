"""What makes the pages fast where much waits: how often they ask the store does not depend on how much there is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from awaitly import MemoryStore, NotApproved, Ok, Orchestrator, Policy, Result, Run, workflow
from awaitly.testing import CountingStore
from tests.adapters.inbox.support import APPROVAL, Served, ask, open_served

FEW, MANY = 10, 1_000
LOOKED_THROUGH = 60
PAGES = ["/", "/?limit=200", "/?workflow=ask", "/?prefix=r", APPROVAL, "/api/inbox"]


@workflow
async def hurried(run: Run[NotApproved], amount: int) -> Result[int, NotApproved]:
    """Ask for an amount, within an hour."""
    policy = Policy(approvers=["ann"], expires_in="1h")
    return Ok(await run.approval("boss", proposes=amount, policy=policy))


@pytest.fixture
def counted() -> CountingStore:
    """Give a store that counts what is read."""
    return CountingStore(MemoryStore())


@pytest.fixture
async def served(counted: CountingStore) -> AsyncIterator[Served]:
    """Serve an inbox over it."""
    async with Orchestrator(counted, workflows=[ask, hurried]) as orchestrator, open_served(orchestrator) as opened:
        yield opened


async def filled(served: Served, first: int, last: int) -> None:
    """Have runs ask their boss."""
    for number in range(first, last):
        await served.orchestrator.start(ask(5), run_id=f"r{number}", requested_by="rita")


async def reads(served: Served, counted: CountingStore, path: str) -> int:
    """Count what a page reads."""
    counted.reset()
    page = await served.get(path)
    assert page.status_code == 200, (path, page.text)
    return counted.reads.total()


async def test_a_page_asks_the_store_as_often_however_much_waits(served: Served, counted: CountingStore) -> None:
    """With ten that wait and with a thousand; and that is a few times."""
    await filled(served, 0, FEW)
    few = {path: await reads(served, counted, path) for path in PAGES}
    await filled(served, FEW, MANY)
    assert {path: await reads(served, counted, path) for path in PAGES} == few
    assert max(few.values()) <= 8


async def test_the_inbox_lists_once_what_it_shows_and_follows(served: Served, counted: CountingStore) -> None:
    """What live updates compare with is made of the very listing that is shown."""
    await filled(served, 0, FEW)
    await reads(served, counted, "/")
    assert counted.reads["page_approvals"] == 1


async def test_what_somebody_decided_is_read_once_for_each_run_looked_through(
    served: Served, counted: CountingStore
) -> None:
    """However many runs there are; and nothing else is asked about any of them."""
    await filled(served, 0, 2 * LOOKED_THROUGH)
    (await served.orchestrator.approve("r100", "boss", by="ann")).unwrap()
    assert await reads(served, counted, "/decided") <= LOOKED_THROUGH + 2
    assert "/runs/r100/approvals/boss" in (await served.get("/decided")).text


async def test_what_waits_is_open_to_somebody_among_many_whose_names_begin_alike(served: Served) -> None:
    """The page of `r` offers its forms though hundreds of `r...` have nearer deadlines."""
    for number in range(210):
        await served.orchestrator.start(hurried(5), run_id=f"r{number}", requested_by="rita")
    await served.parked("r")
    assert "does not wait for you" not in (await served.get("/runs/r/approvals/boss")).text


async def test_an_after_that_no_page_gave_is_refused(served: Served) -> None:
    """On every page that has one, in words and as a 422."""
    for path in ("/", "/decided", "/api/inbox"):
        refused = await served.get(f"{path}?after=garbage")
        assert (refused.status_code, "not the" in refused.text) == (422, True)
