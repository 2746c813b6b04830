"""What can be had of a service or a tool: one that runs or is here, programs, packages to install, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from attrs import frozen

__all__ = ["Fetchable", "Found", "Installable", "Missing", "Offer", "Running", "Startable"]


@frozen
class Running:
    """A server that runs already; `how` says where its address comes from."""

    url: str
    how: str


@frozen
class Startable:
    """Programs in this folder, to start a server of our own with."""

    folder: Path


@frozen
class Found:
    """A tool at this place; `how` says where that is known from."""

    path: Path
    how: str


@frozen
class Fetchable:
    """What npm fetches, by the lock in this folder."""

    folder: Path


@frozen
class Installable:
    """Debian packages that this user can install."""

    packages: tuple[str, ...]


@frozen
class Missing:
    """Nothing is there, and what to do about it."""

    cure: str


Offer: TypeAlias = Running | Startable | Found | Fetchable | Installable | Missing
