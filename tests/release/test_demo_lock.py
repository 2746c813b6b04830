from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def pins(name: str) -> set[str]:
    """Give what a lock pins, as `name==version`."""
    text = (ROOT / "requirements" / name).read_text()
    return set(re.findall(r"^[a-z0-9._-]+==[^ ;]+", text, re.MULTILINE))


def test_the_demo_takes_little_of_what_the_tests_take() -> None:
    """In the same versions, so that what was tested is what people see."""
    assert pins("demo.txt") < pins("dev.txt")
    assert len(pins("demo.txt")) < 50


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(("ready", "environment"), [(False, ".venv-demo"), (True, ".venv")])
def test_the_demo_has_a_small_environment_unless_the_large_one_is_there(
    tmp_path: Path, environment: str, *, ready: bool
) -> None:
    """Whoever only looks does not wait for the tools of the tests."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements").mkdir()
    for name in ("requirements/dev.txt", "requirements/demo.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    if ready:
        (tmp_path / ".venv").mkdir()
        for stamp in (".locked", ".ready"):
            (tmp_path / ".venv" / stamp).touch()
    done = subprocess.run(["make", "--dry-run", "demo"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == f"{environment}/bin/awaitly demo"
    assert ("requirements/dev.txt" in done.stdout) is False
    assert ("requirements/demo.txt" in done.stdout) is not ready
