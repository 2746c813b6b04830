"""What a server asks and tells on its own account, over stdin and stdout and over HTTP, on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client, MCPError
from mcp.client import ClientRequestContext, IncomingMessage
from mcp.client.subscriptions import PromptsListChanged, ResourcesListChanged, ResourceUpdated, ToolsListChanged
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPDeprecationWarning

from awaitly import Allow, Rules, ToolRule
from tests.adapters.mcp.fronts import fronted
from tests.adapters.mcp.support import said, ticket_of

pytestmark = pytest.mark.filterwarnings(f"ignore::{MCPDeprecationWarning.__module__}.MCPDeprecationWarning")

FRONTS = ("pipe", "http")
BACKS = ("inside", "older", "http")
OPEN = Rules([ToolRule(tools=("*",), ruling=Allow())])
GATED = Rules([])
PATIENCE = 60


def library() -> MCPServer:
    """Give a server that asks for everything, and tells everything."""
    server = MCPServer("library")

    @server.tool(structured_output=False)
    async def order(context: Context) -> str:
        """Ask how many."""
        answer = await context.session.elicit_form("How many?", {"type": "object", "properties": {}})
        return f"{answer.action} {answer.content}"

    @server.tool(structured_output=False)
    async def think(context: Context) -> str:
        """Ask the client's model."""
        asked = types.SamplingMessage(role="user", content=types.TextContent(text="why?"))
        session: Any = context.session
        answer: Any = await session.create_message([asked], max_tokens=5)
        return str(answer.content.text)

    @server.tool(structured_output=False)
    async def look(context: Context) -> str:
        """Ask for the roots."""
        session: Any = context.session
        return str((await session.list_roots()).roots[0].uri)

    @server.tool(structured_output=False)
    async def work(context: Context) -> str:
        """Tell of the work."""
        await context.report_progress(1, 2, "half of it")
        session: Any = context.session
        await session.send_log_message("warning", "dusty", "shelf", context.request_id)
        return "done"

    @server.tool(structured_output=False)
    async def change(context: Context) -> str:
        """Tell of news."""
        await context.session.send_tool_list_changed()
        await context.session.send_prompt_list_changed()
        await context.session.send_resource_list_changed()
        await context.session.send_resource_updated("book://one")
        await context.session.send_resource_updated("book://two")
        await context.notify_tools_changed()
        await context.notify_prompts_changed()
        await context.notify_resources_changed()
        await context.notify_resource_updated("book://one")
        await context.notify_resource_updated("book://two")
        return "changed"

    async def subscribed(_: Any, params: types.SubscribeRequestParams) -> types.EmptyResult:
        return types.EmptyResult()

    lowlevel = server._lowlevel_server  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    for method in ("subscribe", "unsubscribe"):
        lowlevel.add_request_handler(f"resources/{method}", types.SubscribeRequestParams, subscribed)
    return server


