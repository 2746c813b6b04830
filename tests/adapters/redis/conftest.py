from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from awaitly_redis import RedisStore
from tests.adapters.redis.asking import clients, until


@pytest.fixture
def namespace() -> str:
    """Name a namespace that nobody else has."""
    return f"test-{uuid4().hex}"


@pytest.fixture
async def store(redis_url: str, namespace: str) -> AsyncIterator[RedisStore]:
    """Yield an open store without rows, on a Redis that keeps each write; it leaves no connection there."""
    store = RedisStore(f"{redis_url}?client_name={namespace}", namespace=namespace)
    await store.open()
    yield store
    await store.close()

    async def has_left() -> bool:
        return await clients(redis_url, namespace) == 0

    await until(has_left)
