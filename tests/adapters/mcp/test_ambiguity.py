"""Calls that the server could read otherwise than the rules have."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server import MCPServer

from awaitly import Gate, MemoryStore
from awaitly_mcp import GateProxy
from awaitly_mcp.ambiguity import ambiguity
from tests.adapters.mcp.processes import AWAITLY
from tests.adapters.mcp.support import Inside, allowing, client_of, said
from tests.adapters.mcp.test_stdio import ENVIRONMENT, OPENING, TELLING, call, texts, told

RULES = """
[[rule]]
tool = "echo"
when = { text = "good" }
decide = "allow"
"""


class Shop:
    """A server whose tools note what they are called with."""

    def __init__(self) -> None:
        self.bought: list[dict[str, Any]] = []
        self.server = MCPServer("shop")
        self.server.add_tool(self.buy, structured_output=False)

    async def buy(self, what: str, details: dict[str, Any] | None = None, A: int = 0, a: int = 0) -> str:  # noqa: N803
        """Buy."""
        self.bought.append({"what": what, "details": details, "A": A, "a": a})
        return "bought"

    def client(self, gate: Gate) -> Any:
        """Give a client of a proxy before it."""
        return client_of(GateProxy(gate, Inside(self.server)), "legacy")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"What": "hat"}, "$.arguments has a member 'What', which some servers take for 'what'"),
        ({"what": "hat", "WHAT": "yacht"}, "some servers take for 'what'"),
        ({"w_hat": "hat"}, "some servers take for 'what'"),
        ({"\uff57hat": "hat"}, "some servers take for 'what'"),
        ({"what": "hat", "deta\u0131ls": {}}, "some servers take for 'details'"),
        ({"what": "hat", "deta\u0130ls": {}}, "some servers take for 'details'"),
        ({"what": "hat", "caf\u00e9": 1, "cafe\u0301": 2}, "some servers take for 'caf\\xe9'"),
        ({"what": "hat", "tip": 1, "Tip": 1_000}, "some servers take for 'tip'"),
        (
            {"what": "hat", "details": {"price": [{"to\u212a": 1, "tok": 2}]}},
            "$.arguments.details.price[0] has a member",
        ),
    ],
)
async def test_what_a_server_may_read_otherwise_is_not_passed_on(arguments: dict[str, Any], why: str) -> None:
    """Although a rule lets every call of the tool pass."""
    shop = Shop()
    async with Gate(MemoryStore(), rules=[allowing("buy")]) as gate:
        client: Client
        async with shop.client(gate) as client:
            answer = await client.call_tool("buy", arguments)
            assert answer.is_error
            assert said(answer).startswith("buy was not called: ")
            assert why in said(answer)
    assert shop.bought == []


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"name": "buy", "arguments": [["what", "hat"]]}, "its arguments are no object"),
        ({"name": "buy", "arguments": "what"}, "its arguments are no object"),
        ({"name": "buy", "arguments": []}, "its arguments are no object"),
        ({"name": ["buy"], "arguments": {}}, "its name is no text"),
        ({"arguments": {}}, "its name is no text"),
        ({"name": "buy", "arguments": {"path": 1}}, None),
        ({"name": "buy", "arguments": {"a_b": 1, "ab": 2, "a-b": 3}}, None),
        ({"name": "buy", "arguments": None}, None),
        ({"name": "buy"}, None),
    ],
)
def test_a_call_has_a_name_and_an_object_of_arguments(params: dict[str, Any], why: str | None) -> None:
    """Nothing is judged that was made of something else; names that differ otherwise are no matter."""
    assert ambiguity(params, None) == why


async def test_names_that_a_tool_itself_tells_apart_are_told_apart() -> None:
    """Where its schema has both, they are two."""
    shop = Shop()
    async with Gate(MemoryStore(), rules=[allowing("buy")]) as gate:
        client: Client
        async with shop.client(gate) as client:
            assert said(await client.call_tool("buy", {"what": "hat", "a": 1, "A": 2})) == "bought"
    assert shop.bought == [{"what": "hat", "details": None, "A": 2, "a": 1}]


def test_the_server_gets_what_was_judged(tmp_path: Path) -> None:
    """Of members that come twice the same one, and no number beyond all; what has no proper id is no call."""
    (tmp_path / "rules.toml").write_text(RULES)
    options = ("--rules", str(tmp_path / "rules.toml"), "--store", f"sqlite:///{tmp_path}/gate.db", "--wait", "1ms")
    good, first, last = b'"text": "good"', b'"text": "bad", "text": "good"', b'"text": "good", "text": "bad"'
    sent = [
        call(1, "echo", text="good").replace(good, first),
        call(2, "echo", text="good").replace(good, last),
        call(3, "echo", text="good").replace(b'"name": "echo"', b'"name": "echo", "Name": "threads"'),
        call(4, "echo", text="good", size=0).replace(b'"size": 0', b'"size": 1e400'),
        *(call(5, "echo", text="good").replace(b'"id": 5', b'"id": ' + odd) for odd in (b"true", b"null", b"1.5")),
        call(6, "echo", text="good"),
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen((*AWAITLY, *options, "--", *TELLING), env=ENVIRONMENT, stdin=pipe, stdout=pipe) as proxy:
        assert proxy.stdin is not None
        proxy.stdin.write(OPENING + b"".join(sent))
        proxy.stdin.flush()
        read, answers = b"", dict[int, str]()
        while missing := {1, 2, 3, 4, 6} - set(answers):
            read += told(proxy, until=min(missing))
            answers = texts(read)
        proxy.communicate(timeout=60)
    assert (answers[1], answers[6]) == ("good", "good")
    assert "waits for a person's approval" in answers[2]
    assert "which some servers take for 'name'" in answers[3]
    assert "a number in its arguments is none" in answers[4]
    assert set(answers) == {1, 2, 3, 4, 6}
