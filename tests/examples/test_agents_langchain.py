"""The example of an agent of LangChain runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import awaitly
from tests.adapters.langchain.worlds import paying, wanting

FILE = Path(awaitly.__file__).parents[1] / "examples" / "agents" / "langchain.py"


async def test_the_agent_pays_what_a_person_let_it() -> None:
    """Its model hears of the edit."""
    spec = importlib.util.spec_from_file_location("tested_agents_langchain", FILE)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    *_, told, done = await module.agent_pays(wanting(paying()))
    assert told == "pay was executed with amount=42, edited by a human; do not re-issue.\n\npaid 42 to bob"
    assert done == "done"


def test_the_example_is_short() -> None:
    """Thirty lines at most."""
    assert len(FILE.read_text("utf-8").splitlines()) <= 30
