"""Rules about the actor: self-approval, fresh authentication, rules of the application, systems of record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from awaitly import (
    Actor,
    ApprovalStatus,
    NotAuthorised,
    OnExpiry,
    Policy,
    ReauthenticationNeeded,
    Rule,
    SelfApproval,
    StaleRevision,
)
from awaitly.approvals.eligibility import concerns
from awaitly.approvals.events import (
    Approve,
    Cancel,
    Claim,
    Comment,
    Delegate,
    Edit,
    Event,
    Expire,
    Inquire,
    Reject,
    Shown,
    Standing,
)
from awaitly.approvals.grants import checked_grants
from tests.support import ADMIN, ALICE, BOB, CAROL
from tests.unit.approvals import HOUR, MINUTE, NOW, after, asked, refused

S = ApprovalStatus
FRESH = Policy(fresh_within="15m")


def signed_in(ago: timedelta, name: str = "alice") -> Actor:
    """Give somebody who proved so long ago who they are."""
    return Actor(name, authenticated_at=NOW - ago)


# Self-approval


def events_by(by: Actor) -> list[Event]:
    """Do all that takes a seat."""
    return [Approve(by), Reject(by), Edit(by, "7"), Claim(by), Inquire(by, "why?")]


def test_nobody_acts_on_their_own_request() -> None:
    """Given alice, or a program of hers, requested, when either acts on it, then `SelfApproval` names who acted."""
    for requester in (ALICE, Actor("bot", on_behalf_of="alice")):
        for by in (ALICE, Actor("alice", ["admin"]), Actor("other", on_behalf_of="alice")):
            question = asked(by=requester)
            for event in events_by(by):
                assert refused(question, event) == SelfApproval("r", "manager", by.name)
            for event in events_by(BOB):
                assert after(question, event).version == 2


def test_a_program_that_requested_may_not_decide_for_another() -> None:
    """Given a program requested for alice, when it approves for bob, then `SelfApproval`: it asked for this."""
    question = asked(by=Actor("bot", on_behalf_of="alice"))
    assert isinstance(refused(question, Approve(Actor("bot", on_behalf_of="bob"))), SelfApproval)


# Fresh authentication


@pytest.mark.parametrize("ago", [timedelta(), 15 * MINUTE, -15 * MINUTE])
def test_a_fresh_sign_in_decides(ago: timedelta) -> None:
    """Given 15 minutes, when somebody who signed in within them votes, then it counts; clocks may differ as much."""
    assert after(asked(FRESH), Approve(signed_in(ago))).status is S.APPROVED


@pytest.mark.parametrize("ago", [16 * MINUTE, -16 * MINUTE, HOUR])
def test_a_stale_sign_in_does_not_decide(ago: timedelta) -> None:
    """Given 15 minutes, when the sign-in is older, or far in the future, then `ReauthenticationNeeded`."""
    for event in (Approve(signed_in(ago)), Reject(signed_in(ago)), Edit(signed_in(ago), "7")):
        refusal = refused(asked(FRESH), event)
        assert refusal == ReauthenticationNeeded("r", "manager", "alice", 15 * MINUTE)
        assert "alice must sign in again" in str(refusal)
        assert "15 minutes" in str(refusal)


def test_an_unknown_sign_in_does_not_decide() -> None:
    """Given nobody knows when the actor signed in, when they vote, then `ReauthenticationNeeded`."""
    assert isinstance(refused(asked(FRESH), Approve(ALICE)), ReauthenticationNeeded)


def test_what_decides_nothing_needs_no_fresh_sign_in() -> None:
    """Given 15 minutes, when somebody claims, comments, asks or hands on, then it counts as it is."""
    events: list[Event] = [Claim(ALICE), Comment(ALICE, "hm"), Inquire(ALICE, "why?"), Delegate(ALICE, "dan")]
    for event in events:
        assert after(asked(FRESH), event).version == 2


def test_a_stand_in_signs_in_themselves() -> None:
    """Given alice handed on to dan, when dan signed in just now, then he may; that alice did does not matter."""
    question = after(asked(Policy(approvers=["alice"], fresh_within="15m")), Delegate(signed_in(HOUR), "dan"))
    assert isinstance(refused(question, Approve(Actor("dan"))), ReauthenticationNeeded)
    assert after(question, Approve(signed_in(MINUTE, "dan"))).status is S.APPROVED


def test_who_may_not_at_all_is_not_told_to_sign_in() -> None:
    """Given approvers, when somebody else with an old sign-in votes, then `NotAuthorised`."""
    assert isinstance(refused(asked(Policy(approvers=["bob"], fresh_within="1m")), Approve(ALICE)), NotAuthorised)


# Rules of the application


def test_a_rule_grants_what_it_is_named_for() -> None:
    """Given a rule among the approvers, when it is met, then its holder votes; not met, or another, then not."""
    rule = Rule("on-call", lambda _, __: True)
    question = asked(Policy(approvers=[rule]))
    assert question.policy.approvers == ("rule:on-call",)
    met = Standing(rules=frozenset({"rule:on-call"}))
    assert after(question, Approve(ALICE, standing=met)).status is S.APPROVED
    for standing in (Standing(), Standing(rules=frozenset({"rule:other"}))):
        assert isinstance(refused(question, Approve(ALICE, standing=standing)), NotAuthorised)


@pytest.mark.parametrize("name", ["rule:on-call", "role:ops", "name:rule:on-call"])
def test_nobody_is_called_what_a_grant_is(name: str) -> None:
    """Given rules and roles among the approvers, when somebody has that for a name, then `NotAuthorised`."""
    question = asked(Policy(approvers=["rule:on-call", "role:ops"]))
    assert isinstance(refused(question, Approve(Actor(name))), NotAuthorised)


def test_a_name_with_a_colon_is_written_out() -> None:
    """Given `name:urn:1`, when somebody called urn:1 votes, then it counts."""
    assert checked_grants("approvers", ["name:urn:1", "name:bob"]) == ("name:urn:1", "bob")
    assert after(asked(Policy(approvers=["name:urn:1"])), Approve(Actor("urn:1"))).status is S.APPROVED


# What was seen, and silence


def test_a_vote_names_what_it_was_given_for() -> None:
    """Given revision 2, when a vote names the digest of revision 1, then `StaleRevision`, whoever votes."""
    first = asked(Policy(needs=2))
    second = after(first, Edit(BOB, "7"))
    for shown in (Shown(revision=1), Shown(digest=first.digest), Shown(revision=2, digest=first.digest)):
        assert isinstance(refused(second, Approve(ALICE, shown)), StaleRevision)
    assert after(second, Approve(ALICE, Shown(revision=2, digest=second.digest))).votes


def test_silence_decides_as_the_policy_says_and_in_whose_name() -> None:
    """Given `on_expiry`, when the deadline comes, then `system:timeout` decides; where it only expires, nobody did."""
    for on_expiry, status in (
        (OnExpiry.EXPIRE, S.EXPIRED),
        (OnExpiry.REJECT, S.REJECTED),
        (OnExpiry.APPROVE, S.APPROVED),
    ):
        over = after(asked(Policy(expires_in="1h", on_expiry=on_expiry)), Expire(), at=NOW + HOUR)
        assert over.status is status
        assert over.closing is not None
        assert over.closing.by == Actor("system:timeout")


def test_the_requester_and_an_admin_cancel_and_nobody_else() -> None:
    """Given alice requested, when an approver cancels, then `NotAuthorised` names who may."""
    assert "it takes the requester alice, or the role 'admin'" in str(refused(asked(by=ALICE), Cancel(BOB)))
    assert after(asked(by=ALICE), Cancel(ALICE)).status is S.CANCELLED


def test_an_approval_concerns_whoever_closed_it() -> None:
    """Given an admin cancelled, who could not have decided, then it is their business, and that of no stranger."""
    over = after(asked(Policy(approvers=["bob"]), by=ALICE), Cancel(ADMIN))
    assert concerns(over, ADMIN, Standing())
    assert not concerns(over, CAROL, Standing())
