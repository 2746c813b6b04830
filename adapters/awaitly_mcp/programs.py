"""A server that is a program: started, spoken to over its stdin and stdout, and ended with all that it has started."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from mcp.client._transport import TransportStreams
from mcp.client.stdio import StdioServerParameters, get_default_environment, stdio_client
from mcp.os.posix.utilities import terminate_posix_process_tree

from awaitly_mcp.lines import Connection, LinesIn, LinesOut
from awaitly_mcp.overlong import LONGEST_LINE

__all__ = ["started"]

_PATIENCE = 2.0
"""Seconds in which a server ends by itself once its stdin is closed, and then once it is told to."""


def started(command: Sequence[str], env: Mapping[str, str], longest_line: int = LONGEST_LINE) -> Connection:
    """Start a program. On Windows, where processes end otherwise, the SDK does, and lines are as long as they are."""
    if sys.platform == "win32":
        program, *args = command
        return stdio_client(StdioServerParameters(command=program, args=args, env=dict(env)))
    return _piped(command, {**get_default_environment(), **env}, longest_line)


@asynccontextmanager
async def _piped(command: Sequence[str], env: Mapping[str, str], longest_line: int) -> AsyncGenerator[TransportStreams]:
    process = await anyio.open_process(command, env=env, stderr=None, start_new_session=True)
    try:
        stdin, stdout = _pipes(process)

        async def more() -> bytes:
            try:
                return await stdout.receive()
            except anyio.EndOfStream:
                return b""

        going = LinesOut(stdin.send, stdin.aclose)
        yield LinesIn(more, anyio.lowlevel.checkpoint, going, longest_line), going
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


def _pipes(process: Process) -> tuple[ByteSendStream, ByteReceiveStream]:
    assert process.stdin is not None  # noqa: S101  (it was started so)
    assert process.stdout is not None  # noqa: S101  (as above)
    return process.stdin, process.stdout


async def _end(process: Process) -> None:
    """Close its stdin, at which a server ends; one that does not is told to, and is killed."""
    stdin, stdout = _pipes(process)
    async with anyio.create_task_group() as side:
        side.start_soon(_drain, stdout)
        await stdin.aclose()
        with anyio.move_on_after(_PATIENCE):
            await process.wait()
        if process.returncode is None:
            await terminate_posix_process_tree(process, _PATIENCE)
        side.cancel_scope.cancel()
    await process.aclose()


async def _drain(stdout: ByteReceiveStream) -> None:
    """Read on for nobody: a server that cannot get rid of its last words does not end."""
    with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
        while True:
            await stdout.receive()
