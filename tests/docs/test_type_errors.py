"""The page on type errors shows what the checkers print."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import Block, blocks_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "howto" / "type-errors.md"
BLOCKS = blocks_of(PAGE)
SHOWN = [block for block in BLOCKS if block.language == "text"]
RIGHT = {"orders.py", "two_stages.py"}
"""The files of the page in which nothing is wrong."""


def printed(folder: Path, *command: str) -> list[str]:
    """Give the lines that a checker prints, without the folder's own name."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    return (done.stdout + done.stderr).replace(f"{folder}{os.sep}", "").splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save the page's files, beside a configuration that asks for what the page says: strict mode."""
    folder = tmp_path_factory.mktemp("typed")
    for block in BLOCKS:
        if block.file is not None:
            (folder / block.file).write_text(block.text, "utf-8")
    extra = [str(ROOT), str(ROOT / "adapters")]
    config = {"include": ["."], "extraPaths": extra, "typeCheckingMode": "strict", "pythonVersion": "3.11"}
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def lines(folder: Path) -> list[str]:
    """Give all that mypy and pyright print about the page's files."""
    mypy = printed(folder, sys.executable, "-m", "mypy", "--strict", f"--cache-dir={ROOT / '.mypy_cache'}", ".")
    pyright = printed(folder, sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "-p", ".")
    return [line.strip() for line in (*mypy, *pyright)]


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: f"line-{block.line}")
def test_each_message_is_what_a_checker_prints(block: Block, lines: list[str]) -> None:
    """Line by line; `...` stands for the rest of a line."""
    for line in block.text.strip().splitlines():
        pattern = re.escape(line.strip()).replace(r"\.\.\.", ".*")
        pattern += "" if pattern.endswith((r"\]", ".*")) else r"( \(\w+\))?"  # the rule's name may be left out
        found = any(re.fullmatch(pattern, each) for each in lines)
        assert found, "\n".join([f"{block.place} shows", line, "and they print", *lines])


def test_both_checkers_find_each_mistake_and_nothing_in_the_cures(lines: list[str]) -> None:
    """A file is named by mypy as `a.py:1: error`, by pyright as `a.py:1:1 - error`."""
    wrong = {block.file for block in BLOCKS if block.file} - RIGHT
    assert {line.split(":")[0] for line in lines if re.match(r"\w+\.py:\d+: error", line)} == wrong
    assert {line.split(":")[0] for line in lines if re.match(r"\w+\.py:\d+:\d+ - error", line)} == wrong


def test_each_mistake_has_its_message_and_its_cure() -> None:
    """No section of the page lacks one of them."""
    sections = PAGE.read_text("utf-8").split("\n## ")[1:]
    assert len(sections) == len({block.file for block in BLOCKS if block.file} - RIGHT)
    for section in sections:
        assert "```text" in section, section
        assert "**Cure**" in section, section
