from __future__ import annotations

import subprocess
import sys

import click
import pytest

from awaitly.cli import awaitly
from tests.cli.support import call, environment

HEAVY = {"rich", "cattrs", "jsonschema", "sqlite3", "awaitly_sqlite", "awaitly.cli.demo", "hypothesis", "pytest"}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["-h"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    """It comes at once: counted in modules, for time depends on the machine."""
    script = f"import sys; from awaitly.cli import awaitly; awaitly({words!r}, standalone_mode=False)"
    command = [
        sys.executable,
        "-c",
        f"{script[:12]}\ntry:\n    {script[12:]}\nfinally:\n    print(*sys.modules, file=sys.stderr)",
    ]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout
    assert HEAVY.isdisjoint(done.stderr.split())


@pytest.mark.parametrize("command", awaitly.list_commands(click.Context(awaitly)))
def test_each_command_explains_itself(command: str) -> None:
    """It stands in the list, and has a page of its own."""
    assert any(line.strip().startswith(f"{command} ") for line in call("--help").out.splitlines())
    answer = call(command, "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"Usage: awaitly {command}")


@pytest.mark.parametrize(("typed", "meant"), [("pendin", "pending"), ("aprove", "approve"), ("Show", "show")])
def test_a_command_that_is_nearly_one_is_named(typed: str, meant: str) -> None:
    """Whoever mistypes is spared the look at the list."""
    answer = call(typed)
    assert answer.code == 2
    assert answer.err == f"awaitly: No such command '{typed}'; is it `awaitly {meant}`? See `awaitly --help`\n"
    assert "is it" not in call("nothing").err


def test_without_a_command_it_explains_itself() -> None:
    """With the exit code of a wrong command line."""
    answer = call()
    assert answer.code == 2
    assert answer.out == call("--help").out
