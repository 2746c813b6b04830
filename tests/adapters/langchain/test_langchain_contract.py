"""The contract of adapters holds of LangChain's agents and of LangGraph's graphs."""

from __future__ import annotations

from awaitly.testing.gate_contract import GateContract
from tests.adapters.langchain.agents import GraphDriver, MiddlewareDriver


class TestMiddleware(GateContract):
    """An agent of `create_agent`."""

    driver = MiddlewareDriver


class TestGraph(GateContract):
    """A graph whose node gets all calls of a message."""

    driver = GraphDriver
