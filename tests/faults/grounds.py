"""The kinds of stores that the fault tests go over, and where a new, empty one of each is had.

A ground makes places: each with a store of its own, and with files in the folder that it is given. Servers are always
of our own, and no test of this folder stops them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import pytest

from tests.faults.orders import Place, sqlite_at
from tests.faults.stores import split
from tests.services.postgres_server import PostgresServer
from tests.services.redis_cluster import RedisCluster
from tests.services.redis_server import RedisServer

__all__ = ["ELSEWHERE", "SOON", "Ground", "ground_of"]

Ground: TypeAlias = Callable[[Path], Place]
_Address: TypeAlias = Callable[[Path, str], str]
"""Gives an address that nobody has used, by a folder and a name that nobody has used."""


def _postgres(request: pytest.FixtureRequest) -> _Address:
    server: PostgresServer = request.getfixturevalue("own_postgres")
    return lambda folder, name: f"{server.url}?namespace={name}&application_name={name}"


def _redis(request: pytest.FixtureRequest) -> _Address:
    server: RedisServer = request.getfixturevalue("own_redis")
    return lambda folder, name: f"{server.url}?namespace={name}"


def _cluster(request: pytest.FixtureRequest) -> _Address:
    cluster: RedisCluster = request.getfixturevalue("own_redis_cluster")
    return lambda folder, name: f"{cluster.url}?namespace={name}"


def _split_in_files(request: pytest.FixtureRequest) -> _Address:
    return lambda folder, name: split(sqlite_at(folder / f"{name}-a.db"), sqlite_at(folder / f"{name}-b.db"))


def _split_on_servers(request: pytest.FixtureRequest) -> _Address:
    approvals, state = _redis(request), _postgres(request)
    return lambda folder, name: split(approvals(folder, name), state(folder, name))


_ADDRESSES: Mapping[str, Callable[[pytest.FixtureRequest], _Address]] = {
    "postgres": _postgres,
    "redis": _redis,
    "cluster": _cluster,
    "split in files": _split_in_files,
    "split on servers": _split_on_servers,
}
ELSEWHERE = tuple(_ADDRESSES)
"""All kinds but SQLite, whose tests are so quick that they are made at length each time."""
SOON = ("postgres", "redis", "split on servers")
"""Those of them on which the short runs are made too."""


def ground_of(name: str, request: pytest.FixtureRequest) -> Ground:
    """Give a ground by its name; starts the servers that it needs."""
    address = _ADDRESSES[name](request)
    return lambda folder: Place.at(folder, store=address(folder, f"t{uuid4().hex[:12]}"))
