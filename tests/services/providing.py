"""Having the programs of a service: as they are found, or installed first."""

from __future__ import annotations

from pathlib import Path

from tests.services.installing import install
from tests.services.looking import Service, look_for_programs
from tests.services.offers import Installable, Startable

__all__ = ["programs"]


def programs(service: Service) -> Path | None:
    """Give the folder with the programs, or None where they are neither there nor to be had."""
    match look_for_programs(service):
        case Startable(folder):
            return folder
        case Installable(packages):
            install(packages)
            return service.programs()
        case _:
            return None
