"""How long the long runs are: whole, or the share of that which the environment asks for."""

from __future__ import annotations

import os

__all__ = ["LONG", "times"]

LONG = os.environ.get("AWAITLY_FAULTS") == "long"
_SHARE = float(os.environ.get("AWAITLY_FAULTS_SHARE", "1"))


def times(whole: int) -> int:
    """Give how often something happens in a long run, once at least: `whole` where nobody asks for a share."""
    return max(1, round(whole * _SHARE))
