"""All that this adapter takes from `awaitly`, imported in one place."""

from __future__ import annotations

from awaitly import (
    ApprovalDecided,
    ApprovalEscalated,
    ApprovalReminded,
    Event,
    Leaving,
    RunFinished,
    RunLeft,
    RunParked,
    RunRetried,
    RunSetAside,
    RunStarted,
    RunStatus,
    RunTakenOver,
    StepEnded,
    StepOutcome,
    StepRetried,
    StepStarted,
)

__all__ = [
    "ApprovalDecided",
    "ApprovalEscalated",
    "ApprovalReminded",
    "Event",
    "Leaving",
    "RunFinished",
    "RunLeft",
    "RunParked",
    "RunRetried",
    "RunSetAside",
    "RunStarted",
    "RunStatus",
    "RunTakenOver",
    "StepEnded",
    "StepOutcome",
    "StepRetried",
    "StepStarted",
]
