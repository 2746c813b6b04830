"""What a person says that a call gave, of which nobody knew: the model hears it, whichever framework it is in."""

from __future__ import annotations

from typing import Any

import pytest

import awaitly_claude.results
import awaitly_langchain.results
import awaitly_mcp.answers
from awaitly import Performed
from awaitly_adk import results as adk
from awaitly_agent_framework import results as agent_framework
from awaitly_agno import results as agno
from awaitly_pydantic_ai import results as pydantic_ai

SAID: list[tuple[Any, str]] = [
    ("paid, says the bank", "paid, says the bank"),
    ({"receipt": 7}, '{"receipt": 7}'),
    ([1], "[1]"),
    (None, "null"),
]


@pytest.mark.parametrize(
    "results", [adk, agent_framework, agno, pydantic_ai], ids=["adk", "agent_framework", "agno", "pydantic_ai"]
)
@pytest.mark.parametrize(("value", "_"), SAID)
def test_where_values_are_told_it_is_told_as_it_is(results: Any, value: Any, _: str) -> None:
    """And what a tool gave comes back as before."""
    assert results.read(value) == value
    assert results.read(results.kept(value)) == value or results is agno


@pytest.mark.parametrize(("value", "words"), SAID)
def test_where_content_is_told_it_is_told_as_words(value: Any, words: str) -> None:
    """A text as it is, any other value as JSON."""
    content = [{"type": "text", "text": words}]
    assert awaitly_mcp.answers.executed("pay", Performed(value=value, replayed=True)) == {"content": content}
    assert awaitly_claude.results.read(value) == {"content": content}
    message = awaitly_langchain.results.given(value, "pay", "1")
    assert (message.content, message.tool_call_id) == (words, "1")
