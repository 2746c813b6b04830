"""The types of the API, in mypy and in pyright: what must check does, and what must not does not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASES = sorted((Path(__file__).parent / "cases").glob("*.py"))
README = ROOT / "README.md"


def run(*command: str | Path) -> str:
    """Run a checker in the project's folder and give what it prints, whatever its exit code."""
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def refused_by_mypy(*files: Path) -> set[tuple[str, int]]:
    """Give file and line of each error that mypy reports."""
    printed = run(sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *files)
    found = re.findall(r"^(.+?):(\d+): error", printed, re.MULTILINE)
    assert found or not printed.strip(), printed
    return {(Path(name).name, int(line)) for name, line in found}


def refused_by_pyright(project: Path, *files: Path) -> set[tuple[str, int]]:
    """Give file and line of each error that pyright reports; `project` gets a configuration that includes the files."""
    config = {
        "include": [os.path.relpath(file, project) for file in files],
        "extraPaths": [str(ROOT), str(ROOT / "adapters")],
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
    }
    (project / "pyrightconfig.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", "-p", str(project)]
    report = json.loads(run(*command))
    assert report["summary"]["filesAnalyzed"] == len(files), report
    errors = (found for found in report["generalDiagnostics"] if found["severity"] == "error")
    return {(Path(found["file"]).name, found["range"]["start"]["line"] + 1) for found in errors}


def marked() -> set[tuple[str, int]]:
    """Give file and line of each line that is marked as one that must not check."""
    return {
        (case.name, number)
        for case in CASES
        for number, line in enumerate(case.read_text().splitlines(), start=1)
        if "# E:" in line
    }


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    """All Python of the README, as one module."""
    module = tmp_path / "readme.py"
    module.write_text("\n".join(re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)))
    return module


def test_there_are_cases_to_refuse() -> None:
    """The cases mark at least the four mistakes that the API is to catch, so an empty comparison cannot pass."""
    reasons = " ".join(case.read_text() for case in CASES)
    for reason in ("is not declared", "wrong argument", "does not declare NotApproved", "forgotten"):
        assert reason in reasons


def test_mypy_refuses_exactly_the_marked_lines() -> None:
    """Mypy refuses each marked line of the cases, and no other."""
    assert refused_by_mypy(*CASES) == marked()


def test_pyright_refuses_exactly_the_marked_lines(tmp_path: Path) -> None:
    """Pyright refuses each marked line of the cases, and no other."""
    assert refused_by_pyright(tmp_path, *CASES) == marked()


def test_mypy_accepts_the_readme(readme: Path) -> None:
    """The README's Python checks in mypy."""
    assert refused_by_mypy(readme) == set()


def test_pyright_accepts_the_readme(readme: Path, tmp_path: Path) -> None:
    """The README's Python checks in pyright."""
    assert refused_by_pyright(tmp_path, readme) == set()
