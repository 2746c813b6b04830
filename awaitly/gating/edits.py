"""What a model is told of a call that a person has changed."""

from __future__ import annotations

from awaitly.approvals.differing import ABSENT, Difference
from awaitly.gating.calls import Performed
from awaitly.visible import clipped, shown, visible

__all__ = ["edit_notice"]

_LONGEST = 2_000
"""Characters of what is told of the changes."""


def edit_notice(tool: str, performed: Performed) -> str | None:
    """Say with what a call was executed where a person changed it; None where nothing was changed.

    Of what is redacted it says only that it was changed.
    """
    if not performed.changes:
        return None
    changed = clipped(", ".join(map(_said, performed.changes)), _LONGEST)
    return f"{visible(tool)} was executed with {changed}, edited by a human; do not re-issue."


def _said(change: Difference) -> str:
    path = visible(change.path.removeprefix("$").removeprefix("."))
    return f"no {path}" if change.after is ABSENT else f"{path}={shown(change.after)}"
