"""Whatever stands on the command line, it ends with one of its exit codes, in words that a terminal can show."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import DataObject, data

from awaitly import Orchestrator
from awaitly.cli.codes import ExitCode
from awaitly_sqlite import SqliteStore
from tests.cli.support import Answer, call, is_safe
from tests.fuzz.commands import COMMANDS, UNTRIED, Command, laid_out, parameters
from tests.fuzz.ground import WORKFLOWS, refund, telling
from tests.fuzz.judging import fuzzed
from tests.fuzz.texts import nasty_bytes

STORE = "sqlite:///runs.db"


async def _filled(run_id: str) -> None:
    async with Orchestrator(SqliteStore("runs.db"), workflows=WORKFLOWS) as orchestrator:
        await orchestrator.start(refund("x"), run_id=run_id, requested_by="zoe")
        await orchestrator.start(telling("x"), run_id="t")


async def _neighbour() -> Any:
    store = SqliteStore("runs.db")
    await store.open()
    try:
        found = await store.load("neighbour")
        return found.run, found.steps, found.approvals, found.head
    finally:
        await store.close()


@pytest.fixture
def neighbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Be in a folder with a store in which two runs wait, and give all that is kept of one of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWAITLY_ACTOR", "bob")
    asyncio.run(_filled("neighbour"))
    asyncio.run(_filled("r"))
    laid_out(tmp_path, {})
    return asyncio.run(_neighbour())


def checked(answer: Answer) -> None:
    """Check that a command has ended as commands do."""
    assert answer.code in set(ExitCode) - {ExitCode.BUG}, answer
    assert "Traceback" not in answer.err, answer
    assert is_safe(answer.out), answer.out
    assert is_safe(answer.err), answer.err


@pytest.mark.parametrize("command", [pytest.param(each, id=each.name) for each in COMMANDS])
def test_no_command_breaks(command: Command, neighbour: Any) -> None:
    """Each command does what it is told, or says what is wrong with it, and no other run is touched."""

    @fuzzed(3)
    @given(data())
    def tried(drawn: DataObject) -> None:
        checked(call(*drawn.draw(command.words()), stdin="", AWAITLY_STORE=STORE, AWAITLY_ACTOR="bob"))

    tried()
    assert asyncio.run(_neighbour()) == neighbour


@pytest.mark.parametrize(
    ("name", "words"),
    [("rules", ("rules", "test", "rules", "calls")), ("calls", ("rules", "test", "rules", "calls"))],
)
def test_no_file_breaks(name: str, words: tuple[str, ...], neighbour: Any) -> None:
    """Whatever stands in a file that a command reads, it says so."""

    @fuzzed(15)
    @given(nasty_bytes)
    def tried(content: bytes) -> None:
        laid_out(Path(), {name: content})
        checked(call(*words))

    tried()


def test_each_command_is_tried() -> None:
    """Every command that takes text stands in the table, or among the few that are not tried."""
    assert set(parameters()) == {command.name for command in COMMANDS} | set(UNTRIED)
