from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from awaitly.cli.app import awaitly
from awaitly.cli.codes import ExitCode
from tests.docs.pages import Reader, blocks_of, same

ROOT = Path(__file__).parents[2]
COMMANDS = ROOT / "docs" / "howto" / "command-line.md"


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("paid 1", "paid 1\n"),
        ("paid ...", "paid 120.00 at once"),
        ("first\n...\nlast", "first\nlast"),
        ("first\n...\nlast", "first\nb\nc\nlast"),
        ("at 2026-10-05 09:00:00 UTC", "at 2030-01-07 10:11:12 UTC"),
        ("took 1.4 s", "took 3 min 20 s"),
        ("a  █  <1 ms", "a    ████ 12 ms"),
        ("RUN  KEY", "RUN      KEY"),
    ],
)
def test_what_differs_from_day_to_day_is_alike(shown: str, printed: str) -> None:
    """Moments, lengths of time, bars, widths of columns, and what `...` stands for."""
    assert same(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("paid 1", "paid 2"),
        ("paid 1", ""),
        ("", "paid 1"),
        ("first\n...\nlast", "first\nb"),
        ("a.b", "axb"),
        ("one\ntwo", "one"),
    ],
)
def test_everything_else_is_not(shown: str, printed: str) -> None:
    """A page that shows something else than is printed fails."""
    assert not same(shown, printed)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "page.md:2 shows"),
        ("```python\nprint(1)\n```\n", "page.md:2 shows"),
        ("```console\n$ echo one\ntwo\n```\n", "page.md:2 shows"),
        ("```pyton\nprint(1)\n```\n", "pyton"),
        ("```python\nprint(1)\n", "not closed"),
    ],
)
def test_a_page_that_is_wrong_fails(page: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Output that differs or is not shown, a misspelt language, a fence that is not closed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.md").write_text(page)
    with pytest.raises(AssertionError, match=message):
        Reader().read(tmp_path / "page.md")


def test_the_tutorial_type_checks(tmp_path: Path) -> None:
    """Mypy, strict, has nothing to say about the files that a newcomer saves."""
    files = [block for block in blocks_of(ROOT / "docs" / "tutorial.md") if block.file]
    for block in files:
        (tmp_path / str(block.file)).write_text(block.text, "utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={ROOT / '.mypy_cache'}", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_page_on_the_command_line_has_every_command() -> None:
    """Each command and option of `awaitly --help` is on the page, and each exit code with its meaning."""
    page = COMMANDS.read_text("utf-8")
    listed = click.Context(awaitly)
    for name in awaitly.list_commands(listed):
        command = awaitly.get_command(listed, name)
        assert command is not None
        assert f"`awaitly {name}" in page, name
        shown = [each for each in command.params if not getattr(each, "hidden", False)]
        for option in (word for each in shown for word in each.opts if word.startswith("--")):
            assert f"`{option}" in page, f"{name} {option}"
    helped = Reader().shell("awaitly --help")
    for code in ExitCode:
        meaning = next(line for line in helped.splitlines() if line.split()[:1] == [str(code.value)])
        assert f"| {code.value} | {' '.join(meaning.split()[1:])} |" in page
