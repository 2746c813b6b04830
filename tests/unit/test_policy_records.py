"""Policies and their handling as they are stored: they come back whole, or as `RecordCorrupt`, and never as a crash."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from awaitly import Actor, Approval, Escalation, Policy, PolicyError, Quorum
from awaitly.approvals.events import (
    Approve,
    Chime,
    Claim,
    Comment,
    Delegate,
    Edit,
    Event,
    Inquire,
    Reassign,
    See,
    Spoof,
)
from awaitly.exceptions import RecordCorrupt
from awaitly.storage.records import approval_of, row_of_approval
from awaitly.storage.store import ApprovalRow
from tests.support import ADMIN, ALICE, BOB, CAROL
from tests.unit.approvals import HOUR, NOW, after, asked

FULL = Policy(
    approvers=["alice", "role:ops"],
    needs=2,
    rejections=2,
    also=[Quorum(["role:legal"], 1), Quorum(None, 2)],
    editors=["bob"],
    editor_approves=True,
    edit_counts_as_vote=True,
    fresh_within="1h",
    expires_in="9h",
    escalations=[Escalation("1h", ["bob"], repeat=2, every="1h"), Escalation("3h", ["role:cfo"], replaces=True)],
    remind_every="2h",
    questions_stop_clock=True,
    risk="high",
)

GARBAGE: list[Any] = [
    None,
    [],
    "",
    0,
    False,
    5,
    "policy",
    ["approvers"],
    {"unknown": 1},
    {"approvers": "ann"},
    {"approvers": [1]},
    {"approvers": [["ann"]]},
    {"approvers": []},
    {"approvers": {"ann": 1}},
    {"needs": 0},
    {"needs": True},
    {"needs": "2"},
    {"needs": None},
    {"needs": 1.5},
    {"rejections": [1]},
    {"also": 5},
    {"also": ["ann"]},
    {"also": [["ann", 1]]},
    {"also": [{"approvers": ["ann"], "seats": 1}]},
    {"also": [{"needs": 0}]},
    {"also": {"approvers": 1}},
    {"self_approval": "no"},
    {"self_approval": 1},
    {"exclusive_claims": []},
    {"editors": "bob"},
    {"expires_in": "1h"},
    {"expires_in": -5},
    {"expires_in": True},
    {"expires_in": 1.5},
    {"expires_in": 10**30},
    {"expires_in": None, "on_expiry": "reject"},
    {"fresh_within": {}},
    {"on_expiry": "shrug", "expires_in": 1},
    {"on_expiry": [], "expires_in": 1},
    {"risk": 5},
    {"escalations": {}},
    {"escalations": [1]},
    {"escalations": [{"after": 1}]},
    {"escalations": [{"after": 1, "to": "x", "repeat": 1, "every": None, "replaces": False}]},
    {"escalations": [{"after": 1, "to": ["x"], "repeat": 10**9, "every": 1, "replaces": False}]},
    {"escalations": [{"after": 10**20, "to": ["x"], "repeat": 1, "every": None, "replaces": False}]},
    {"escalations": [{"after": 1, "to": ["x"], "repeat": 1, "every": None, "replaces": "yes"}]},
    {"calendar": "monday"},
]
"""Not one of these may be taken for a policy: the laxest policy there is would be a way in."""


def with_body(row: ApprovalRow, **members: Any) -> ApprovalRow:
    """Change the stored text of an approval behind everybody's back."""
    return evolve(row, body=json.dumps({**json.loads(row.body), **members}))


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        ({"expires_in": "1h"}, "a whole number of microseconds was expected, not str"),
        (
            {"unknown": 1},
            "no policy of this release: TypeError: Policy.__init__() got an unexpected keyword argument 'unknown'",
        ),
    ],
)
def test_what_is_no_policy_is_refused_in_words(plain: Any, why: str) -> None:
    """Whoever looks for what was damaged is told which kind of thing stands there."""
    with pytest.raises(PolicyError) as refused:
        Policy.from_plain(plain)
    assert str(refused.value) == why


