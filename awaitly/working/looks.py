"""Looking again for as long as others get in between."""

from __future__ import annotations

from attrs import evolve

from awaitly.exceptions import StoreError
from awaitly.storage.store import Found

__all__ = ["Looks"]

_IN_VAIN = 3
"""How often a commit may be refused where nothing has moved: a server may have refused two that met."""


class Looks:
    """What somebody sees who tries again for as long as others get in between."""

    __slots__ = ("_last", "_times")

    def __init__(self) -> None:
        self._last: Found | None = None
        self._times = 0

    def again(self, found: Found) -> Found:
        """Note what was loaded. Raises `StoreError` where commits are refused and yet it stays the same.

        A transaction that reads as of its begin shows the same for ever, however often one looks.
        """
        last, self._last = self._last, found
        self._times = self._times + 1 if last is not None and evolve(last, now=found.now) == found else 1
        if self._times > _IN_VAIN:
            msg = "the write is refused although nothing seems to have moved: "
            raise StoreError(msg + "your transaction began before this changed; roll back and try again")
        return found
