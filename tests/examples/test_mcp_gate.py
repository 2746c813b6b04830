"""The rules for a server of files."""

from __future__ import annotations

from pathlib import Path

import pytest

import awaitly
from awaitly import Allow, AskPeople, Deny, load_rules

RULES = Path(awaitly.__file__).parents[1] / "examples" / "agents" / "mcp-gate.toml"


@pytest.mark.parametrize(
    ("tool", "ruling"),
    [("read_text_file", Allow), ("move_file", Deny), ("write_file", AskPeople), ("something_new", type(None))],
)
def test_reading_passes_writing_asks_and_moving_is_forbidden(tool: str, ruling: type[object]) -> None:
    """What no rule names is left to the gate, which asks."""
    assert isinstance(load_rules(RULES)(tool, {"path": "a"}), ruling)
