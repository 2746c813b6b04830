from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "agents"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("pydantic_ai", ['pay {"to": "a", "amount": 0}', "executed with to=bob, amount=42"]),
        ("agent_framework", ['pay {"to": "bob", "amount": 100}', "executed with amount=42"]),
    ],
)
def test_an_agents_call_is_shown_edited_and_made(name: str, shown: list[str]) -> None:
    """The example prints the call that people see, and what the agent hears of the edited one."""
    program = FOLDER / f"with_{name}.py"
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(said in done.stdout for said in [*shown, "paid 42 to bob"]), done.stdout
    assert len(program.read_text("utf-8").splitlines()) <= 30
