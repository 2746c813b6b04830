from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.support import EXAMPLES

FOLDER = EXAMPLES / "agent"


def program(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run something in a process of its own."""
    surroundings = {name: value for name, value in os.environ.items() if name != "MODEL"}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=surroundings, capture_output=True, text=True, check=False
    )


def bookkeeper(folder: Path) -> list[str]:
    """Run the example, and give the lines that it prints."""
    done = program(folder, str(FOLDER / "bookkeeper.py"))
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def decide(folder: Path, verb: str, ticket: str, *words: str) -> int:
    """Decide by the command line, in a process that has no agent and no tools."""
    return program(
        folder, "-m", "awaitly", verb, ticket, *words, "--role", "finance", "--store", "sqlite:///gate.db"
    ).returncode


@pytest.mark.parametrize(
    ("decision", "paid"),
    [
        (("approve",), ["bob,30", "eve,400"]),
        pytest.param(("reject", "--reason", "not ours"), ["bob,30"], marks=pytest.mark.slow),
    ],
)
def test_it_stops_in_one_process_and_goes_on_in_another(
    tmp_path: Path, decision: tuple[str, ...], paid: list[str]
) -> None:
    """What is small is paid at once, what is large once somebody agrees, and what is too large never."""
    (waits,) = bookkeeper(tmp_path)
    ticket, _, summary = waits.partition(" waits: ")
    assert summary == 'pay {"to": "eve", "amount": 400}'
    assert (tmp_path / "paid.csv").read_text("utf-8").split() == ["bob,30"]
    assert bookkeeper(tmp_path) == [waits]
    verb, *more = decision
    assert decide(tmp_path, verb, ticket, *more, "--by", "rita") != 0  # it acts for her
    assert decide(tmp_path, verb, ticket, *more, "--by", "ann") == 0
    said = "\n".join(bookkeeper(tmp_path))
    assert "paid 30 to bob" in said
    assert ("not ours" in said) is (verb == "reject")
    assert "people pay themselves" in said
    assert (tmp_path / "paid.csv").read_text("utf-8").split() == paid
