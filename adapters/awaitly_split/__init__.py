"""A store of two others: approvals, their ledger and notices in one, runs and steps in the other."""

from __future__ import annotations

from awaitly_split.store import SplitStore

__all__ = ["SplitStore"]
