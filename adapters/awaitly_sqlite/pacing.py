"""Where to wait for the disk: handing a transaction to another thread and back may take longer than a quick disk."""

from __future__ import annotations

__all__ = ["Pace"]

_QUICK = 0.001
"""So many seconds may a flush hold up the event loop, on average."""
_WEIGHT = 1 / 8
_OUTLIER = 2 * _QUICK
"""No single flush counts for more: one stall does not make a quick disk slow."""
_FIRST_PATIENCE, _LAST_PATIENCE = 32, 4096


class Pace:
    """Learns from each flush that the loop waited for whether it may wait for the next one too.

    Where the disk is slow, a flush is tried on the loop again after 32 elsewhere, then after 64, and so on, for only
    there its time can be told from that of waiting for the interpreter.
    """

    def __init__(self) -> None:
        self._average = 0.0
        self._elsewhere = 0
        self._patience = _FIRST_PATIENCE

    def waits_here(self) -> bool:
        """Judge where the next flush is to be waited for."""
        if self._average <= _QUICK:
            return True
        self._elsewhere += 1
        if self._elsewhere <= self._patience:
            return False
        self._elsewhere = 0
        self._patience = min(2 * self._patience, _LAST_PATIENCE)
        return True

    def took(self, seconds: float) -> None:
        """Learn how long a flush held up the loop."""
        if self._average > _QUICK:
            self._average = seconds  # a new try: it alone counts
        else:
            self._average += (min(seconds, _OUTLIER) - self._average) * _WEIGHT
        if self._average <= _QUICK / 2:
            self._patience = _FIRST_PATIENCE
