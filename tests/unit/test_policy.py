from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from awaitly import Actor, Escalation, OnExpiry, Policy, PolicyError, Quorum, Risk
from awaitly.approvals.deciding import decide
from awaitly.approvals.events import Approve, Edit
from tests.unit.approvals import NOW, asked


def test_by_default_anyone_may_decide_once() -> None:
    """One approval, one rejection, no deadline, no self-approval; an edit is the editor's approval."""
    policy = Policy()
    assert (policy.needs, policy.rejections, policy.self_approval, policy.expires_in) == (1, 1, False, None)
    assert policy.counts_edits
    assert policy.quorums == (Quorum(None, 1),)
    assert policy.to_plain() == {}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"needs": 0}, "at least 1"),
        ({"rejections": 0}, "at least 1"),
        ({"needs": -1}, "at least 1"),
        ({"approvers": ["ann"], "needs": 2}, "never be met"),
        ({"approvers": ["ann", "ann"], "needs": 2}, "never be met"),
        ({"approvers": ["ann", "bob"], "rejections": 3}, "never be met"),
        ({"on_expiry": "approve"}, "never happen"),
        ({"on_expiry": "reject"}, "never happen"),
        ({"expires_in": "1h", "on_expiry": "approve", "risk": "high"}, "silence"),
        ({"approvers": "ann"}, "list"),
        ({"editors": "ann"}, "list"),
    ],
)
def test_a_policy_that_can_never_end_is_refused(options: dict[str, Any], why: str) -> None:
    """What contradicts itself is a `PolicyError` where it is written."""
    with pytest.raises(PolicyError, match=why):
        Policy(**options)


@pytest.mark.parametrize(
    "options",
    [{"expires_in": "0s"}, {"expires_in": "soon"}, {"on_expiry": "shrug"}, {"risk": "low"}],
)
def test_a_policy_of_unknown_words_is_refused(options: dict[str, Any]) -> None:
    """Every option is checked where it is written; a `PolicyError` is a `ValueError` too."""
    with pytest.raises(ValueError, match=r"."):
        Policy(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"approvers": ["ann", "bob"], "needs": 2},
        {"approvers": ["role:ops"], "needs": 5},
        {"approvers": ["ann", "role:ops"], "needs": 5},
        {"needs": 5, "rejections": 3},
        {"expires_in": "1h", "on_expiry": "reject", "risk": "high"},
        {"expires_in": "1h", "on_expiry": "approve"},
    ],
)
def test_a_policy_that_can_end_is_a_policy(options: dict[str, Any]) -> None:
    """Nobody can count those who hold a role, so such a quorum is taken at its word."""
    assert Policy(**options).needs == options.get("needs", 1)


def test_a_level_is_described() -> None:
    """When it comes, whether it joins those before it or stands in their place, whom it tells, and how often."""
    once = Escalation("1h", ["ann", "role:ops"])
    often = Escalation("2h", ["bob"], repeat=3, every="15m", replaces=True)
    assert once.describe() == "after 1 hour also ann or role:ops"
    assert often.describe() == "after 2 hours only bob, 3 times every 15 minutes"
    assert Policy(escalations=[once, often]).describe() == (
        "anyone but the requester; after 1 hour also ann or role:ops; after 2 hours only bob, 3 times every 15 minutes"
    )


def test_words_become_members() -> None:
    """Texts for expiry and risk are read once; approvers are listed once."""
    policy = Policy(approvers=["ann", "bob", "ann"], expires_in="1h", on_expiry="reject", risk="high")
    assert policy.approvers == ("ann", "bob")
    assert (policy.expires_in, policy.on_expiry, policy.risk) == (timedelta(hours=1), OnExpiry.REJECT, Risk.HIGH)


def may(policy: Policy, event: Approve | Edit) -> bool:
    """Say whether somebody may do this under a policy, which a third person asks under."""
    return (
        decide(asked(policy, Actor("zoe")), event, NOW).map(lambda moved: moved.changed).value_or(default_value=False)
    )


