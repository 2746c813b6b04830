"""What pages show and nobody runs is checked as far as it can be."""

from __future__ import annotations

import ast
import json
import re
import shlex
from pathlib import Path

import click
import pytest

from awaitly.cli.app import awaitly
from tests.docs.pages import Block, blocks_of

ROOT = Path(__file__).parents[2]
BLOCKS = [block for page in sorted((ROOT / "docs").rglob("*.md")) for block in blocks_of(page)]
THEIRS = [block for block in BLOCKS if block.theirs and block.language == "python"]
OTHERS = [block for block in BLOCKS if block.language in {"sh", "ini", "yaml", "docker"}]
COMMAND = re.compile(r"^(?:ExecStart=.*/| +command: |CMD |)(?P<command>\[?\"?awaitly\b.*)", re.MULTILINE)


def commands(block: Block) -> list[list[str]]:
    """Give the words after `awaitly` of each command of a block; one may be written as a list."""
    written = [found["command"] for found in COMMAND.finditer(block.text)]
    return [(json.loads(each) if each.startswith("[") else shlex.split(each))[1:] for each in written]


def place(block: Block) -> str:
    """Name a case after where its block stands."""
    return block.place


@pytest.mark.parametrize("block", THEIRS, ids=place)
def test_code_of_others_can_be_read(block: Block) -> None:
    """Python of another product that a page compares ours with is Python."""
    compile(block.text, block.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


@pytest.mark.parametrize("block", [block for block in OTHERS if commands(block)], ids=place)
def test_commands_that_are_not_run_are_understood(block: Block) -> None:
    """Each command of a unit, a container or a script is one, and has the options that stand there."""
    for words in commands(block):
        name, command, rest = awaitly.resolve_command(click.Context(awaitly), words)
        assert command is not None
        command.make_context(name, rest, resilient_parsing=True)
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= known, words


def test_there_is_something_to_check() -> None:
    """The pages have blocks of each kind, so that none of the tests above is empty by a mistake."""
    assert len(THEIRS) >= 8
    assert sum(map(len, map(commands, OTHERS))) >= 4
