"""Where a service is looked for, in this order: the environment, its default port, programs, packages."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
from attrs import frozen

from tests.services.asking import told
from tests.services.installing import can_install
from tests.services.offers import Installable, Missing, Offer, Running, Startable
from tests.services.ports import HOST
from tests.services.redis_cluster import is_whole

__all__ = ["CLUSTER", "POSTGRES", "REDIS", "SERVICES", "Service", "look", "look_for_programs"]

_POSTGRES = f"postgresql://postgres@{HOST}:5432/postgres"
_POSTGRES_AT_LEAST = 130_000
_REDIS_PORT = 6379
_CLUSTER_PORT = 7000
_PROBE = 2


@frozen
class Service:
    """A kind of server that tests need: what it is called, and how it is found."""

    name: str
    variable: str
    example: str
    port: int
    packages: tuple[str, ...]
    at_default_port: Callable[[], str | None]
    programs: Callable[[], Path | None]

    @property
    def cure(self) -> str:
        """What to do where there is none."""
        return f"set {self.variable}={self.example}, or install it (Debian: apt-get install {' '.join(self.packages)})"


def look(service: Service, environ: Mapping[str, str] = os.environ) -> Offer:
    """Find the first way to a server of this kind. Whoever names one in the environment wants that one, or none."""
    given = environ.get(service.variable)
    if given:
        return Running(given, service.variable)
    found = service.at_default_port()
    if found:
        return Running(found, f"port {service.port}")
    return look_for_programs(service)


def look_for_programs(service: Service) -> Offer:
    """Find the first way to a server of our own."""
    folder = service.programs()
    if folder is not None:
        return Startable(folder)
    return Installable(service.packages) if can_install() else Missing(service.cure)


def _running_postgres() -> str | None:
    """Look for a Postgres that is new enough, and lets us make databases."""
    try:
        with psycopg.connect(_POSTGRES, connect_timeout=_PROBE) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            return _POSTGRES if row == (True,) and connection.info.server_version >= _POSTGRES_AT_LEAST else None
    except psycopg.Error:
        return None


def _postgres_programs() -> Path | None:
    """Look for a folder with `initdb` and `postgres`: on the path, or the newest where Debian keeps them."""
    kept = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    kept += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version_of, reverse=True)
    return next((folder for folder in kept if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def _version_of(folder: Path) -> int:
    digits = re.match(r"\d+", folder.parent.name)
    return int(digits[0]) if digits else 0


def _running_redis() -> str | None:
    """Look for a Redis that keeps each write, whatever happens to it."""
    return f"redis://{HOST}:{_REDIS_PORT}/0" if _keeps_all(_REDIS_PORT) else None


def _running_cluster() -> str | None:
    """Look for a Redis Cluster that keeps each write."""
    try:
        suits = is_whole(_CLUSTER_PORT) and _keeps_all(_CLUSTER_PORT)
    except OSError:
        return None
    return f"redis+cluster://{HOST}:{_CLUSTER_PORT}" if suits else None


def _keeps_all(port: int) -> bool:
    wanted = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
    try:
        return told(port, "CONFIG", "GET", "*").items() >= wanted.items()
    except OSError:
        return False


def _redis_programs() -> Path | None:
    found = shutil.which("redis-server")
    return Path(found).parent if found else None


POSTGRES = Service(
    "Postgres",
    "AWAITLY_TEST_POSTGRES",
    "postgresql://user:password@host/database",
    5432,
    ("postgresql",),
    _running_postgres,
    _postgres_programs,
)
REDIS = Service(
    "Redis (AOF)",
    "AWAITLY_TEST_REDIS",
    "redis://host:6379/0",
    _REDIS_PORT,
    ("redis-server",),
    _running_redis,
    _redis_programs,
)
CLUSTER = Service(
    "Redis Cluster",
    "AWAITLY_TEST_REDIS_CLUSTER",
    "redis+cluster://host:7000",
    _CLUSTER_PORT,
    ("redis-server",),
    _running_cluster,
    _redis_programs,
)
SERVICES = (POSTGRES, REDIS, CLUSTER)