def test_editors_are_the_approvers_unless_named() -> None:
    """A named list of editors is exactly that; an empty one lets nobody edit."""
    ann, bob = Edit(Actor("ann"), "7"), Edit(Actor("bob", ["writer"]), "7")
    assert may(Policy(approvers=["ann"]), ann)
    assert not may(Policy(approvers=["ann"]), bob)
    assert may(Policy(approvers=["ann"], editors=["role:writer"]), bob)
    assert not may(Policy(approvers=["ann"], editors=["role:writer"]), ann)
    assert not may(Policy(editors=[]), ann)


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        ({}, True),
        ({"needs": 2}, False),
        ({"needs": 2, "edit_counts_as_vote": True}, True),
        ({"edit_counts_as_vote": False}, False),
    ],
)
def test_an_edit_counts_as_a_vote_where_one_approval_suffices(options: dict[str, Any], counts: bool) -> None:
    """That is the default; either may be said."""
    assert Policy(**options).counts_edits is counts


NAMES = st.sampled_from(["ann", "bob", "role:ops", "role:x"])
LISTS = st.lists(NAMES, max_size=3).map(lambda names: [*names, "role:any"])
DAYS = st.timedeltas(timedelta(microseconds=1), timedelta(days=9999))
SOON = st.timedeltas(timedelta(microseconds=1), timedelta(days=99))
POLICIES = st.builds(
    Policy,
    approvers=LISTS,
    needs=st.integers(1, 4),
    rejections=st.integers(1, 4),
    also=st.lists(st.builds(Quorum, LISTS, st.integers(1, 3)), max_size=2),
    self_approval=st.booleans(),
    editors=st.none() | st.lists(NAMES, max_size=2),
    editor_approves=st.booleans(),
    edit_counts_as_vote=st.none() | st.booleans(),
    fresh_within=st.none() | DAYS,
    expires_in=st.none() | st.timedeltas(timedelta(days=9000), timedelta(days=9999)),
    escalations=st.lists(
        st.builds(Escalation, SOON, LISTS, replaces=st.booleans())
        | st.builds(Escalation, SOON, LISTS, repeat=st.integers(2, 4), every=SOON),
        max_size=1,
    ),
    remind_every=st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=99)),
    questions_stop_clock=st.booleans(),
    risk=st.sampled_from(Risk),
)


@given(POLICIES)
def test_a_policy_comes_back_from_its_stored_form(policy: Policy) -> None:
    """Whatever it says; and what is stored is only what differs from the defaults."""
    plain = policy.to_plain()
    assert Policy.from_plain(plain) == policy
    assert Policy.from_plain(plain).to_plain() == plain


@given(POLICIES, st.sampled_from(["ann", "bob", "eve"]), st.lists(st.sampled_from(["ops", "x", "z"]), max_size=2))
def test_whoever_is_covered_by_no_grant_decides_nothing(policy: Policy, name: str, roles: list[str]) -> None:
    """Eligibility is membership: by name or by role, and by nothing else."""
    assert policy.approvers is not None
    covered = name in policy.approvers or any(f"role:{role}" in (policy.approvers or ()) for role in roles)
    assert may(evolve(policy, also=(), fresh_within=None), Approve(Actor(name, roles))) is covered


def test_approvers_that_are_an_empty_list_are_refused() -> None:
    """A list that a program worked out and that came out empty does not mean that anyone may decide."""
    with pytest.raises(PolicyError, match="nobody"):
        Policy(approvers=[])


def test_a_policy_says_itself_in_a_sentence() -> None:
    """The words that refusals and pages use."""
    assert Policy().describe() == "anyone but the requester"
    described = Policy(approvers=["ann", "role:ops"], needs=2, expires_in="1h").describe()
    for part in ("2 different people", "ann or role:ops", "within"):
        assert part in described


def test_each_part_of_the_sentence_is_a_clause_of_its_own() -> None:
    """Who by when, then who must have signed in, how many may say no, and the ladder."""
    policy = Policy(
        approvers=["role:ops"],
        rejections=2,
        fresh_within="15m",
        expires_in="1d",
        escalations=[Escalation("4h", ["role:director"])],
    )
    assert policy.describe() == (
        "role:ops within 1 day, or it expires; whoever decides has signed in within the last 15 minutes; "
        "2 rejections end it; after 4 hours also role:director"
    )


def test_the_words_of_a_policy_that_lets_the_requester_decide_are_true() -> None:
    """With `self_approval` nobody is left out, so the sentence leaves nobody out."""
    assert Policy(self_approval=True).describe() == "anyone"
