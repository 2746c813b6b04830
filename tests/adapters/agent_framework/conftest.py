from __future__ import annotations

from tests.adapters.gated import bank, gate, store
from tests.fixtures import clock, limit

__all__ = ["bank", "clock", "gate", "limit", "store"]
