from __future__ import annotations

import pytest

from tests.fixtures import clock, each_store, effects, limit
from tests.support import SharedStore

__all__ = ["clock", "each_store", "effects", "limit"]


@pytest.fixture
def store(each_store: SharedStore) -> SharedStore:
    """Give each kind of store."""
    return each_store
