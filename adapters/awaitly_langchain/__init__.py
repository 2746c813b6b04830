"""LangChain's agents and LangGraph's graphs behind a gate: calls are shown to people, and made as approved, once."""

from __future__ import annotations

from importlib import import_module

try:
    for needed in ("langchain.agents", "langgraph.prebuilt"):
        import_module(needed)
except ModuleNotFoundError as exc:
    if (exc.name or "").partition(".")[0] not in {"langchain", "langgraph"}:
        raise
    missing = f"awaitly_langchain needs langchain, which is missing ({exc.name}): pip install 'awaitly[langchain]'"
    raise ModuleNotFoundError(missing, name=exc.name) from exc

from awaitly_langchain.versions import check_versions

check_versions()

# After the check: other versions may lack what these import.
from awaitly_langchain.middleware import GateMiddleware  # noqa: E402
from awaitly_langchain.nodes import gated_tools  # noqa: E402
from awaitly_langchain.pausing import resumption, tickets_of  # noqa: E402
from awaitly_langchain.versions import UntriedVersion  # noqa: E402

__all__ = ["GateMiddleware", "UntriedVersion", "gated_tools", "resumption", "tickets_of"]
