"""What a gated tool gave is kept as JSON, and is given again where the call comes again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.types import Command, Send

from awaitly import Gate, MemoryStore
from awaitly_langchain.results import given, kept
from tests.adapters.langchain.agents import CONFIG
from tests.adapters.langchain.worlds import KINDS, World, told, wanting

CALL: dict[str, Any] = {"name": "note", "args": {"text": "hello"}}


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    """Give an open gate."""
    async with Gate(MemoryStore()) as opened:
        yield opened


@pytest.fixture(params=["middleware", "graph"])
def world(gate: Gate, request: pytest.FixtureRequest) -> World:
    """Give a world, once with the middleware and once with the node."""
    return World(gate, KINDS[request.param])


async def again(world: World) -> Any:
    """Let the thread go on from before the call once more."""
    states = [state async for state in world.agent.aget_state_history(CONFIG)]
    before = next(state for state in states if state.next == ("tools",))
    return await world.agent.ainvoke(None, before.config)


async def test_a_command_updates_the_graph_again_and_the_tool_runs_once(world: World) -> None:
    """Its messages are the same, the model hears of an edit each time."""

    @tool
    async def note(text: str, tool_call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Note."""
        world.done.append(text)
        said = ToolMessage(f"noted {text}", tool_call_id=tool_call_id)
        return Command(update={"messages": [said, HumanMessage("by the way")]})

    await world.begin(wanting(CALL), [note])
    (pending,) = (await world.gate.pending()).items
    (await world.gate.edit(pending.id, {"text": "bye"}, by="ann")).unwrap()
    first = await world.goes_on()
    assert first == ["note was executed with text=bye, edited by a human; do not re-issue.\n\nnoted bye"]
    result = await again(world)
    assert told(result) == first
    assert "by the way" in [each.content for each in result["messages"]]
    assert world.done == ["bye"]


async def test_an_edit_is_told_ahead_of_blocks_too(world: World) -> None:
    """Content may be a list."""

    @tool
    async def note(text: str) -> list[dict[str, str]]:
        """Note."""
        return [{"type": "text", "text": text}]

    await world.begin(wanting(CALL), [note])
    (pending,) = (await world.gate.pending()).items
    (await world.gate.edit(pending.id, {"text": "bye"}, by="ann")).unwrap()
    await world.goes_on()
    messages = (await world.agent.aget_state(CONFIG)).values["messages"]
    (content,) = [each.content for each in messages if isinstance(each, ToolMessage)]
    assert content == [
        {"type": "text", "text": "note was executed with text=bye, edited by a human; do not re-issue."},
        {"type": "text", "text": "bye"},
    ]


async def test_what_cannot_be_kept_counts_this_time_and_is_not_made_again(world: World) -> None:
    """The model hears what it gave; where the call comes again it hears that it was executed."""

    @tool
    async def note(text: str) -> str:
        """Note."""
        world.done.append(text)
        return "x" * 600_000

    await world.begin(wanting(CALL), [note])
    (pending,) = (await world.gate.pending()).items
    (await world.gate.approve(pending.id, by="ann")).unwrap()
    assert await world.goes_on() == ["x" * 600_000]
    (said,) = told(await again(world))
    assert said.startswith("note was executed before, but what it gave could not be kept (")
    assert said.endswith("; do not re-issue")
    assert world.done == ["hello"]


MESSAGE = ToolMessage("done", tool_call_id="1", name="note", artifact={"rows": [1, 2]}, status="error")


@pytest.mark.parametrize(
    "response",
    [
        MESSAGE,
        Command(update={"messages": [MESSAGE], "total": 3}, goto=["a", "b"], graph=Command.PARENT),
        Command(goto=["a"]),
        [Command(update={"total": 3}), MESSAGE],
    ],
)
def test_what_is_kept_comes_back_whole(response: Any) -> None:
    """Messages, with their artifacts, and commands."""
    assert given(kept(response), "note", "1") == response


def test_an_artifact_that_is_no_json_is_left_out() -> None:
    """The model never sees it; everything else comes back."""
    message = MESSAGE.model_copy(update={"artifact": object()})
    assert given(kept(message), "note", "1") == MESSAGE.model_copy(update={"artifact": None})


UNKEPT: list[tuple[Any, str]] = [
    (Command(update={"messages": [MESSAGE], "what": object()}), "$.command.update.what.value"),
    (Command(goto=[Send("a", {})]), "a command that sends to nodes"),
    (Command(resume="x"), "it is a Command"),
    (Command(update=[("total", 3)]), "an update that is no dict"),
    (3, "it is a int"),
]


@pytest.mark.parametrize(("response", "why"), UNKEPT)
def test_what_cannot_come_back_whole_is_not_kept_in_part(response: Any, why: str) -> None:
    """The model is told of it instead."""
    message = given(kept(response), "note", "1")
    assert isinstance(message, ToolMessage)
    assert why in str(message.content)
