"""Runs whose store has no room left on its disk, again and again: nothing is lost, and they go on once there is."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shutil import chown

import psycopg
import pytest
from attrs import frozen

from tests.faults.lengths import times
from tests.faults.orders import sqlite_at
from tests.faults.outages import Outage
from tests.faults.stores import split
from tests.faults.travels import WAVE, live_through
from tests.services.asking import ask
from tests.services.plugin import NewPostgres, NewRedis
from tests.services.processes import unprivileged
from tests.services.redis_server import DURABLE

FEW, MANY = 1, max(2, -(-times(300) // WAVE))
WAVES = [FEW, pytest.param(MANY, marks=pytest.mark.slow)]
_CHUNK = b"x" * 4096


@frozen
class Disk:
    """A small file system of its own."""

    folder: Path

    def fill(self) -> None:
        """Leave no room."""
        with suppress(OSError), (self.folder / "ballast").open("ab", buffering=0) as file:
            while True:
                file.write(_CHUNK)

    def free(self) -> None:
        """Give the room back."""
        (self.folder / "ballast").unlink(missing_ok=True)


@pytest.fixture
def disk(here: Path) -> Iterator[Disk]:
    """Give an empty disk of some megabytes."""
    folder = here / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting needs root")
    yield Disk(folder)
    subprocess.run(["umount", "-l", folder], check=True)


async def lived(address: str, waves: int, *outages: Outage) -> None:
    """Let runs go on while disks are full and have room in turn, and see that they meet it."""
    journal = await live_through(address, waves, *outages)
    assert journal.told.total() > 0


@pytest.mark.store("sqlite")
@pytest.mark.parametrize("waves", WAVES)
async def test_a_full_disk_loses_nothing_in_a_file(waves: int, disk: Disk) -> None:
    """SQLite refuses what finds no room, and takes it afterwards."""
    await lived(sqlite_at(disk.folder / "runs.db"), waves, Outage(disk.fill, disk.free))


@pytest.mark.slow
@pytest.mark.store("split")
async def test_a_full_disk_loses_nothing_in_two_files(disk: Disk) -> None:
    """The same where either half of a commit may find no room."""
    address = split(sqlite_at(disk.folder / "a.db"), sqlite_at(disk.folder / "b.db"))
    await lived(address, MANY, Outage(disk.fill, disk.free))


@pytest.mark.slow
async def test_a_full_disk_loses_nothing_in_redis(disk: Disk, new_redis: NewRedis) -> None:
    """A Redis that must keep each write ends itself where it cannot; started with room again, it has all."""
    server = new_redis(*DURABLE, "--dir", str(disk.folder))

    def free() -> None:
        disk.free()
        try:
            ask(server.port, "PING")
        except OSError:
            server.restart()

    await lived(server.url, MANY, Outage(disk.fill, free))


@pytest.mark.slow
async def test_a_full_disk_loses_nothing_in_postgres(disk: Disk, new_postgres: NewPostgres) -> None:
    """Where its tables have no room left, and its log has, a server refuses what would need more."""
    server = new_postgres()
    user = unprivileged()
    if user is not None:
        chown(disk.folder, user)
        chown(disk.folder.parent, user)
    async with await psycopg.AsyncConnection.connect(server.url, autocommit=True) as admin:
        await admin.execute(f"CREATE TABLESPACE small LOCATION '{disk.folder}'".encode())
        await admin.execute("CREATE DATABASE small TABLESPACE small")
    address = f"{server.url.removesuffix('/postgres')}/small?application_name=full"
    await lived(address, MANY, Outage(disk.fill, disk.free))
    server.stop()
