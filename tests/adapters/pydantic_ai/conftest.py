from __future__ import annotations

from tests.adapters.gated import gate, store
from tests.fixtures import clock, limit

__all__ = ["clock", "gate", "limit", "store"]
