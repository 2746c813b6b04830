"""`python -m tests.services`: print which servers and tools the tests will use; `--install` gets what is missing."""

from __future__ import annotations

import sys
from subprocess import CalledProcessError
from urllib.parse import urlsplit

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from tests.services.having import get
from tests.services.looking import SERVICES, look
from tests.services.offers import Fetchable, Found, Installable, Missing, Offer, Running, Startable
from tests.services.providing import programs
from tests.services.tools import TOOLS, look_for_tool


def told(offer: Offer) -> tuple[str, str]:
    """Say what the tests will use, and where it comes from. A password is not repeated."""
    match offer:
        case Running(url, how):
            parts = urlsplit(url)
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", how
        case Startable(folder):
            return "one of their own, for the time of the tests", f"programs in {folder}"
        case Found(path, how):
            return str(path), how
        case Fetchable(folder):
            return "not here, fetched first", f"npm, by the lock in {folder}"
        case Installable(packages):
            return "not here, installed first", f"apt-get install {' '.join(packages)}"
        case Missing(cure):
            return "none: what needs it is skipped", cure


def get_all() -> list[str]:
    """Install whatever is missing and can be had now, and say what could not be had."""
    missing: list[str] = []
    for service in SERVICES:
        try:
            if isinstance(look(service), Installable):
                programs(service)
        except CalledProcessError as exc:
            missing.append(f"{service.name}: {exc}")
    for tool in TOOLS:
        try:
            get(tool)
        except CalledProcessError as exc:
            missing.append(f"{tool.name}: {exc}")
    return missing


def main(words: list[str]) -> int:
    """Print the table."""
    if words not in ([], ["--install"]):
        print("usage: python -m tests.services [--install]", file=sys.stderr)  # noqa: T201  (a command's answer)
        return 2
    missing = get_all() if words else []
    names = ("service or tool", "the tests use", "from")
    table = Table(*(Column(name, overflow="fold") for name in names), box=SIMPLE_HEAD)
    for service in SERVICES:
        table.add_row(service.name, *told(look(service)))
    for tool in TOOLS:
        table.add_row(tool.name, *told(look_for_tool(tool)))
    Console().print(table)
    for each in missing:
        print(f"could not be had: {each}", file=sys.stderr)  # noqa: T201  (as above)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
