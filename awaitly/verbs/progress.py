"""How far a chain of stages has come. Pure: all of it stands in the approvals that its stages have asked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum, unique
from itertools import pairwise

from awaitly.approvals.approval import Approval, StagePlace
from awaitly.approvals.eligibility import who_may
from awaitly.statuses import ApprovalStatus
from awaitly.values import frozen

__all__ = ["Progress", "StageProgress", "StageState", "progress_of"]


@unique
class StageState(Enum):
    """Where one stage of a chain stands."""

    COMPLETED = "completed"
    """Approved or edited, and the chain went on."""
    WAITING = "waiting"
    """Its question is open."""
    REMAINING = "remaining"
    """Its turn has not come, and as things stand it will."""
    SKIPPED = "skipped"
    """Its `when` left it out; of one whose turn has not come, as things stand."""
    ENDED = "ended"
    """Rejected, expired, cancelled or superseded: the chain came no further."""
    AGAIN = "again"
    """It was decided, and a later stage's rejection led back before it: it is to be asked anew."""


_NUMBER = re.compile(r"\d+")
_GRANTED = (ApprovalStatus.APPROVED, ApprovalStatus.EDITED)


@frozen
class StageProgress:
    """One stage: its state, its last question if it was asked, and for whom that waits (empty for anyone)."""

    name: str
    state: StageState
    approval: Approval | None = None
    waits_for: tuple[str, ...] = ()


@frozen
class Progress:
    """A chain as it stands, its stages in order."""

    run_id: str
    chain: str
    stages: tuple[StageProgress, ...]

    def of(self, state: StageState) -> tuple[str, ...]:
        """Name the stages that stand there."""
        return self._in(state)

    def _in(self, *states: StageState) -> tuple[str, ...]:
        return tuple(stage.name for stage in self.stages if stage.state in states)

    @property
    def completed(self) -> tuple[str, ...]:
        """The stages that were granted."""
        return self.of(StageState.COMPLETED)

    @property
    def waiting(self) -> StageProgress | None:
        """The stage whose question is open."""
        return next((stage for stage in self.stages if stage.state is StageState.WAITING), None)

    @property
    def remaining(self) -> tuple[str, ...]:
        """The stages that are still to be asked, as things stand."""
        return self._in(StageState.REMAINING, StageState.AGAIN)

    @property
    def skipped(self) -> tuple[str, ...]:
        """The stages that are left out, as things stand."""
        return self.of(StageState.SKIPPED)


def progress_of(run_id: str, chain: str, approvals: Iterable[Approval]) -> Progress | None:
    """Tell how far a chain has come, from a run's approvals, in any order; None where it asked none.

    Where the run has gone through it several times, this is about the last.
    """
    in_order = sorted(approvals, key=_order)
    asked = _last_round([(a.stage, a) for a in in_order if a.stage is not None and a.stage.chain == chain])
    if not asked:
        return None
    latest = {place.name: approval for place, approval in asked}
    place, _ = asked[-1]
    stages = tuple(_stage(name, place, latest.get(name)) for name in place.stages)
    return Progress(run_id, chain, stages)


def _order(approval: Approval) -> tuple[int, ...]:
    """Order questions as the code comes by them: it numbers its calls, and a clock may stand still between two."""
    return tuple(map(int, _NUMBER.findall(approval.place)))


def _last_round(asked: list[tuple[StagePlace, Approval]]) -> list[tuple[StagePlace, Approval]]:
    """Leave what was asked since the code last began the chain: a loop may go through it several times."""
    begun = 0
    for number, ((before, earlier), (place, _)) in enumerate(pairwise(asked), start=1):
        further = place.stages.index(place.name) - before.stages.index(before.name)
        goes_on = earlier.status in _GRANTED and further > 0
        leads_back = earlier.status is ApprovalStatus.REJECTED and further < 0
        if not (goes_on or leads_back):
            begun = number
    return asked[begun:]


def _stage(name: str, place: StagePlace, approval: Approval | None) -> StageProgress:
    """Place one stage, by where the last question of its chain stands."""
    here = place.stages.index(name) - place.stages.index(place.name)
    if approval is None or here > 0:
        left_out = name not in place.planned or here < 0
        again = StageState.REMAINING if approval is None else StageState.AGAIN
        return StageProgress(name, StageState.SKIPPED if left_out else again, approval)
    if approval.pending:
        grants = (grant for quorum in who_may(approval) for grant in quorum or ())
        return StageProgress(name, StageState.WAITING, approval, tuple(dict.fromkeys(grants)))
    granted = approval.status in _GRANTED
    return StageProgress(name, StageState.COMPLETED if granted else StageState.ENDED, approval)
