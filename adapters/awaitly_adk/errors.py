"""What this adapter raises."""

from __future__ import annotations

from awaitly_adk.core import PendingApproval

__all__ = ["StillWaiting"]


class StillWaiting(RuntimeError):
    """An agent was let go on with a call that waits for a person. The call was not made; the session is as it was.

    This happens where the framework's own question was answered past `go_on`, and where somebody edits a call into one
    that needs another decision. The framework raises a `RuntimeError` of its own from it.
    """

    def __init__(self, pending: PendingApproval) -> None:
        super().__init__(f"{pending}: decide at the gate, then go on with go_on(gate, session)")
        self.pending = pending
