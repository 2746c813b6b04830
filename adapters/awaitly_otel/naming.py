"""The names of attributes, in one place."""

from __future__ import annotations

__all__ = [
    "APPROVAL_LEVEL",
    "APPROVAL_STATUS",
    "ATTEMPT",
    "ERROR_TYPE",
    "OUTCOME",
    "RECOVERIES",
    "RESUMED",
    "RUN_ID",
    "RUN_STATUS",
    "STEP_KEY",
    "STEP_NAME",
    "WAITS",
    "WORKFLOW",
]

APPROVAL_LEVEL = "awaitly.approval.level"
APPROVAL_STATUS = "awaitly.approval.status"
ATTEMPT = "awaitly.step.attempt"
ERROR_TYPE = "error.type"
OUTCOME = "awaitly.step.outcome"
RECOVERIES = "awaitly.run.recoveries"
RESUMED = "awaitly.run.resumed"
RUN_ID = "awaitly.run.id"
RUN_STATUS = "awaitly.run.status"
STEP_KEY = "awaitly.step.key"
STEP_NAME = "awaitly.step.name"
WAITS = "awaitly.run.waits"
WORKFLOW = "awaitly.workflow.name"
