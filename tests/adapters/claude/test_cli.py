"""The CLI that the SDK brings does what the gate relies on. It runs here over a fake model, without any network."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import claude_agent_sdk
import pytest
from attrs import frozen
from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    HookMatcher,
    ProcessError,
    tool,
)

from awaitly import Gate
from awaitly_claude import SessionGate, go_on
from tests.adapters.claude.model import Script, calling, model, results, saying

BUNDLED = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"
pytestmark = pytest.mark.skipif(not BUNDLED.exists(), reason="the SDK is here without the CLI that it brings elsewhere")

_SECRETS = {name: "" for name in os.environ if name.startswith(("ANTHROPIC_", "CLAUDE", "AWS_", "GOOGLE_"))}


@frozen
class Machine:
    """A folder in which the CLI works, a home of its own, and the session that it goes on with."""

    folder: Path
    session_id: str

    def file(self, name: str) -> Path:
        """Give a file."""
        return self.folder / name

    @contextmanager
    def options(self, script: Script, **more: Any) -> Generator[ClaudeAgentOptions]:
        """Give options with which nothing but the script is asked."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        with model(script) as address:
            own = {
                "HOME": str(home),
                "CLAUDE_CONFIG_DIR": str(home / "claude"),
                "ANTHROPIC_BASE_URL": address,
                "ANTHROPIC_API_KEY": "none",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "DISABLE_AUTOUPDATER": "1",
            }
            yield ClaudeAgentOptions(
                cli_path=BUNDLED,
                cwd=self.folder,
                env={**_SECRETS, **own},
                setting_sources=[],
                strict_mcp_config=True,
                permission_mode="acceptEdits",
                stderr=_silent,
                **more,
            )

    async def turn(self, script: Script, prompt: str = "go", *, again: bool = False, **more: Any) -> None:
        """Let an agent take a turn, in its session where it goes on."""
        place = {"resume": self.session_id} if again else {"session_id": self.session_id}
        with self.options(script, **place, **more) as options:
            async with ClaudeSDKClient(options) as client:
                await client.query(prompt)
                async for _ in client.receive_response():
                    pass


