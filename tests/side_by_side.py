"""`python -m tests.side_by_side [OPTION...]`: run all tests in two processes, which take about as long, one a core.

What the first prints is shown as it comes, what the second has printed follows at its end. Options go to both. Where
files are named, pytest runs these alone, in one process.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

__all__: list[str] = []

HERE = Path(__file__).parent
FIRST = (
    "browser",
    "channels",
    "docs",
    "examples",
    "gating",
    "regressions",
    "security",
    "services",
    "simulations",
    "stores",
    "typing",
    "waits",
)
"""The folders of the first process; all others are the second's, those included that are yet to come."""
_NO_TESTS = 5


def _halves() -> tuple[list[str], list[str]]:
    parts = [path for path in HERE.iterdir() if path.is_dir() or path.name.startswith("test_")]
    names = sorted(f"{HERE.name}/{path.name}" for path in parts if not path.name.startswith(("_", ".")))
    first = [f"{HERE.name}/{name}" for name in FIRST]
    return first, [name for name in names if name not in first]


def _pytest(arguments: Sequence[str], output: IO[str] | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.Popen(command, cwd=HERE.parent, text=True, stdout=output, stderr=output)


def _main(options: Sequence[str]) -> int:
    """Give what pytest would have given: 0 where all is well."""
    if any(option.startswith(HERE.name) for option in options):
        return _pytest(options).wait()
    first, second = _halves()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as kept:
        behind = _pytest([*options, *second], kept)
        try:
            codes = [_pytest([*options, *first]).wait(), behind.wait()]
        finally:
            behind.terminate()
            behind.wait()
        kept.seek(0)
        sys.stdout.writelines(kept)
    return max((code for code in codes if code != _NO_TESTS), default=0)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
