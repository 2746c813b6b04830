"""`python -m tests.services`: print which servers the tests will use."""

from __future__ import annotations

from urllib.parse import urlsplit

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tests.services.looking import SERVICES, look
from tests.services.offers import Installable, Missing, Offer, Running, Startable


def told(offer: Offer) -> tuple[str, str]:
    """Say what the tests will use, and where it comes from. A password is not repeated."""
    match offer:
        case Running(url, how):
            parts = urlsplit(url)
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", how
        case Startable(folder):
            return "one of their own, for the time of the tests", f"programs in {folder}"
        case Installable(packages):
            return "one of their own, installed first", f"apt-get install {' '.join(packages)}"
        case Missing(cure):
            return "none: what needs it is skipped", cure


def main() -> None:
    """Print the table."""
    table = Table("service", "the tests use", "from", box=SIMPLE_HEAD)
    for service in SERVICES:
        table.add_row(service.name, *told(look(service)))
    Console().print(table)


if __name__ == "__main__":
    main()
