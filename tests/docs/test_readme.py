from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from awaitly import Orchestrator, RunStatus, open_store
from tests.docs.pages import Reader, blocks_of, same

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Somebody in an empty directory who has typed in all the Python of the README."""
    monkeypatch.chdir(tmp_path)
    reader = Reader()
    with asyncio.Runner() as runner:
        for block in blocks_of(README):
            if block.language == "python":
                assert not reader.execute(block, runner)
    return reader


def remark(code: str) -> str:
    """Give what the README says in a comment that a line prints."""
    found = re.search(rf"{re.escape(code)}  # (?P<remark>.+)$", README.read_text("utf-8"), re.MULTILINE)
    assert found is not None, code
    return found["remark"]


def function(reader: Reader, name: str) -> Callable[[], Awaitable[None]]:
    """Give a function that the README defines."""
    defined: Callable[[], Awaitable[None]] = reader.module.__dict__[name]
    return defined


async def test_ask_decide_and_go_on(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    """The three functions do, one after the other, what their comments say."""
    await function(reader, "ask")()
    assert same(remark("print(pending)"), capsys.readouterr().out)
    await function(reader, "decide")()
    assert same(remark("print(decision.map(str))"), capsys.readouterr().out)
    await function(reader, "go_on")()
    assert same(remark("print(execution.result)"), capsys.readouterr().out)


async def test_a_worker_goes_on_by_itself(reader: Reader) -> None:
    """What was decided is completed by it, with nobody resuming."""
    for name in ("ask", "decide", "be_a_worker"):
        await function(reader, name)()
    async with Orchestrator(open_store("sqlite:///refunds.db")) as orchestrator:
        details = (await orchestrator.status("refund-order-1")).unwrap()
        assert details.run.status is RunStatus.COMPLETED


async def test_decide_on_the_command_line(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands decide in place of the function, so the proposed amount is paid."""
    await function(reader, "ask")()
    commands = next(block for block in blocks_of(README) if block.text.startswith("export AWAITLY_STORE"))
    store, *rest = commands.text.splitlines()
    name, _, url = store.removeprefix("export ").partition("=")
    reader.environ[name] = url
    listed, approved, shown = map(reader.shell, rest)
    assert "Refund 120.00 for order-1" in listed
    assert "as alice" in approved
    assert "approved by alice" in shown
    capsys.readouterr()
    await function(reader, "go_on")()
    assert same(remark("print(execution.result)").replace("100.00", "120.00"), capsys.readouterr().out)