def _silent(_: str) -> None:
    """Leave what the CLI writes of failing hooks unread."""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Give a machine."""
    return Machine(tmp_path, str(uuid.uuid4()))


def once(*calls: tuple[str, dict[str, Any]], heard: list[str] | None = None) -> Script:
    """Give a model that wants calls at once, and ends when it has heard what came of them."""
    tag = uuid.uuid4().hex[:8]

    def script(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if told := results(messages):
            (heard if heard is not None else []).extend(told)
            return [saying("done")]
        return [calling(name, given, f"toolu_{tag}{number}") for number, (name, given) in enumerate(calls)]

    return script


async def test_what_is_written_is_what_was_approved(gate: Gate, machine: Machine) -> None:
    """Two writes in one batch wait; one is edited, one is rejected, and the CLI does what people said."""
    one, two = machine.file("one"), machine.file("two")
    writes = [("Write", {"file_path": str(each), "content": "draft"}) for each in (one, two)]
    async with SessionGate(gate, agent="clerk", conversation="thread-7") as session:
        heard: list[str] = []
        await machine.turn(once(*writes, heard=heard), hooks=session.hooks())
        waiting = {each.arguments["file_path"]: each.id for each in session.waiting}
    assert not one.exists()
    assert not two.exists()
    assert all("has not been called yet" in each for each in heard)
    (await gate.edit(waiting[str(one)], {"file_path": str(one), "content": "final"}, by="ann")).unwrap()
    (await gate.reject(waiting[str(two)], "no need", by="ann")).unwrap()
    async with SessionGate(gate, agent="clerk", conversation="thread-7") as session:
        heard = []
        script = once(*writes, heard=heard)
        await machine.turn(script, go_on(waiting.values()), again=True, hooks=session.hooks())
    assert one.read_text("utf-8") == "final"
    assert not two.exists()
    assert "no need" in heard[1]
    (performed,) = [(await gate.execute(waiting[str(one)], never)).unwrap()]
    assert performed.replayed
    assert performed.value["filePath"] == str(one)


async def test_the_model_reads_that_a_person_changed_the_input(gate: Gate, machine: Machine) -> None:
    """Beside the result of the tool."""
    file = machine.file("one")
    write = ("Write", {"file_path": str(file), "content": "draft"})
    async with SessionGate(gate, agent="clerk", conversation="thread-7") as session:
        await machine.turn(once(write), hooks=session.hooks())
        (pending,) = session.waiting
        (await gate.edit(pending.id, {"file_path": str(file), "content": "final"}, by="ann")).unwrap()
        seen: list[str] = []
        script = once(write)

        def reading(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
            seen.append(json.dumps(messages))
            return script(messages)

        await machine.turn(reading, go_on([pending.id]), again=True, hooks=session.hooks())
    assert "Write was executed with content=final, edited by a human; do not re-issue." in seen[-1]


async def test_a_command_that_fails_is_recorded_as_a_failure(gate: Gate, machine: Machine) -> None:
    """One approval is one attempt."""
    command = ("Bash", {"command": "echo x >> log; exit 3"})
    async with SessionGate(gate, agent="clerk", conversation="thread-7") as session:
        await machine.turn(once(command), hooks=session.hooks())
        (pending,) = session.waiting
        (await gate.approve(pending.id, by="ann")).unwrap()
        await machine.turn(once(command, command), go_on([pending.id]), again=True, hooks=session.hooks())
    assert "Exit code 3" in str((await gate.execute(pending.id, never)).failure())
    assert machine.file("log").read_text("utf-8") == "x\n"


async def test_a_cli_that_dies_in_the_midst_of_a_call_leaves_it_in_doubt(gate: Gate, machine: Machine) -> None:
    """It is not handed over again, and the model is told why."""
    command = ("Bash", {"command": "echo x >> log; kill -9 $PPID"})
    heard: list[str] = []
    async with SessionGate(gate, agent="clerk", conversation="thread-7") as session:
        await machine.turn(once(command), hooks=session.hooks())
        (pending,) = session.waiting
        (await gate.approve(pending.id, by="ann")).unwrap()
        with pytest.raises(ProcessError):
            await machine.turn(once(command), go_on([pending.id]), again=True, hooks=session.hooks())
    async with SessionGate(gate, agent="clerk", conversation="thread-7") as session:
        await machine.turn(once(command, heard=heard), go_on([pending.id]), again=True, hooks=session.hooks())
    assert "nobody knows whether Bash" in heard[-1]
    assert machine.file("log").read_text("utf-8") == "x\n"


async def test_a_hook_that_fails_blocks(machine: Machine) -> None:
    """That is what `on_failure="block"` is for; without it the CLI goes on."""
    done: dict[str, bool] = {}
    for setting in ("block", "continue"):
        file = machine.file(setting)
        fresh = Machine(machine.folder, str(uuid.uuid4()))
        write = once(("Write", {"file_path": str(file), "content": "x"}))
        await fresh.turn(write, hooks={"PreToolUse": [HookMatcher(hooks=[failing], on_failure=setting)]})
        done[setting] = file.exists()
    assert done == {"block": False, "continue": True}


async def test_tools_of_ones_own_wait_and_are_made_with_and_without_the_hooks(gate: Gate, machine: Machine) -> None:
    """The CLI passes the call on, and it is asked about once, under the name of the tool itself."""
    paid: list[Any] = []

    @tool("pay", "Pay.", {"to": str, "amount": int})
    async def pay(arguments: dict[str, Any]) -> dict[str, Any]:
        paid.append(arguments)
        return {"content": [{"type": "text", "text": "paid"}]}

    tickets: list[str] = []
    async with SessionGate(gate, agent="clerk", conversation="thread-7") as session:
        given: dict[str, Any] = {
            "mcp_servers": {"bank": session.server("bank", [pay])},
            "allowed_tools": ["mcp__bank__pay", "mcp__bank__awaitly_ticket"],
            "hooks": session.hooks(),
        }
        heard: list[str] = []
        await machine.turn(once(("mcp__bank__pay", {"to": "bob", "amount": 100}), heard=heard), **given)
        tickets = re.findall(r"under ticket (\S+)\.", heard[0])
        assert [each.id for each in session.waiting] == tickets
        (await gate.edit(tickets[0], {"to": "bob", "amount": 42}, by="ann")).unwrap()
        ask = once(("mcp__bank__awaitly_ticket", {"id": tickets[0]}), heard=heard)
        await machine.turn(ask, go_on(tickets), again=True, **given)
    assert paid == [{"to": "bob", "amount": 42}]
    assert "pay was executed with amount=42, edited by a human; do not re-issue." in heard[-1]


async def failing(*_: Any) -> Any:
    """Fail, as a hook."""
    raise RuntimeError("no store")


async def never(arguments: dict[str, Any]) -> object:
    """Fail: the call was made."""
    pytest.fail(f"it was made again, with {arguments}")
