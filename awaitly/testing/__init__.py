"""What tests of awaitly, of stores and of applications share.

Importing this needs neither pytest nor Hypothesis. Those who write a store find the tests that it must pass in
`awaitly.testing.store_contract`, which needs pytest and pytest-asyncio, and in `awaitly.testing.store_machine`, which
needs Hypothesis. Those who write a channel find theirs in `awaitly.testing.channel_contract`, and those who put the
gate before an agent framework theirs in `awaitly.testing.gate_contract`; both need pytest and pytest-asyncio.
"""

from __future__ import annotations

from awaitly.testing.channels import RecordingChannel
from awaitly.testing.clock import TestClock
from awaitly.testing.counting import CountingStore
from awaitly.testing.deciders import Decisions, Ruling, approve, edit, reject
from awaitly.testing.events import (
    Asked,
    At,
    Changed,
    ChildEnded,
    ChildStarted,
    Decided,
    Ended,
    Escalated,
    Happening,
    PromiseBroken,
    PromiseKept,
    Queued,
    Reminded,
    Retried,
    SetAside,
    Signalled,
    Slept,
    Started,
    StepDone,
    StepFailed,
    TakenOver,
    Voted,
    WaitedInVain,
    Withdrawn,
)
from awaitly.testing.failpoints import FailingStore, Failpoints, Pause, kill, raising
from awaitly.testing.scripts import CRASH, Answer, Call, Crash, Steps
from awaitly.testing.simulation import Simulation
from awaitly.testing.wrapping import StoreWrapper

__all__ = [
    "CRASH",
    "Answer",
    "Asked",
    "At",
    "Call",
    "Changed",
    "ChildEnded",
    "ChildStarted",
    "CountingStore",
    "Crash",
    "Decided",
    "Decisions",
    "Ended",
    "Escalated",
    "FailingStore",
    "Failpoints",
    "Happening",
    "Pause",
    "PromiseBroken",
    "PromiseKept",
    "Queued",
    "RecordingChannel",
    "Reminded",
    "Retried",
    "Ruling",
    "SetAside",
    "Signalled",
    "Simulation",
    "Slept",
    "Started",
    "StepDone",
    "StepFailed",
    "Steps",
    "StoreWrapper",
    "TakenOver",
    "TestClock",
    "Voted",
    "WaitedInVain",
    "Withdrawn",
    "approve",
    "edit",
    "kill",
    "raising",
    "reject",
]
