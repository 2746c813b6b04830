"""LangChain's agents and LangGraph's graphs behind a gate: calls are shown to people, and made as approved, once."""

from __future__ import annotations

from awaitly import check_versions
from awaitly_langchain.versions import TRIED

check_versions(__name__, TRIED)

# After the check: other versions may lack what these import.
from awaitly_langchain.middleware import GateMiddleware  # noqa: E402
from awaitly_langchain.nodes import gated_tools  # noqa: E402
from awaitly_langchain.pausing import resumption, tickets_of  # noqa: E402

__all__ = ["GateMiddleware", "gated_tools", "resumption", "tickets_of"]
