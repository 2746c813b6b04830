"""A call in whose midst the proxy, the client or the server dies: never made a second time, and never forgotten."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError

from awaitly import Actor, Gate, NeverHappened, open_store
from tests.adapters.mcp.processes import Killable, killable
from tests.adapters.mcp.support import said, ticket_of

PAY = ("pay", {"to": "bob", "amount": 5})
_PATIENCE = 60.0


def bank(folder: Path, mode: str = "auto") -> Any:
    """Start the proxy before the bank."""
    return killable(folder, sys.executable, "-m", "tests.adapters.mcp.gated_bank", str(folder), mode=mode)


@asynccontextmanager
async def deciding(folder: Path) -> AsyncGenerator[Gate]:
    """Open the gate as people's side does."""
    async with Gate(open_store(f"sqlite:///{folder}/gate.db")) as gate:
        yield gate


async def approved(folder: Path, client: Client, call: tuple[str, dict[str, Any]] = PAY) -> str:
    """Make a call, approve it, and give its ticket."""
    ticket = ticket_of(await client.call_tool(*call))
    async with deciding(folder) as gate:
        (await gate.approve(ticket, by="ann")).unwrap()
    return ticket


def paid(folder: Path) -> list[str]:
    """Give what was paid."""
    log = folder / "paid"
    return log.read_text("utf-8").splitlines() if log.exists() else []


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    with anyio.fail_after(_PATIENCE):
        while not true():  # noqa: ASYNC110  (another process makes it so)
            await anyio.sleep(0.01)


async def told_at_last(proxy: Killable, ticket: str, word: str) -> str:
    """Ask for a ticket until its answer has a word in it: nothing tells when the hold of a dead process is over."""
    deadline = time.monotonic() + _PATIENCE
    while word not in (told := said(await proxy.client.call_tool("awaitly_ticket", {"id": ticket}))):
        assert time.monotonic() < deadline, told
        await anyio.sleep(0.05)
    return told


async def test_a_proxy_killed_in_the_midst_of_a_call_leaves_a_doubt_that_a_person_settles(tmp_path: Path) -> None:
    """The next proxy says that nobody knows, makes no second call until somebody has found out that there was none."""
    async with bank(tmp_path) as proxy:
        ticket = await approved(tmp_path, proxy.client)
        asking = asyncio.create_task(proxy.client.call_tool("awaitly_ticket", {"id": ticket}))
        await until(lambda: bool(paid(tmp_path)))
        proxy.kill()
        with pytest.raises(MCPError):
            await asking
    async with bank(tmp_path) as proxy:
        told = await told_at_last(proxy, ticket, "nobody knows")
        assert f"whether pay (ticket {ticket}) was executed" in told
        assert "nobody knows" in said(await proxy.client.call_tool(*PAY))
        assert paid(tmp_path) == ["bob 5"]
        (tmp_path / "go").touch()
        async with deciding(tmp_path) as gate:
            root = Actor("root", roles=["admin"])
            (await gate.orchestrator.settle(ticket, NeverHappened(), by=root)).unwrap()
        assert said(await proxy.client.call_tool("awaitly_ticket", {"id": ticket})) == "paid 5 to bob"
    assert paid(tmp_path) == ["bob 5", "bob 5"]


async def test_a_server_that_dies_of_a_call_leaves_a_doubt_and_is_started_anew_for_the_next(tmp_path: Path) -> None:
    """The client is told at once; another call is served."""
    (tmp_path / "go").touch()
    async with bank(tmp_path) as proxy:
        ticket = await approved(tmp_path, proxy.client, ("pay", {"to": "mallory", "amount": 1}))
        told = said(await proxy.client.call_tool("awaitly_ticket", {"id": ticket}))
        assert "nobody knows" in told
        other = await approved(tmp_path, proxy.client)
        assert said(await proxy.client.call_tool("awaitly_ticket", {"id": other})) == "paid 5 to bob"
        assert "nobody knows" in await told_at_last(proxy, ticket, "nobody knows")
    assert paid(tmp_path) == ["mallory 1", "bob 5"]


async def test_a_client_that_gives_up_on_a_call_does_not_cut_it_off(tmp_path: Path) -> None:
    """What was begun comes to its end, and whoever asks for the ticket gets the result."""
    async with bank(tmp_path) as proxy:
        ticket = await approved(tmp_path, proxy.client)
        asking = asyncio.create_task(proxy.client.call_tool("awaitly_ticket", {"id": ticket}))
        await until(lambda: bool(paid(tmp_path)))
        asking.cancel()
        await asyncio.wait({asking})
        (tmp_path / "go").touch()
        assert await told_at_last(proxy, ticket, "paid") == "paid 5 to bob"
    assert paid(tmp_path) == ["bob 5"]


async def test_a_server_that_cannot_be_started_costs_no_approval(tmp_path: Path) -> None:
    """The client is told why, and the approved call is still to be made."""
    async with bank(tmp_path) as proxy:
        ticket = await approved(tmp_path, proxy.client)
    broken = (
        "-c",
        f"""
import asyncio
from awaitly import Gate, open_store
from awaitly_mcp import GateProxy, Program, serve_stdio
async def main():
    async with Gate(open_store("sqlite:///{tmp_path}/gate.db")) as gate:
        await serve_stdio(GateProxy(gate, Program(("/nowhere/at/all",)), agent="bank"))
asyncio.run(main())
""",
    )
    with pytest.RaisesGroup(pytest.RaisesExc(MCPError, match="cannot be reached"), flatten_subgroups=True):
        async with killable(tmp_path, sys.executable, *broken, mode="legacy"):
            pass
    (tmp_path / "go").touch()
    async with bank(tmp_path) as proxy:
        assert said(await proxy.client.call_tool("awaitly_ticket", {"id": ticket})) == "paid 5 to bob"
