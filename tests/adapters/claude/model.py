"""A fake of the model, over HTTP on this machine, for the SDK's own CLI."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

__all__ = ["Script", "calling", "model", "results", "saying"]

Script: TypeAlias = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
"""Gives the blocks of the next message, by the messages so far."""


def calling(tool: str, given: dict[str, Any], call_id: str) -> dict[str, Any]:
    """Give the block of a call."""
    return {"type": "tool_use", "id": call_id, "name": tool, "input": given}


def saying(text: str) -> dict[str, Any]:
    """Give the block of a text."""
    return {"type": "text", "text": text}


def results(messages: list[dict[str, Any]]) -> list[str]:
    """Give what tools have told since the model's last message; the CLI may write messages of its own behind that."""
    latest = list(itertools.takewhile(lambda message: message["role"] != "assistant", reversed(messages)))
    contents: list[Any] = [message["content"] for message in reversed(latest)]
    blocks: list[Any] = [block for content in contents if isinstance(content, list) for block in _listed(content)]
    return [json.dumps(block["content"]) for block in blocks if block.get("type") == "tool_result"]


def _listed(content: Any) -> list[Any]:
    return list(content)


@contextmanager
def model(script: Script) -> Generator[str]:
    """Serve a model, and give its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            # What the CLI asks besides, such as a title for the session, is asked without tools.
            blocks = script(body["messages"]) if body.get("tools") else [saying("a title")]
            self._answer(_events(blocks))

        def do_HEAD(self) -> None:
            self._answer("")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the library calls it so)
            """Say nothing."""

        def _answer(self, text: str) -> None:
            data = text.encode()
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _events(blocks: list[dict[str, Any]]) -> str:
    calls = any(block["type"] == "tool_use" for block in blocks)
    usage = {"input_tokens": 1, "output_tokens": 1}
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "fake",
        "content": [],
        "usage": usage,
    }
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {**message, "usage": usage}}]
    for index, block in enumerate(blocks):
        if block["type"] == "tool_use":
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            empty: dict[str, Any] = {**block, "input": {}}
        else:
            delta, empty = {"type": "text_delta", "text": block["text"]}, saying("")
        events += [
            {"type": "content_block_start", "index": index, "content_block": empty},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    end = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
    events += [{"type": "message_delta", "delta": end, "usage": {"output_tokens": 1}}, {"type": "message_stop"}]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
