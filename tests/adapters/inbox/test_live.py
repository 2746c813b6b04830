from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing

import pytest

from awaitly import Actor
from awaitly_web.live import MOST_STREAMS, Live, Topic
from awaitly_web.waiting import Waiting
from tests.adapters.inbox.support import APPROVAL, Served, ask


async def event(stream: AsyncGenerator[bytes]) -> str:
    """Give the next event's id."""
    async for part in stream:
        text = part.decode()
        if text.startswith("id: "):
            return text.partition("\n")[0].removeprefix("id: ")
    raise AssertionError("the stream has ended")


async def test_two_hundred_streams_hear_of_a_decision_within_a_second(served: Served) -> None:
    """One look at the store feeds them all."""
    await served.parked()
    live = Live(served.orchestrator)
    async with AsyncExitStack() as stack:
        streams = [live.stream(live.run("r1"), Actor(f"p{number}"), None) for number in range(200)]
        for stream in streams:
            await stack.enter_async_context(aclosing(stream))
        first = set(await asyncio.gather(*map(event, streams)))
        hearing = asyncio.gather(*map(event, streams))
        (await served.orchestrator.approve("r1", by="ann")).unwrap()
        async with asyncio.timeout(1):
            second = set(await hearing)
        assert (len(first), len(second), live.streams) == (1, 1, 200)
        assert first != second
    assert live.streams == 0


async def test_a_crowd_that_opens_at_once_loads_twice(served: Served) -> None:
    """The first load, and one for all who came while it was made."""
    loads: list[int] = []

    async def mark() -> str:
        loads.append(1)
        await asyncio.sleep(0)
        return "as it is"

    live = Live(served.orchestrator)
    async with AsyncExitStack() as stack:
        streams = [live.stream(Topic("crowd", mark, "none"), Actor(f"p{number}"), None) for number in range(200)]
        for stream in streams:
            await stack.enter_async_context(aclosing(stream))
        assert set(await asyncio.gather(*map(event, streams))) == {"as it is"}
        assert len(loads) <= 3  # the watcher's own first look is one more


async def test_a_change_that_wakes_nobody_is_told_all_the_same(served: Served) -> None:
    """A comment means nothing to a worker; readers hear of it within the time after which all is looked at again."""
    await served.parked()
    live = Live(served.orchestrator)
    async with aclosing(live.stream(live.run("r1"), Actor("ann"), None)) as stream:
        first = await event(stream)
        (await served.orchestrator.comment("r1", text="well", by="rita")).unwrap()
        async with asyncio.timeout(10):
            assert await event(stream) != first


async def test_a_stream_resumes_where_it_was_cut(served: Served) -> None:
    """What has changed since the last event that was read is told at once; what has not is not told again."""
    await served.parked()
    live = Live(served.orchestrator)
    async with aclosing(live.stream(live.run("r1"), Actor("ann"), None)) as stream:
        first = await event(stream)
    (await served.orchestrator.approve("r1", by="ann")).unwrap()
    async with aclosing(live.stream(live.run("r1"), Actor("ann"), first)) as stream:
        second = await event(stream)
    assert second != first
    async with aclosing(live.stream(live.run("r1"), Actor("ann"), second)) as stream:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await event(stream)


async def test_an_inbox_hears_of_what_comes_for_its_owner_alone(served: Served) -> None:
    """Another's stream stays silent."""
    live = Live(served.orchestrator)
    ann, eve = Actor("ann"), Actor("eve")
    async with (
        aclosing(live.stream(live.inbox(ann), ann, None)) as hers,
        aclosing(live.stream(live.inbox(eve), eve, None)) as others,
    ):
        first = [await event(hers), await event(others)]
        silent = asyncio.ensure_future(event(others))
        await served.parked()
        async with asyncio.timeout(10):
            assert await event(hers) != first[0]
        assert not silent.done()
        silent.cancel()
        await asyncio.gather(silent, return_exceptions=True)


async def test_of_streams_opened_at_one_moment_only_so_many_go_on(served: Served) -> None:
    """Each was let through while none was open yet; those over the limit end at once, and say to ask much later."""
    live = Live(served.orchestrator)
    ann = Actor("ann")
    async with AsyncExitStack() as stack:
        streams = [live.stream(live.inbox(ann), ann, None) for _ in range(MOST_STREAMS + 3)]
        for stream in streams:
            await stack.enter_async_context(aclosing(stream))
        await asyncio.gather(*map(event, streams[:MOST_STREAMS]))
        over = [[part async for part in stream] for stream in streams[MOST_STREAMS:]]
        assert over == [[b"retry: 30000\n\n"]] * 3
        assert live.streams == MOST_STREAMS


async def test_one_person_has_only_so_many_streams(served: Served) -> None:
    """More are refused, and one that ends makes room."""
    live = Live(served.orchestrator)
    ann = Actor("ann")
    async with AsyncExitStack() as stack:
        for _ in range(MOST_STREAMS):
            stream = live.stream(live.inbox(ann), ann, None)
            await stack.enter_async_context(aclosing(stream))
            assert not live.is_full(ann)
            await event(stream)
        assert live.is_full(ann)
        assert not live.is_full(Actor("bob"))
    assert not live.is_full(ann)


async def test_a_look_at_the_headers_of_a_stream_opens_none(served: Served) -> None:
    """HEAD is answered and over."""
    await served.parked()
    answer = await served.get(f"/live{APPROVAL}", method="HEAD")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")


async def test_an_inbox_is_the_same_asked_for_by_run_and_as_a_whole(served: Served) -> None:
    """Whatever has moved: what comes, what goes, and more than there is room for on a page."""
    ann = Actor("ann")
    kept = Waiting(served.orchestrator, ann)
    assert await kept.mark() == await kept.after(frozenset())
    seen: set[str] = set()

    async def moved(*run_ids: str) -> None:
        mark = await kept.after(frozenset(run_ids))
        assert mark == await Waiting(served.orchestrator, ann).mark()
        assert mark not in seen
        seen.add(mark)

    for run_id in ("r1", "r12", "r2"):  # the id of one begins as that of another
        await served.orchestrator.start(ask(5), run_id=run_id, requested_by="rita")
        await moved(run_id)
    (await served.orchestrator.claim("r12", by="ann")).unwrap()
    await moved("r12")
    (await served.orchestrator.approve("r1", by="bob")).unwrap()
    await moved("r1")
    many = [f"m{number}" for number in range(60)]
    for run_id in many:
        await served.orchestrator.start(ask(5), run_id=run_id, requested_by="rita")
    await moved(*many)
    (await served.orchestrator.approve("m0", by="bob")).unwrap()
    await moved("m0")


async def test_a_run_that_moves_is_asked_for_alone(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """An inbox of many is not read anew for each."""
    ann = Actor("ann")
    kept = Waiting(served.orchestrator, ann)
    await kept.mark()
    await served.parked()
    monkeypatch.setattr(Waiting, "mark", None)
    assert await kept.after(frozenset({"r1"}))
