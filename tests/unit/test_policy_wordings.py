"""What somebody is told who may not: of which approval, as whom, and what it takes instead."""

from __future__ import annotations

from datetime import datetime

import pytest

from awaitly import (
    AlreadyDecided,
    Approval,
    ApprovalStatus,
    Escalation,
    Expired,
    NotAuthorised,
    Policy,
    Quorum,
    Refusal,
    StaleRevision,
)
from awaitly.approvals.events import Approve, Cancel, Chime, Edit, Event, Expire, Reassign, Reject, Shown, Supersede
from tests.support import ADMIN, ALICE, BOB, CAROL
from tests.unit.approvals import HOUR, NOW, after, asked, refused

S = ApprovalStatus
TIMED = Policy(expires_in="1h")
LADDER = Policy(approvers=["alice", "bob"], needs=2, escalations=[Escalation("1h", ["role:chief"])])


def to_others() -> Approval:
    """Ask two of ops and one of legal, and let others decide."""
    question = asked(Policy(approvers=["role:ops"], needs=2, also=[Quorum(["role:legal"])]))
    return after(question, Reassign(ADMIN, ("ann", "dan", "role:chief")))


REFUSED: dict[str, tuple[Approval, Event, datetime, Refusal]] = {
    "no approver": (
        asked(Policy(approvers=["alice"])),
        Approve(BOB),
        NOW,
        NotAuthorised("r", "manager", "bob", "alice"),
    ),
    "no approver of two": (
        asked(LADDER),
        Approve(CAROL),
        NOW,
        NotAuthorised("r", "manager", "carol", LADDER.describe()),
    ),
    "not of the level reached": (
        asked(LADDER),
        Approve(CAROL),
        NOW + HOUR,
        NotAuthorised("r", "manager", "carol", "2 different people of: alice or bob or role:chief"),
    ),
    "not of those who are to decide instead": (
        to_others(),
        Approve(BOB),
        NOW,
        NotAuthorised(
            "r", "manager", "bob", "2 different people of: ann or dan or role:chief and ann or dan or role:chief"
        ),
    ),
    "no editor": (
        asked(Policy(editors=["alice", "role:ops"])),
        Edit(BOB, "7"),
        NOW,
        NotAuthorised("r", "manager", "bob", "alice or role:ops"),
    ),
    "nobody edits": (
        asked(Policy(editors=[])),
        Edit(BOB, "7"),
        NOW,
        NotAuthorised("r", "manager", "bob", "another policy, for this one lets nobody edit"),
    ),
    "decided elsewhere": (
        asked(external=True),
        Approve(BOB),
        NOW,
        NotAuthorised("r", "manager", "bob", "a decision in the system of record that this approval asks"),
    ),
    "not the requester": (
        asked(by=ALICE),
        Cancel(BOB),
        NOW,
        NotAuthorised("r", "manager", "bob", "the requester alice, or the role 'admin'"),
    ),
    "another revision": (
        asked(),
        Approve(BOB, Shown(revision=2)),
        NOW,
        StaleRevision("r", "manager", "revision 2", 1),
    ),
    "other content": (
        asked(),
        Approve(BOB, Shown(revision=1, digest="v1:other")),
        NOW,
        StaleRevision("r", "manager", "content that differs", 1),
    ),
    "expired": (
        after(asked(TIMED), Expire(), at=NOW + HOUR),
        Approve(BOB),
        NOW,
        Expired("r", "manager", NOW + HOUR),
    ),
    "decided before its deadline": (
        after(asked(TIMED), Approve(ALICE)),
        Reject(BOB),
        NOW,
        AlreadyDecided("r", "manager", S.APPROVED, "alice", NOW),
    ),
    "superseded": (
        after(asked(), Approve(ALICE), Supersede("rewound")),
        Approve(BOB),
        NOW,
        AlreadyDecided("r", "manager", S.SUPERSEDED),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_all_that_it_takes(name: str) -> None:
    """It names the approval, whoever tried, and who or what it takes instead, as things stand by then."""
    approval, event, at, refusal = REFUSED[name]
    assert refused(approval, event, at) == refusal


def test_a_level_that_was_told_is_among_those_it_takes() -> None:
    """The same whether a worker has climbed the level or nobody has."""
    told = after(asked(LADDER), Chime(), at=NOW + HOUR)
    assert refused(told, Approve(CAROL)) == refused(asked(LADDER), Approve(CAROL), NOW + HOUR)
