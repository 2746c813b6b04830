"""What this adapter raises, as an error of the SDK's."""

from __future__ import annotations

from agents.exceptions import UserError

from awaitly_openai_agents.core import PendingApproval

__all__ = ["StillWaiting"]


class StillWaiting(UserError):
    """The run was let go on with a call that waits for a person. The call was not made; the saved state is as it was.

    This happens where `state.approve` was called past the gate, and where somebody edits a call into one that needs
    another decision. Go on from the saved state, by `go_on`: it pauses as it should.
    """

    def __init__(self, pending: PendingApproval) -> None:
        super().__init__(f"{pending}: decide at the gate, then go on from the saved state, by go_on(state)")
        self.pending = pending
