"""Pages of proposals that are longer than anybody reads: bounded, and never without a word of what is left out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from awaitly import MemoryStore, NotApproved, Ok, Orchestrator, Policy, Result, Run, Workflow, differences, workflow
from awaitly_web.pages.drawing import Room, changes, drawn, is_whole
from tests.adapters.inbox.support import APPROVAL, Served, open_served

LARGEST = 300_000
"""Bytes of a page, whatever is proposed."""
LEFT_OUT = "This is not all of it."


@workflow
async def propose(run: Run[NotApproved], value: dict[str, Any]) -> Result[int, NotApproved]:
    """Ask about anything at all."""
    await run.approval("boss", proposes=value, schema=dict[str, Any], policy=Policy(approvers=["ann"]))
    return Ok(1)


@workflow
async def choose(run: Run[NotApproved], count: int) -> Result[int, NotApproved]:
    """Ask about many numbers."""
    numbers = list(range(count))
    given = await run.approval("boss", proposes=numbers, schema=list[int], policy=Policy(approvers=["ann"]))
    return Ok(sum(given))


@workflow
async def headed(run: Run[NotApproved], summary: str) -> Result[int, NotApproved]:
    """Ask in many words."""
    return Ok(await run.approval("boss", proposes=1, summary=summary, policy=Policy(approvers=["ann"])))


async def echo(n: int) -> Result[int, NotApproved]:
    """Give a number back."""
    return Ok(n)


@workflow
async def stepping(run: Run[NotApproved], count: int) -> Result[int, NotApproved]:
    """Ask after many steps."""
    for number in range(count):
        await run.step(echo, number)
    return Ok(await run.approval("boss", proposes=1, policy=Policy(approvers=["ann"])))


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """Serve an inbox without a network."""
    workflows: list[Workflow[..., Any, Any]] = [propose, choose, headed, stepping]
    async with Orchestrator(MemoryStore(), workflows=workflows) as orchestrator, open_served(orchestrator) as opened:
        yield opened


def nested(depth: int) -> Any:
    """Give a value so deep."""
    return {"in": nested(depth - 1)} if depth else "at the bottom"


MUCH: dict[str, dict[str, Any]] = {
    "numbers": {"numbers": list(range(20_000))},
    "rows": {"rows": [{f"column {n}": f"{m}/{n}" for n in range(100)} for m in range(200)]},
    "members": {f"member {n}": n for n in range(20_000)},
    "objects": {f"o{m}": {f"p{n}": {"q": n} for n in range(100)} for m in range(100)},
    "a text": {"text": "word " * 60_000},
    "a text of marks": {"text": '<&>"' * 50_000},
    "texts": {f"text {n}": "\u202e" * 2_000 for n in range(80)},
    "a name": {"n" * 300_000: 1},
    "numbers without end": {"number": 10**4_000, "others": [10**4_000] * 20},
}


@pytest.mark.parametrize("by_link", [False, True])
@pytest.mark.parametrize("name", MUCH)
async def test_a_page_has_an_end_and_a_way_to_the_rest(served: Served, name: str, by_link: bool) -> None:
    """It says at its head and beside the button that there is more, and leads to all of it."""
    value = MUCH[name]
    await served.orchestrator.start(propose(value), run_id="r1", requested_by="rita")
    path = await served.link() if by_link else APPROVAL
    page = await served.get(path, who="" if by_link else "ann")
    assert page.status_code == 200
    assert len(page.content) < LARGEST
    at = f"{path}/whole" if by_link else f"/api{path}"
    assert page.text.count(f'href="{at}"') >= 2
    assert LEFT_OUT in page.text
    assert "You have not been shown all of this" in page.text
    assert "Approve as shown" not in page.text
    whole = await served.get(at, who="" if by_link else "ann")
    assert whole.headers["content-type"] == "application/json"
    assert whole.json()["arguments"] == value


@pytest.mark.parametrize("name", MUCH)
async def test_no_line_says_that_it_shows_what_it_does_not(served: Served, name: str) -> None:
    """Where there is no room for the rest of a text, there is nothing to open that would be empty."""
    await served.orchestrator.start(propose(MUCH[name]), run_id="r1", requested_by="rita")
    page = (await served.get(APPROVAL)).text
    assert '<summary>Show all of it</summary><span class="text"></span>' not in page


@pytest.mark.parametrize("value", [{"a": 1}, {"text": "word " * 2_000}, {"rows": [{"a": n} for n in range(150)]}, {}])
async def test_what_is_shown_whole_is_not_said_to_be_cut(served: Served, value: dict[str, Any]) -> None:
    """A long text is behind a line that shows it."""
    await served.orchestrator.start(propose(value), run_id="r1", requested_by="rita")
    page = (await served.get(APPROVAL)).text
    assert LEFT_OUT not in page
    assert "Approve as shown" in page
    assert str(value.get("text", "")).strip() in page


async def test_a_summary_has_an_end(served: Served) -> None:
    """It says how much more there is."""
    await served.orchestrator.start(headed("s" * 400_000), run_id="r1", requested_by="rita")
    page = await served.get(APPROVAL)
    assert len(page.content) < LARGEST
    assert "s" * 1_200 + "… (398,800 more characters)" in page.text


async def test_a_long_run_shows_its_newest_steps(served: Served) -> None:
    """And how many there were before."""
    await served.orchestrator.start(stepping(150), run_id="r1", requested_by="rita")
    page = await served.get(APPROVAL, "rita")
    assert "51 earlier steps are not shown here" in page.text
    assert "echo#150" in page.text


async def test_a_long_member_pushes_no_other_one_out(served: Served) -> None:
    """Whatever stands before or after it, a short one is shown."""
    value = {"before": "so much: 11", "rows": [{"a": n} for n in range(15_000)], "after": "to whom: eve"}
    await served.orchestrator.start(propose(value), run_id="r1", requested_by="rita")
    page = (await served.get(APPROVAL)).text
    content = page[page.index('id="content"') : page.index('id="said"')]
    assert "so much: 11" in content
    assert "to whom: eve" in content
    assert "more are not shown here" in content


async def test_what_is_too_long_for_a_page_is_not_edited_on_it(served: Served) -> None:
    """There is no form, and one that is sent all the same changes nothing and is told why."""
    await served.orchestrator.start(choose(20_000), run_id="r1", requested_by="rita")
    page = await served.get(APPROVAL)
    assert "This is too long to be edited here." in page.text
    assert 'value="edit"' not in page.text
    sent = await served.post(APPROVAL, do="edit", v="[1]")
    assert (sent.status_code, (await served.approval()).revision) == (422, 1)
    assert "This is too long to be edited here." in sent.text


async def test_what_has_too_many_members_for_fields_is_edited_as_json(served: Served) -> None:
    """In one field, by the same two steps; the page keeps its bound."""
    await served.orchestrator.start(choose(1_000), run_id="r1", requested_by="rita")
    page = await served.get(APPROVAL)
    assert len(page.content) < LARGEST
    assert page.text.count('<textarea id="f-v"') == 1
    assert "f-v.0" not in page.text
    edited = json.dumps([7, *range(1, 1_000)])
    assert "Confirm your edit" in (await served.post(APPROVAL, do="edit", v=edited)).text
    await served.post(APPROVAL, do="confirm", value=edited)
    assert json.loads((await served.approval()).content) == json.loads(edited)


async def test_an_edit_is_shown_whole_or_not_taken(served: Served) -> None:
    """Nobody confirms what they have not seen."""
    await served.orchestrator.start(choose(1_000), run_id="r1", requested_by="rita")
    sent = await served.post(APPROVAL, do="edit", v=json.dumps([n + 1 for n in range(1_000)]))
    assert (sent.status_code, "Confirm your edit" in sent.text) == (422, False)
    assert len(sent.content) < LARGEST


async def test_of_long_talk_the_newest_is_shown(served: Served) -> None:
    """And how much there was before."""
    await served.orchestrator.start(choose(3), run_id="r1", requested_by="rita")
    for number in range(60):
        text = f"<{number}>" + "&" * 9_000
        (await served.orchestrator.comment("r1", "boss", text=text, by="ann")).unwrap()
    page = await served.get(APPROVAL)
    assert len(page.content) < LARGEST
    assert "earlier ones are not shown here" in page.text
    assert "&lt;59&gt;" in page.text
    assert "&lt;0&gt;" not in page.text


def test_what_is_too_deep_is_cut_with_a_mark() -> None:
    """Part of a line of JSON is not taken for all of it."""
    assert is_whole(drawn(nested(20)))
    assert not is_whole(drawn(nested(60)))


def test_the_name_of_a_type_that_has_no_fields_is_cut_with_a_mark() -> None:
    """As that of one which has some."""
    for fields in ({}, {"a": 1}):
        assert is_whole(drawn({"$type": "Refund", **fields}))
        assert not is_whole(drawn({"$type": "t" * 2_000, **fields}))


def test_changes_are_counted_that_find_no_room() -> None:
    """Those that do are whole."""
    every = differences({"a": list(range(500))}, {"a": list(range(1, 501))})
    some = changes(every, Room(10_000))
    assert 0 < len(some.shown) < 100
    assert len(some.shown) + some.left_out == len(every)
