"""The proxy before a server of somebody else's, by the command line, as processes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from mcp import MCPError

from tests.adapters.mcp.processes import Life, killable
from tests.adapters.mcp.support import said, ticket_of

CONTENT = "héllo\r\n\u2028tab\there, \U0001f600 and no newline at the end"
MODES = ("legacy", "auto")


@pytest.fixture
def life(tmp_path: Path, filesystem: tuple[str, ...]) -> Life:
    """Give a folder with a file in it."""
    life = Life(tmp_path, lambda files: (*filesystem, str(files)))
    life.files.mkdir()
    (life.files / "old.txt").write_text("old", "utf-8")
    return life


def digest_of(path: Path) -> str:
    """Give what tells any two contents of a file apart."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("mode", MODES)
async def test_reads_pass_and_a_write_waits_and_is_made_once_with_the_approved_bytes(life: Life, mode: str) -> None:
    """Nothing is written before the approval, then exactly what was shown; asking again writes nothing."""
    path = life.files / "new.txt"
    async with life.proxy(mode=mode) as proxy:
        assert said(await proxy.client.call_tool("read_text_file", {"path": str(life.files / "old.txt")})) == "old"
        waits = await proxy.client.call_tool("write_file", {"path": str(path), "content": CONTENT})
        ticket = ticket_of(waits)
        assert waits.is_error
        assert ticket in said(waits)
        assert not path.exists()
        async with life.deciding() as gate:
            (pending,) = (await gate.pending()).items
            assert (pending.id, pending.arguments) == (ticket, {"path": str(path), "content": CONTENT})
            (await gate.approve(ticket, by="ann")).unwrap()
        made = await proxy.client.call_tool("awaitly_ticket", {"id": ticket})
        assert not made.is_error
        assert digest_of(path) == hashlib.sha256(CONTENT.encode()).hexdigest()
        path.write_text("changed since", "utf-8")
        again = await proxy.client.call_tool("awaitly_ticket", {"id": ticket})
        assert said(again) == said(made)
        assert path.read_text("utf-8") == "changed since"


async def test_the_tools_are_those_of_the_server(life: Life, filesystem: tuple[str, ...]) -> None:
    """What the server lists by itself, with its hints, and the proxy's own at the end."""
    async with killable(life.folder, *filesystem, str(life.files)) as direct:
        own = (await direct.client.list_tools()).tools
    async with life.proxy(mode="legacy") as proxy:
        assert (await proxy.client.list_tools()).tools[:-1] == own


async def test_a_hint_that_a_tool_only_reads_opens_nothing(life: Life) -> None:
    """The server says so of a tool that no rule allows: it waits all the same."""
    async with life.proxy() as proxy:
        tools = {tool.name: tool for tool in (await proxy.client.list_tools()).tools}
        hints = tools["get_file_info"].annotations
        assert hints is not None
        assert hints.read_only_hint is True
        assert ticket_of(await proxy.client.call_tool("get_file_info", {"path": str(life.files / "old.txt")}))


async def test_what_was_denied_or_rejected_is_told_and_not_made(life: Life) -> None:
    """By a rule at once, by a person with the reason."""
    path = life.files / "old.txt"
    async with life.proxy("--deny", "move_*") as proxy:
        moved = await proxy.client.call_tool("move_file", {"source": str(path), "destination": f"{path}.moved"})
        assert "a rule forbids it" in said(moved)
        waits = await proxy.client.call_tool("write_file", {"path": str(path), "content": "new"})
        async with life.deciding() as gate:
            (await gate.reject(ticket_of(waits), "keep the old one", by="ann")).unwrap()
        told = await proxy.client.call_tool("awaitly_ticket", {"id": ticket_of(waits)})
        assert told.is_error
        assert "keep the old one" in said(told)
    assert path.read_text("utf-8") == "old"


async def test_an_edit_is_what_is_written_and_the_model_is_told(life: Life) -> None:
    """In so many words, before what the server says."""
    path = life.files / "new.txt"
    async with life.proxy() as proxy:
        waits = await proxy.client.call_tool("write_file", {"path": str(path), "content": "mine"})
        async with life.deciding() as gate:
            (await gate.edit(ticket_of(waits), {"path": str(path), "content": "yours"}, by="ann")).unwrap()
        told = said(await proxy.client.call_tool("awaitly_ticket", {"id": ticket_of(waits)}))
    assert "content=yours, edited by a human; do not re-issue" in told
    assert "Successfully wrote" in told
    assert path.read_text("utf-8") == "yours"


async def test_a_proxy_that_is_killed_between_approval_and_call_forgets_nothing(life: Life) -> None:
    """The next one makes the call, once, by whichever way the client comes back."""
    path = life.files / "new.txt"
    write = ("write_file", {"path": str(path), "content": CONTENT})
    async with life.proxy() as proxy:
        ticket = ticket_of(await proxy.client.call_tool(*write))
        proxy.kill()
        with pytest.raises(MCPError):
            await proxy.client.call_tool(*write)
    async with life.deciding() as gate:
        (await gate.approve(ticket, by="ann")).unwrap()
    assert not path.exists()
    async with life.proxy() as proxy:
        made = await proxy.client.call_tool(*write)
        assert digest_of(path) == hashlib.sha256(CONTENT.encode()).hexdigest()
        path.unlink()
        assert said(await proxy.client.call_tool("awaitly_ticket", {"id": ticket})) == said(made)
        assert not path.exists()
        anew = await proxy.client.call_tool(*write)
        assert ticket_of(anew) != ticket  # the same call once more is a new one, and people are asked anew
    assert not path.exists()
