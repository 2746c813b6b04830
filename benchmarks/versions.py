"""On what something was measured: the machine, and the version of all that took part."""

from __future__ import annotations

import platform
import re
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from os import cpu_count, getloadavg, sysconf
from pathlib import Path

__all__ = ["environment"]

_PACKAGES = (
    "awaitly",
    "langgraph",
    "langgraph-checkpoint-sqlite",
    "langgraph-checkpoint-postgres",
    "dbos",
    "absurd-sdk",
    "psycopg",
    "redis",
)
_VERSION = re.compile(r"\d+(\.\d+)+")


def environment() -> dict[str, str]:
    """Say on what it was measured; what is not here is `MISSING`."""
    found = {
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        **_servers(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(cpu_count()),
        "memory": f"{sysconf('SC_PAGE_SIZE') * sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB",
        "load when it began": f"{getloadavg()[0]:.1f}",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return found | {name: _installed(name) for name in _PACKAGES}


def _servers() -> dict[str, str]:
    from tests.services.looking import POSTGRES, REDIS  # noqa: PLC0415  (imports a driver)

    programs = {"Postgres": (POSTGRES.programs(), "postgres"), "Redis": (REDIS.programs(), "redis-server")}
    return {name: _answered(folder / program) if folder else "MISSING" for name, (folder, program) in programs.items()}


def _answered(program: Path) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = _VERSION.search(said)
    return found[0] if found else "MISSING"


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "from its source" if package == "awaitly" else "MISSING"
