from __future__ import annotations

from pathlib import Path

from examples.agents.with_adk import agent_pays
from tests.adapters.adk.acting import Model

FILE = Path(__file__).parents[2] / "examples" / "agents" / "with_adk.py"


async def test_the_agent_pays_what_a_person_let_it() -> None:
    """The call waits, is edited, is made as edited, and the model is told."""
    *_, told, done = await agent_pays(Model([("pay", {"to": "bob", "amount": 100}, None)]))
    assert "pay was executed with amount=42, edited by a human" in told
    assert "paid 42 to bob" in told
    assert "done" in done
    assert len(FILE.read_text("utf-8").splitlines()) <= 30
