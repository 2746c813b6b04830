"""What is no call of a tool passes through, in both directions and between protocols of any age."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client, MCPError
from mcp.client import ClientRequestContext, IncomingMessage
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

from awaitly import Gate, MemoryStore
from awaitly_mcp import Answering, GateProxy
from tests.adapters.mcp.support import Inside, allowing, client_of, said, ticket_of

MODES = ("legacy", "auto")


def library() -> MCPServer:
    """Give a server with something of everything."""
    server = MCPServer("library", version="7", instructions="Return what you borrow.")

    @server.tool(structured_output=False)
    async def count(context: Context) -> str:
        """Count, and say how far that has come."""
        await context.report_progress(1, 2, "half of it")
        return "12 books"

    @server.tool(structured_output=False)
    async def burn(title: str) -> str:
        """Burn a book."""
        raise AssertionError(title)

    @server.resource("book://one")
    def one() -> str:
        """Give a book."""
        return "Once upon a time"

    @server.prompt()
    def summarise(title: str) -> str:
        """Give a prompt."""
        return f"Summarise {title}"

    return server


@pytest.fixture
async def proxy() -> AsyncGenerator[GateProxy]:
    """Give a proxy before the library."""
    async with Gate(MemoryStore(), rules=[allowing("count")]) as gate:
        yield GateProxy(gate, Inside(library()), answering=Answering(wait=None))


@pytest.mark.parametrize("mode", MODES)
async def test_the_client_sees_the_server_itself(proxy: GateProxy, mode: str) -> None:
    """Its name, version, instructions, resources and prompts."""
    async with client_of(proxy, mode) as client:
        assert client.server_info is not None
        assert (client.server_info.name, client.server_info.version) == ("library", "7")
        assert client.instructions == "Return what you borrow."
        (resource,) = (await client.list_resources()).resources
        (content,) = (await client.read_resource(str(resource.uri))).contents
        assert isinstance(content, types.TextResourceContents)
        assert content.text == "Once upon a time"
        prompt = await client.get_prompt("summarise", {"title": "Emma"})
        assert prompt.messages[0].content == types.TextContent(text="Summarise Emma")


@pytest.mark.parametrize("mode", MODES)
async def test_the_tools_are_as_the_server_lists_them_and_one_more(proxy: GateProxy, mode: str) -> None:
    """Names, descriptions and schemas are untouched; the last is the proxy's own."""
    async with Client(library(), mode=mode) as direct:
        own = (await direct.list_tools()).tools
    async with client_of(proxy, mode) as client:
        *passed, ticket = (await client.list_tools()).tools
    assert passed == own
    assert ticket.name == "awaitly_ticket"


@pytest.mark.parametrize("mode", MODES)
async def test_progress_of_a_call_that_needs_nobody_is_passed_on(proxy: GateProxy, mode: str) -> None:
    """With the numbers and the words of the server."""
    told: list[tuple[float, float | None, str | None]] = []
    heard = anyio.Event()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))
        heard.set()

    async with client_of(proxy, mode) as client:
        assert said(await client.call_tool("count", {}, progress_callback=hear)) == "12 books"
        with anyio.fail_after(30):
            await heard.wait()
    assert told == [(1, 2, "half of it")]


@pytest.mark.parametrize("mode", MODES)
async def test_the_server_s_own_refusals_are_passed_on(proxy: GateProxy, mode: str) -> None:
    """As they came."""
    async with client_of(proxy, mode) as client:
        with pytest.raises(MCPError) as unknown:
            await client.read_resource("book://none")
    async with Client(library(), mode=mode) as direct:
        with pytest.raises(MCPError) as known:
            await direct.read_resource("book://none")
    assert unknown.value.error == known.value.error


async def test_what_the_server_asks_of_the_client_is_passed_on() -> None:
    """A form that it wants filled in, in the midst of a call that needs nobody."""
    server = MCPServer("asking")

    @server.tool(structured_output=False)
    async def order(context: Context) -> str:
        """Ask how many."""
        answer = await context.session.elicit_form("How many?", {"type": "object", "properties": {}})
        return f"{answer.action} {answer.content}"

    async def fill_in(_: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:
        assert params.message == "How many?"
        return types.ElicitResult(action="accept", content={"number": 3})

    async with Gate(MemoryStore(), rules=[allowing("order")]) as gate:
        proxy = GateProxy(gate, Inside(server))
        async with client_of(proxy, "legacy", elicitation_callback=fill_in) as client:
            assert said(await client.call_tool("order", {})) == "accept {'number': 3}"


async def test_news_of_the_server_is_passed_on_and_its_tools_are_asked_for_anew() -> None:
    """A tool that takes something else now is gated by its new schema, and the client hears of it."""
    server = MCPServer("growing")

    @server.tool(structured_output=False)
    async def grow(context: Context) -> str:
        """Let another tool take something else."""
        server.remove_tool("double")
        server.add_tool(newer, name="double", structured_output=False)
        await context.session.send_tool_list_changed()
        return "grown"

    @server.tool(structured_output=False)
    async def double(text: str) -> str:
        """Take a text."""
        raise AssertionError(text)

    async def newer(number: int) -> str:
        """Take a number."""
        raise AssertionError(number)

    news: list[Any] = []
    heard = anyio.Event()

    async def hear(message: IncomingMessage) -> None:
        news.append(message)
        heard.set()

    async with Gate(MemoryStore(), rules=[allowing("grow")]) as gate:
        proxy = GateProxy(gate, Inside(server), answering=Answering(wait=None))
        async with client_of(proxy, "legacy", message_handler=hear) as client:
            assert ticket_of(await client.call_tool("double", {"text": "a"}))
            assert said(await client.call_tool("grow", {})) == "grown"
            with anyio.fail_after(30):
                await heard.wait()
            assert "at $.number" in said(await client.call_tool("double", {"number": "many"}))
            assert ticket_of(await client.call_tool("double", {"number": 2}))
    assert isinstance(news[0], types.ToolListChangedNotification)
