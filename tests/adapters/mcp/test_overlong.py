"""Lines that are longer than a message may be: nothing in them is done, and as little as need be is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import MCPError

from awaitly import Gate, MemoryStore
from awaitly_mcp import Answering, GateProxy, Program
from awaitly_mcp.lines import LinesIn, LinesOut
from awaitly_mcp.overlong import TOO_LONG
from tests.adapters.mcp.support import allowing, client_of, said, ticket_of
from tests.adapters.mcp.test_stdio import ENVIRONMENT, OPENING, PATIENCE, TELLING, call, texts

MODES = ("legacy", "auto")
BIG = "x" * 5_000


def lines_in(pieces: Iterable[bytes], written: list[bytes], longest: int = 1_000) -> LinesIn:
    """Read what comes in pieces."""
    coming = iter(pieces)

    async def more() -> bytes:
        return next(coming, b"")

    async def write(message: bytes) -> None:
        written.append(message)

    return LinesIn(more, anyio.lowlevel.checkpoint, LinesOut(write, anyio.lowlevel.checkpoint), longest)


def cut(line: bytes, size: int) -> list[bytes]:
    """Cut a line into pieces."""
    return [line[at : at + size] for at in range(0, len(line), size)]


PING = b'{"jsonrpc":"2.0","id":9,"method":"ping"}\n'
REQUESTS = {
    "id first": f'{{"jsonrpc":"2.0", "id": 7,"method":"tools/call","params":{{"id":1,"a":"{BIG}"}}}}',
    "id last": f'{{"method":"tools/call","params":{{"id":1,"a":"{BIG}"}},"jsonrpc":"2.0","id":7}}',
    "id before the version": f'{{"method":"tools/call","params":["{BIG}"],"id":7 , "jsonrpc":"2.0"}} ',
    "deep": f'{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"[" * 2_000}{"]" * 2_000}}}',
}


@pytest.mark.parametrize("line", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("size", [1, 700, 100_000])
async def test_a_request_that_is_too_long_is_answered_with_an_error(line: str, size: int) -> None:
    """The next message is read, and the long one is not."""
    written: list[bytes] = []
    coming = lines_in(cut(f"{line}\n".encode() + PING, size), written)
    message: Any = await coming.receive()
    assert message.message == types.JSONRPCRequest(jsonrpc="2.0", id=9, method="ping")
    (answer,) = map(json.loads, written)
    assert (answer["id"], answer["error"]["code"]) == (7, TOO_LONG)
    assert "the request is longer than the 1,000 bytes" in answer["error"]["message"]


@pytest.mark.parametrize("member", ["result", "error"])
async def test_an_answer_that_is_too_long_is_an_error_for_whoever_waits(member: str) -> None:
    """Wherever its id stands; nothing is written to whoever sent it."""
    for line in (
        f'{{"jsonrpc":"2.0","id":"a","{member}":{{"id":1,"a":"{BIG}"}}}}',
        f'{{"{member}":{{"a":"{BIG}"}},"jsonrpc":"2.0","id":"a"}}',
    ):
        written: list[bytes] = []
        message: Any = await lines_in([f"{line}\n".encode()], written).receive()
        assert (message.message.id, message.message.error.code) == ("a", TOO_LONG)
        assert written == []


@pytest.mark.parametrize(
    "line",
    [
        f'{{"jsonrpc":"2.0","method":"notifications/message","params":"{BIG}"}}',
        f'{{"jsonrpc":"2.0","method":"a","params":{{"a":"{BIG}","id":7}},"more":1}}',
        f'{{"id":1,"id":2,"method":"{BIG}"}}',
        f'{{"id":true,"method":"{BIG}"}}',
        f'{{"id":{"1" * 5_000}}}',
        f'[{{"jsonrpc":"2.0","id":7,"method":"a","params":"{BIG}"}}]',
        BIG,
        f'"{BIG}',
    ],
)
async def test_a_line_without_an_id_ends_the_connection(line: str, caplog: pytest.LogCaptureFixture) -> None:
    """With an error that is about no message, and a line in the log; what comes after it is not read."""
    written: list[bytes] = []
    coming = lines_in([f"{line}\n".encode() + PING], written)
    with pytest.raises(anyio.EndOfStream):
        await coming.receive()
    (answer,) = map(json.loads, written)
    assert answer["id"] is None
    assert "a connection is ended: a line is longer than 1000 bytes" in caplog.text


async def test_a_line_that_does_not_end_ends_the_connection_and_takes_no_memory() -> None:
    """It is read for a while, and forgotten."""
    longest, read = 100_000, 0

    def endless() -> Iterable[bytes]:
        nonlocal read
        yield b'{"jsonrpc":"2.0","id":1,"method":"a","params":"'
        while True:
            read += 1_000
            yield b"x" * 1_000

    written: list[bytes] = []
    tracemalloc.start()
    try:
        with pytest.raises(anyio.EndOfStream):
            await lines_in(endless(), written, longest).receive()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read <= 10 * longest
    assert most < 4 * longest
    assert len(written) == 1


async def test_a_line_as_long_as_may_be_is_read() -> None:
    """One byte more is too much."""
    line = PING[:-2] + b',"params":{}}'
    written: list[bytes] = []
    message: Any = await lines_in([line + b"\n"], written, len(line)).receive()
    assert message.message.id == 9
    coming = lines_in([line + b"\n" + PING], written, len(line) - 1)
    message = await coming.receive()
    assert (message.message.params, len(written)) == (None, 1)


def test_a_client_is_told_that_its_call_is_too_long_and_goes_on() -> None:
    """Over the process's own stdin and stdout."""
    command = (*TELLING, "2000")
    sent = OPENING + call(1, "echo", text=BIG) + call(2, "echo", text="short")
    done = subprocess.run(command, input=sent, env=ENVIRONMENT, capture_output=True, timeout=PATIENCE, check=True)
    *answers, _ = done.stdout.splitlines()
    error = next(json.loads(each) for each in answers if b'"error"' in each)
    assert (error["id"], error["error"]["code"]) == (1, TOO_LONG)
    assert texts(b"\n".join(each for each in answers if b'"error"' not in each)) == {2: "short"}


