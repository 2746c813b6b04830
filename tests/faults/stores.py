"""Where the runs of a test are kept, as a text: in any process it gives a store on the same rows.

It is the URL of a store, or two of them, for approvals and for runs, where a `SplitStore` joins two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

from awaitly import Store, open_store
from awaitly_split import SplitStore

__all__ = ["file_of", "halves", "impatient", "in_files", "settled", "split", "store_at"]

Wrapping: TypeAlias = Callable[[Store], Store]
_BETWEEN = " | "
_HASTE = "0.05s"


def split(approvals: str, state: str) -> str:
    """Write the address of a store in two halves."""
    return f"{approvals}{_BETWEEN}{state}"


def halves(address: str) -> list[str]:
    """Give the URLs of an address: one, or two where it is split."""
    return address.split(_BETWEEN)


def store_at(address: str, around: Wrapping = lambda store: store) -> Store:
    """Make the store, not yet opened, with something around each store that talks to a server."""
    first, *second = [_wrapped(url, around) for url in halves(address)]
    if not second:
        return first
    return SplitStore(approvals=first, state=second[0])


def _wrapped(url: str, around: Wrapping) -> Store:
    store = open_store(url)
    return store if url.startswith("sqlite:") else around(store)


def impatient(address: str) -> str:
    """Let the stores of an address raise as soon as their server is away."""
    return _BETWEEN.join(_hasty(url) for url in halves(address))


def _hasty(url: str) -> str:
    if url.startswith("sqlite:"):
        return url
    option = "reconnect" if url.startswith("postgresql:") else "patience"
    return f"{url}{'&' if '?' in url else '?'}{option}={_HASTE}"


def in_files(address: str) -> bool:
    """Whether no server is asked."""
    return all(url.startswith("sqlite:") for url in halves(address))


def file_of(address: str) -> str:
    """Give the file of a SQLite store."""
    parts = urlsplit(address)
    assert parts.scheme == "sqlite", address
    return parts.path.removeprefix("/")


def settled(address: str) -> None:
    """Wait until the servers have done with whatever a process asked of them that was killed."""
    for url in halves(address):
        parts = urlsplit(url)
        if parts.scheme == "postgresql":
            _gone(f"postgresql://{parts.netloc}{parts.path}", parse_qs(parts.query)["application_name"][0])


def _gone(server: str, name: str) -> None:
    """Wait until no connection of this name is left: a backend ends what it is at before it sees its client gone."""
    from tests.services.sessions import wait_for_the_end  # noqa: PLC0415  (imports a driver)

    wait_for_the_end(server, name)
