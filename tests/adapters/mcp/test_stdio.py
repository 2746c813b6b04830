"""Stdin and stdout of the proxy, and of the server that it starts: pipes, sockets, files, and odd lines."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

from awaitly import Gate, MemoryStore
from awaitly_mcp import GateProxy, Program
from tests.adapters.mcp.support import allowing, client_of, said

TELLING = (sys.executable, "-m", "tests.adapters.mcp.telling")
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
INTRODUCTION = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
PATIENCE = 60


def line(method: str, number: int | None = None, **params: Any) -> bytes:
    """Write a message; one without a number is a notification."""
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(message if number is None else {**message, "id": number}).encode() + b"\n"


OPENING = line("initialize", 0, **INTRODUCTION) + line("notifications/initialized")


def call(number: int, tool: str, **arguments: Any) -> bytes:
    """Write a call."""
    return line("tools/call", number, name=tool, arguments=arguments)


def texts(lines: bytes) -> dict[int, str]:
    """Give the texts of all answered calls."""
    answers = [json.loads(each) for each in lines.splitlines() if each.startswith(b"{")]
    return {each["id"]: each["result"]["content"][0]["text"] for each in answers if each["id"]}


@contextmanager
def telling(
    stdin: int | IO[bytes], stdout: int | IO[bytes], stderr: int | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """Start the server."""
    with subprocess.Popen(TELLING, env=ENVIRONMENT, stdin=stdin, stdout=stdout, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[bytes], *, until: int) -> bytes:
    """Read what a server writes, up to the answer with a number."""
    out, read = _pipe(process.stdout), b""
    while f'"id":{until},'.encode() not in read:
        more = out.readline()
        assert more, read
        read += more
    return read


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_no_thread_stands_between_the_client_and_a_server(mode: str) -> None:
    """The event loop watches stdin and stdout by itself: handing messages over to threads would cost the most."""
    program = StdioServerParameters(command=TELLING[0], args=list(TELLING[1:]), env=ENVIRONMENT)
    async with Client(program, mode=mode) as client:
        for _ in range(3):
            assert said(await client.call_tool("threads", {})) == "MainThread"


def test_messages_may_come_in_pieces_several_at_once_and_long() -> None:
    """What is in them is given back as it came; a line that is no message is passed over."""
    long = "ä" * 700_000
    sent = OPENING + b"nonsense\n\xff\n\n" + call(1, "echo", text="one") + call(2, "echo", text=long)
    sent += call(3, "echo", text="a\u2028b\x85c\n")
    with telling(stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for begin, end in ((0, 1), (1, 90), (90, 500), (500, 100_001), (100_001, len(sent))):
            _pipe(process.stdin).write(sent[begin:end])
            _pipe(process.stdin).flush()
        read = b""
        for number in (1, 2, 3):
            if f'"id":{number},'.encode() not in read:
                read += told(process, until=number)
    assert texts(read) == {1: "one", 2: long, 3: "a\u2028b\x85c\n"}


def test_what_a_tool_prints_and_reads_misses_the_client_and_stdout_is_given_back() -> None:
    """It prints to the stream for errors; once all is served, the process has its stdin and stdout as they were."""
    pipe = subprocess.PIPE
    with telling(stdin=pipe, stdout=pipe, stderr=pipe) as process:
        _pipe(process.stdin).write(OPENING + call(1, "chatter"))
        _pipe(process.stdin).flush()
        read = told(process, until=1)
        out, errors = process.communicate(timeout=PATIENCE)
    assert texts(read) == {1: "''"}
    assert b"chatter\nmore of it\n" in errors
    assert out == b"goodbye True True\n"


def test_a_client_that_shuts_down_its_half_of_a_socket_is_answered() -> None:
    """It has not gone: it only never writes where it reads. Programs on Node speak over sockets."""
    client_in, server_in = socket.socketpair()
    client_out, server_out = socket.socketpair()
    with client_in, client_out, telling(stdin=server_in.fileno(), stdout=server_out.fileno()):
        server_in.close()
        server_out.close()
        client_out.settimeout(PATIENCE)
        client_out.shutdown(socket.SHUT_WR)
        client_in.sendall(OPENING + call(1, "echo", text="x" * 500_000))
        with client_out.makefile("rb") as reading:
            read = reading.readline() + reading.readline()
            client_in.close()
            assert reading.read() == b"goodbye True True\n"
    assert texts(read) == {1: "x" * 500_000}


def test_files_in_place_of_pipes_are_served(tmp_path: Path) -> None:
    """Which no event loop can watch."""
    requests, answers = tmp_path / "requests", tmp_path / "answers"
    requests.write_bytes(OPENING)
    with requests.open("rb") as stdin, answers.open("wb") as stdout, telling(stdin=stdin, stdout=stdout) as process:
        assert process.wait(PATIENCE) == 0
    introduction, goodbye = answers.read_text("utf-8").splitlines()
    assert json.loads(introduction)["result"]["serverInfo"]["name"] == "telling"
    assert goodbye == "goodbye True True"


_CARELESS = """
import sys
sys.stdout.buffer.write(b"starting \\xff up\\n")
sys.stdout.flush()
from mcp.server import MCPServer
server = MCPServer("careless")
@server.tool(structured_output=False)
async def echo(text: str) -> str:
    return text
server.run("stdio")
"""


async def test_a_server_that_prints_what_is_no_message_is_served_all_the_same() -> None:
    """The line is passed over."""
    async with Gate(MemoryStore(), rules=[allowing("echo")]) as gate:
        proxy = GateProxy(gate, Program((sys.executable, "-c", _CARELESS), env=ENVIRONMENT))
        async with client_of(proxy, "legacy") as client:
            assert said(await client.call_tool("echo", {"text": "a\nb" * 100_000})) == "a\nb" * 100_000


_STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
with open(sys.argv[1], "w") as ids:
    ids.write(f"{os.getpid()} {child.pid}")
print(flush=True)
while True:
    time.sleep(3600)
"""


async def test_a_server_that_does_not_end_is_killed_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has been told before, in two ways, and had time each."""
    monkeypatch.setattr("awaitly_mcp.programs._PATIENCE", 0.2)
    ids = tmp_path / "ids"
    program = Program((sys.executable, "-c", _STUBBORN, str(ids)), env=ENVIRONMENT)
    async with program.transport() as (reading, _):
        assert isinstance(await reading.receive(), ValueError)
        server, child = map(int, ids.read_text("ascii").split())
        os.kill(child, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
    with anyio.fail_after(PATIENCE):
        while not _is_gone(child):  # noqa: ASYNC110  (whoever inherits it has yet to bury it)
            await anyio.sleep(0.01)


def _is_gone(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
        stat = Path(f"/proc/{process_id}/stat")
        return stat.exists() and stat.read_text("ascii").rpartition(")")[2].split()[0] == "Z"
    except ProcessLookupError:
        return True
