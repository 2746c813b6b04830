"""The Redis store: for many processes on many hosts, at low latency."""

from __future__ import annotations

from awaitly_redis.acknowledging import Acknowledge
from awaitly_redis.store import RedisStore
from awaitly_redis.url import open_redis

__all__ = ["Acknowledge", "RedisStore", "open_redis"]
