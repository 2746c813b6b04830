"""A gate before the tools of Google's Agent Development Kit: people see a call first; it is made as approved, once."""

from __future__ import annotations

from awaitly_adk.core import check_versions
from awaitly_adk.versions import TRIED

check_versions(__name__, TRIED)

from awaitly_adk.errors import StillWaiting  # noqa: E402  (the framework's version is checked first)
from awaitly_adk.plugin import GatePlugin  # noqa: E402  (the same)
from awaitly_adk.resuming import go_on  # noqa: E402  (the same)

__all__ = ["GatePlugin", "StillWaiting", "go_on"]