class Person:
    """A client's user, who answers as their name says, and what the client heard."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard: list[Any] = []
        self._more = asyncio.Event()
        self.options: dict[str, Any] = {
            "elicitation_callback": self.fill_in,
            "sampling_callback": self.think,
            "list_roots_callback": self.roots,
            "message_handler": self.hear,
        }

    async def fill_in(self, _: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:
        """Fill in a form."""
        return types.ElicitResult(action="accept", content={"who": self.name})

    async def think(
        self, _: ClientRequestContext, params: types.CreateMessageRequestParams
    ) -> types.CreateMessageResult:
        """Be the model."""
        return types.CreateMessageResult(role="assistant", content=types.TextContent(text=self.name), model="m")

    async def roots(self, _: ClientRequestContext) -> types.ListRootsResult:
        """Name a folder."""
        return types.ListRootsResult.model_validate({"roots": [{"uri": f"file:///{self.name}"}]})

    async def hear(self, message: IncomingMessage) -> None:
        """Keep what is told."""
        self.heard.append(message)
        self._more.set()

    async def has_heard(self, there: Callable[[list[Any]], bool]) -> None:
        """Wait until that was told which is looked for."""
        with anyio.fail_after(PATIENCE):
            while not there(self.heard):
                self._more.clear()
                await self._more.wait()

    def logs(self) -> list[Any]:
        """Give what was logged."""
        return [each.params.data for each in self.heard if isinstance(each, types.LoggingMessageNotification)]


def changes(heard: list[Any]) -> set[str]:
    """Name the news."""
    return {each.method for each in heard if "_changed" in each.method or each.method.endswith("updated")}


# Older clients


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
async def test_each_client_is_asked_what_the_server_asks_of_it(front: str, back: str) -> None:
    """Two at the same time are never mixed up, and a call that was approved may ask too."""
    async with fronted(library(), front, back, OPEN) as place:
        people = [Person("ann"), Person("ben")][: 2 if front == "http" else 1]
        clients = [await place.client("legacy", **each.options) for each in people]

        async def asked(person: Person, client: Client) -> list[str]:
            return [said(await client.call_tool(tool, {})) for tool in ("order", "think", "look")]

        answers = await asyncio.gather(*map(asked, people, clients))
        for person, told in zip(people, answers, strict=True):
            assert told == [f"accept {{'who': '{person.name}'}}", person.name, f"file:///{person.name}"]


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
async def test_an_approved_call_may_ask_and_tells_how_far_it_has_come(front: str, back: str) -> None:
    """The client that asks for its ticket is the one that is asked and told."""
    person = Person("ann")
    far: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert (total, message) == (2, "half of it")
        far.append(progress)

    async with fronted(library(), front, back, GATED) as place:
        client = await place.client("legacy", **person.options)
        for tool, gives in (("order", "accept {'who': 'ann'}"), ("work", "done")):
            ticket = ticket_of(await client.call_tool(tool, {}))
            (await place.gate.approve(ticket, by="eve")).unwrap()
            asking = {"id": ticket}
            assert said(await client.call_tool("awaitly_ticket", asking, progress_callback=hear)) == gives
        await person.has_heard(lambda heard: bool(person.logs()))
    assert (far, person.logs()) == ([1], ["dusty"])


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
async def test_an_older_client_is_told_of_news_and_logs(front: str, back: str) -> None:
    """And it was promised them."""
    person = Person("ann")
    async with fronted(library(), front, back, OPEN) as place:
        client = await place.client("legacy", **person.options)
        assert client.server_capabilities.resources is not None
        assert said(await client.call_tool("work", {})) == "done"
        assert said(await client.call_tool("change", {})) == "changed"
        await person.has_heard(lambda heard: len(changes(heard)) == 4 and bool(person.logs()))
    assert person.logs() == ["dusty"]


async def test_clients_that_share_a_connection_are_neither_asked_nor_told() -> None:
    """With `clients=0`, for a server of which there may be one process alone."""
    person = Person("ann")
    async with fronted(library(), "http", "older", OPEN, clients=0) as place:
        client = await place.client("legacy", **person.options)
        with pytest.raises(MCPError, match="Elicitation not supported"):
            await client.call_tool("order", {})
        assert client.server_capabilities.tools == types.ToolsCapability(list_changed=False)
        assert said(await client.call_tool("change", {})) == "changed"
        assert said(await client.call_tool("work", {})) == "done"
    assert changes(person.heard) == set()


async def test_so_many_clients_have_a_connection_and_no_more_until_one_has_gone() -> None:
    """Whoever comes too late is told so."""
    async with fronted(library(), "http", "older", OPEN, clients=1) as place:
        assert place.address is not None
        async with Client(place.address, mode="legacy") as first:
            assert said(await first.call_tool("work", {})) == "done"
            with pytest.RaisesGroup(
                pytest.RaisesExc(MCPError, match="1 clients are connected"), flatten_subgroups=True
            ):
                async with Client(place.address, mode="legacy"):
                    pass
        with anyio.fail_after(PATIENCE):
            while place.proxy.lanes.busy:  # noqa: ASYNC110  (nothing tells of it)
                await anyio.sleep(0.01)
        async with Client(place.address, mode="legacy") as second:
            assert said(await second.call_tool("work", {})) == "done"


async def test_an_older_client_reaches_a_server_that_speaks_the_newest_protocol_alone() -> None:
    """It gets answers, and is promised no news."""
    server = library()
    lowlevel = server._lowlevel_server  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    async def newest(ctx: Any, call_next: Any) -> Any:
        if ctx.method == "initialize":
            raise MCPError(types.METHOD_NOT_FOUND, "Method not found")
        return await call_next(ctx)

    lowlevel.middleware.append(newest)
    for front in FRONTS:
        async with fronted(server, front, "http", OPEN) as place:
            client = await place.client("legacy")
            assert said(await client.call_tool("work", {})) == "done"
            assert client.server_capabilities.tools == types.ToolsCapability(list_changed=False)


# Clients of the newest protocol


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
async def test_a_client_of_the_newest_protocol_listens(front: str, back: str) -> None:
    """It hears what it asked for, each piece under its own subscription, and nothing else."""
    async with fronted(library(), front, back, OPEN) as place:
        client = await place.client("auto")
        async with (
            client.listen(tools_list_changed=True, resource_subscriptions=["book://one"]) as some,
            client.listen(prompts_list_changed=True, resources_list_changed=True) as others,
        ):
            assert said(await client.call_tool("change", {})) == "changed"
            with anyio.fail_after(PATIENCE):
                heard = {await anext(some), await anext(some)}
                assert heard == {ToolsListChanged(), ResourceUpdated("book://one")}
                assert {await anext(others), await anext(others)} == {PromptsListChanged(), ResourcesListChanged()}


@pytest.mark.parametrize("front", FRONTS)
async def test_logs_and_progress_come_with_the_answer_to_whoever_asked_for_them(front: str) -> None:
    """Of two clients the one whose request they belong to, where it said that it wants them."""
    async with fronted(library(), front, "http", OPEN) as place:
        ann, ben = Person("ann"), Person("ben")
        client = await place.client("auto", **ann.options)
        if front == "http":
            other = await place.client("auto", **ben.options)
            assert said(await other.call_tool("work", {})) == "done"
        far: list[float] = []

        async def hear(progress: float, total: float | None, message: str | None) -> None:
            assert (total, message) == (2, "half of it")
            far.append(progress)

        wanted: Any = {types.LOG_LEVEL_META_KEY: "info"}
        told = await client.call_tool("work", {}, meta=wanted, progress_callback=hear)
        assert said(told) == "done"
        await ann.has_heard(lambda heard: bool(ann.logs()))
        assert (ann.logs(), far, ben.heard) == (["dusty"], [1], [])
        assert said(await client.call_tool("work", {})) == "done"
    assert len(ann.logs()) == 1


async def test_whoever_listens_to_a_server_that_dies_is_told_to_listen_again() -> None:
    """As soon as the proxy notices."""
    async with fronted(library(), "http", "older", OPEN) as place:
        client = await place.client("auto")
        async with client.listen(tools_list_changed=True) as subscription:
            place.proxy.shared.relay.news.end()
            with anyio.fail_after(PATIENCE), pytest.raises(Exception, match="re-listen"):
                await anext(subscription)


async def test_resources_are_subscribed_to_once_for_all_who_listen() -> None:
    """At a server of an older protocol, and given up with the last of them."""
    server, asked = library(), list[str]()
    lowlevel = server._lowlevel_server  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    async def noting(ctx: Any, call_next: Any) -> Any:
        if ctx.method.endswith("subscribe"):
            asked.append(f"{ctx.method} {ctx.params['uri']}")
        return await call_next(ctx)

    lowlevel.middleware.append(noting)
    async with fronted(server, "http", "older", OPEN) as place:
        client = await place.client("auto")
        async with client.listen(resource_subscriptions=["book://one"]):
            async with client.listen(resource_subscriptions=["book://one", "book://two"]) as both:
                assert set(both.honored.resource_subscriptions or ()) == {"book://one", "book://two"}
            with anyio.fail_after(PATIENCE):
                while "resources/unsubscribe book://two" not in asked:  # noqa: ASYNC110  (nothing tells of it)
                    await anyio.sleep(0.01)
        with anyio.fail_after(PATIENCE):
            while len(asked) < 4:  # noqa: ASYNC110  (as above)
                await anyio.sleep(0.01)
    expected = [f"resources/{verb} book://{book}" for verb in ("subscribe", "unsubscribe") for book in ("one", "two")]
    assert sorted(asked) == sorted(expected)
