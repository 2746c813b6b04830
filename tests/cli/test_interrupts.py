"""Ctrl-C from the first moment of the command to its last."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import awaitly_command
from awaitly.cli import stores
from awaitly.cli.codes import ExitCode
from awaitly.cli.interrupts import Runner
from tests.cli.support import Answer, call, environment

PROJECT = Path(__file__).parents[2] / "pyproject.toml"

PRESSING = """
import os, signal, sys

class Pressing:
    def __init__(self, name):
        self.name = name

    def find_spec(self, name, path=None, target=None):
        if name == self.name:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Pressing(sys.argv.pop(1)))
"""
LATE = """
import atexit, os, signal
atexit.register(os.kill, os.getpid(), signal.SIGINT)
"""
COMMAND = "import awaitly_command\nawaitly_command.main()\n"


def started(script: str, *words: str, folder: Path) -> Answer:
    """Start the command as its script does, with Ctrl-C pressed at a moment that `script` chooses."""
    done = subprocess.run(
        [sys.executable, "-c", script + COMMAND, *words],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def test_the_command_is_the_module_that_these_tests_start() -> None:
    """Its script calls this very function."""
    scripts = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["scripts"]
    assert scripts == {"awaitly": f"{awaitly_command.__name__}:{awaitly_command.main.__name__}"}


@pytest.mark.parametrize(
    "moment", ["awaitly", "attrs", "awaitly.approvals.approval", "awaitly.cli", "click", "awaitly.cli.app"]
)
def test_ctrl_c_while_awaitly_is_imported_is_one_line(moment: str, tmp_path: Path) -> None:
    """Nothing was done, nothing is left behind, and there is no traceback."""
    answer = started(PRESSING, moment, "demo", folder=tmp_path)
    assert answer.err == "awaitly: interrupted before anything was done; the same command begins anew\n"
    assert (answer.code, answer.out) == (ExitCode.INTERRUPTED, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moment", ["awaitly.cli.demo", "rich.progress", "awaitly_sqlite"])
def test_ctrl_c_while_the_demo_begins_is_one_line(moment: str, tmp_path: Path) -> None:
    """Whatever was done by then, the next start goes on."""
    answer = started(PRESSING, moment, "demo", folder=tmp_path)
    assert answer.err.strip().startswith(("awaitly: interrupted", "awaitly: stopped; nothing is lost"))
    assert answer.err.strip().count("\n") == 0
    assert (answer.code, answer.out) == (ExitCode.INTERRUPTED, "")
    assert started("", "demo", folder=tmp_path).code == ExitCode.OK


def test_ctrl_c_after_the_last_word_changes_nothing(tmp_path: Path) -> None:
    """What was asked for is done: no traceback of the interpreter's own end, and no other exit code."""
    answer = started(LATE, "demo", folder=tmp_path)
    assert (answer.code, answer.err) == (ExitCode.OK, "")


def press() -> None:
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


async def pressed_and_done() -> str:
    """End in the very step of the loop in which Ctrl-C is pressed."""
    press()
    return "done"


async def pressed_and_waiting(cancelled: list[bool]) -> None:
    """Wait for what never comes once Ctrl-C is pressed."""
    press()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        cancelled.append(True)
        raise


async def later(turns: int) -> int:
    """Take some turns of the loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return turns


def test_ctrl_c_as_a_coroutine_ends_leaves_the_loop_whole() -> None:
    """The next coroutine on the loop, which closes the store, runs to its end."""
    with Runner() as runner:
        with pytest.raises(KeyboardInterrupt):
            runner.run(pressed_and_done())
        assert runner.run(later(3)) == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_cancels_what_runs() -> None:
    """It gets the chance to give back what it holds."""
    cancelled: list[bool] = []
    with Runner() as runner, pytest.raises(KeyboardInterrupt):
        runner.run(pressed_and_waiting(cancelled))
    assert cancelled == [True]


def test_ctrl_c_does_not_cut_off_what_closes() -> None:
    """A second press while the store is closed comes after that."""
    closed: list[bool] = []

    async def closing() -> None:
        press()
        await later(3)
        closed.append(True)

    with Runner() as runner, pytest.raises(KeyboardInterrupt):
        runner.finish(closing())
    assert closed == [True]


def test_an_interrupted_command_is_one_line(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a code of its own, and as a document for programs."""

    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stores, "open_store", interrupted)
    answer = call("runs", "--store", url)
    assert answer.code == ExitCode.INTERRUPTED
    assert answer.err.strip() == "awaitly: interrupted; it does no harm to give the same command again"
    assert call("runs", "--store", url, "--json").document["error"]["type"] == "Interrupted"


def test_whoever_has_ctrl_c_ignored_is_not_interrupted(tmp_path: Path) -> None:
    """As behind `nohup` or in a script's background."""
    ignoring = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    answer = started(ignoring + PRESSING, "click", "--version", folder=tmp_path)
    assert (answer.code, answer.err) == (ExitCode.OK, "")
