from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "examples" / "agents" / "with_claude.py"


def test_a_call_is_shown_edited_and_made() -> None:
    """The example prints the call that people see, and what the agent hears of the edited one."""
    done = subprocess.run([sys.executable, PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        'pay {"to": "bob", "amount": 100}',
        "pay was executed with amount=42, edited by a human; do not re-issue.",
        "paid 42 to bob",
    ]
    assert len(PROGRAM.read_text("utf-8").splitlines()) <= 30
