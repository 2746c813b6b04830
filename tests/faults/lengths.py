"""How long the long runs are: whole, or the share of that which the environment asks for."""

from __future__ import annotations

import os

__all__ = ["LONG", "ROUNDS", "SEEDS", "SENDS", "SNAPSHOTS", "TRAVELS", "at_length", "times"]

SEEDS = 200
"""Processes that are killed on either side of each write, in each kind of store."""
ROUNDS = 1_000
"""Contests for one decision, and for one resume, in each kind of store."""
SENDS = 200
"""Processes that are killed beside a send, in each kind of store; at least."""
SNAPSHOTS = 1_000
"""Bodies that are damaged, in each kind of store; at least."""
TRAVELS = 1_000
"""Runs that go on while their servers come and go; at least."""

LONG = os.environ.get("AWAITLY_FAULTS") == "long"
_SHARE = float(os.environ.get("AWAITLY_FAULTS_SHARE", "1"))


def times(whole: int) -> int:
    """Give how often something happens in a long run, once at least: `whole` where nobody asks for a share."""
    return max(1, round(whole * _SHARE))


def at_length(short: int, whole: int) -> int:
    """Give how often something happens in a test that a long run makes longer: `short`, or there a share of `whole`."""
    return max(short, times(whole)) if LONG else short
