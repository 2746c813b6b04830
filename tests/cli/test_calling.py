from __future__ import annotations

from pathlib import Path

import pytest

from awaitly.cli.calling import program


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a program that is called awaitly, off the path."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    folder = tmp_path / "bin"
    folder.mkdir()
    file = folder / "awaitly"
    file.touch()
    file.chmod(0o755)
    return folder


def test_awaitly_on_the_path_is_called_by_its_name(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it was called this time."""
    monkeypatch.setenv("PATH", str(elsewhere))
    assert program(str(elsewhere / "awaitly")) == "awaitly"


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("called", "typed"),
    [(".venv-demo/bin/awaitly", ".venv-demo/bin/awaitly"), ("my env/bin/awaitly", "'my env/bin/awaitly'")],
)
def test_awaitly_off_the_path_is_called_as_it_was(called: str, typed: str) -> None:
    """By the path, quoted, so that what is printed can be typed."""
    assert program(called) == typed


@pytest.mark.usefixtures("elsewhere")
def test_a_program_of_another_name_is_not_named() -> None:
    """`python -m awaitly` is called by a file that nobody runs by itself."""
    assert program("/lib/awaitly/__main__.py") == "awaitly"