_TALKATIVE = """
import sys
from mcp.server import MCPServer
server = MCPServer("talkative")
@server.tool(structured_output=False)
async def tell(length: int) -> str:
    with open(sys.argv[1], "a") as log:
        log.write("told\\n")
    return "x" * length
server.run("stdio")
"""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("allowed", [True, False])
async def test_a_server_whose_answer_is_too_long_has_made_the_call(
    mode: str, *, allowed: bool, tmp_path: os.PathLike[str]
) -> None:
    """The client is told so, the connection goes on, and an approved call is not made a second time."""
    log = f"{tmp_path}/log"
    program = Program((sys.executable, "-c", _TALKATIVE, log), env=ENVIRONMENT, longest_line=5_000)
    async with Gate(MemoryStore(), rules=[allowing("tell")] if allowed else []) as gate:
        proxy = GateProxy(gate, program, answering=Answering(wait=None))
        async with client_of(proxy, mode) as client:
            if allowed:
                with pytest.raises(MCPError, match="the answer is longer than the 5,000 bytes"):
                    await client.call_tool("tell", {"length": 10_000})
                assert said(await client.call_tool("tell", {"length": 3})) == "xxx"
                return
            ticket = ticket_of(await client.call_tool("tell", {"length": 10_000}))
            (await gate.approve(ticket, by="ann")).unwrap()
            for _ in "ab":
                told = said(await client.call_tool("awaitly_ticket", {"id": ticket}))
                assert "the call was made, and its result cannot be had: the answer is longer" in told
    with open(log, encoding="utf-8") as lines:  # noqa: PTH123, ASYNC230
        assert lines.read() == "told\n"
