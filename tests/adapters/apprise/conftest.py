from __future__ import annotations

from tests.fixtures import limit

__all__ = ["limit"]