@pytest.mark.parametrize("plain", GARBAGE, ids=repr)
def test_what_is_no_policy_is_corrupt(plain: Any) -> None:
    """Given a row whose policy was damaged, when it is read, then `RecordCorrupt`; by itself it is a `PolicyError`."""
    with pytest.raises(PolicyError):
        Policy.from_plain(plain)
    with pytest.raises(RecordCorrupt, match="approval 'manager'"):
        approval_of(with_body(row_of_approval(asked()), policy=plain))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = ["approvers", "needs", "also", "escalations", "expires_in", "on_expiry", "risk", "self_approval", "editors"]


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON, min_size=1, max_size=3))
def test_any_json_is_a_policy_or_a_policy_error(plain: dict[str, Any]) -> None:
    """Given any JSON, when it is read as a policy, then it is one that reads back the same, or `PolicyError`."""
    try:
        policy = Policy.from_plain(plain)
    except PolicyError:
        return
    assert Policy.from_plain(policy.to_plain()) == policy


@given(st.sampled_from(["handling", "votes", "closing", "editor", "stage", "redact", "policy", "revision"]), JSON)
def test_any_json_in_an_approval_is_an_approval_or_corrupt(member: str, plain: Any) -> None:
    """Given any JSON for a member of a row, when it is read, then it is an approval, or `RecordCorrupt`."""
    try:
        approval_of(with_body(row_of_approval(asked(FULL)), **{member: plain}))
    except RecordCorrupt:
        return


HANDLINGS: list[Any] = [
    {"told": 4},
    {"told": -1},
    {"told": "1"},
    {"assigned": ["x"], "assigned_at": 3},
    {"assigned": "x"},
    {"levels": [1]},
    {"levels": [1, 2, 3]},
    {"taken": "alice"},
    {"delegations": [["alice", "dan"]]},
    {"delegations": [[1, "dan", [], 1, []]]},
    {"inquiry": ["alice", 1, "yes", None]},
    {"remarks": [["shout", "alice", 1, "x"]]},
    {"stopped": -1},
    {"seen": [["alice"]]},
    {"spoofed": [["alice", "1"]]},
]


@pytest.mark.parametrize("plain", HANDLINGS, ids=repr)
def test_what_is_no_handling_is_corrupt(plain: Any) -> None:
    """Given a row that says more of the ladder was told than there is, and the like, then `RecordCorrupt`."""
    with pytest.raises(RecordCorrupt, match="approval 'manager'"):
        approval_of(with_body(row_of_approval(asked(FULL)), handling=plain))


@pytest.mark.parametrize(
    "vote",
    [["bob", "yes", 1, 1, None], ["bob", 1, 1, 1, None], ["bob", True, 1, 1, 5], ["bob", True, 1, 1, None, "01"]],
)
def test_what_is_no_vote_is_corrupt(vote: list[Any]) -> None:
    """Given a row with a vote that is neither yes nor no, when it is read, then `RecordCorrupt`."""
    with pytest.raises(RecordCorrupt):
        approval_of(with_body(row_of_approval(asked(FULL)), votes=[vote]))


HISTORIES: list[tuple[Event, ...]] = [
    (),
    (Claim(ALICE), Delegate(ALICE, "dan")),
    (See(ALICE), Spoof(BOB, ("by",), ("alice",)), Comment(ALICE, "hm\udcff")),
    (Inquire(ALICE, "why?"),),
    (Approve(ALICE), Edit(BOB, "7"), Approve(CAROL)),
    (Reassign(ADMIN, ("role:ops", "rule:on-call")),),
    (Chime(),),
]


@pytest.mark.parametrize("events", HISTORIES, ids=lambda events: " ".join(type(e).__name__ for e in events))
def test_an_approval_comes_back_as_it_was(events: tuple[Event, ...]) -> None:
    """Given anything that happened to it, when an approval is written and read, then it is equal."""
    rule = Policy(escalations=[Escalation("1h", ["bob"])], remind_every="30m", needs=3, questions_stop_clock=True)
    question: Approval = after(asked(rule, by=Actor("zoe", ["x"])), *events, at=NOW + 2 * HOUR)
    assert approval_of(row_of_approval(question)) == question


def test_a_policy_with_everything_comes_back_as_it_was() -> None:
    """Given a policy of all options but a calendar, when it is written and read, then it is equal, as is its text."""
    again = approval_of(row_of_approval(asked(FULL)))
    assert (again.policy, again.intact()) == (FULL, True)
    assert json.loads(json.dumps(dict(FULL.to_plain()))) == dict(FULL.to_plain())
