"""What it costs to judge a vote: by a policy of ten approvers, of quorums composed with `&`."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

from awaitly import Actor, Approval, Escalation, Ok, Policy
from awaitly.approvals.deciding import decide
from awaitly.approvals.events import Approve
from benchmarks.figures import Figure, at_most

__all__ = ["measure"]

_NOW = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)
_TEN = [f"approver{number}" for number in range(10)]
_LIMIT = 50.0
"""Microseconds."""
_PLAIN = Policy(approvers=_TEN, needs=4)
_COMPOSED = Policy(approvers=_TEN, needs=2) & Policy(approvers=["role:law"]) & Policy(approvers=["role:ops"])
_CLIMBING = Policy(approvers=_TEN, needs=4, escalations=[Escalation("1h", ["role:director"])], remind_every="1h")


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:  # noqa: ARG001  (no peer takes part)
    rounds = 200 if quick else 2_000
    policies = {"of ten": _PLAIN, "and two roles, by `&`": _COMPOSED, "of ten, with a ladder": _CLIMBING}
    return [_figure(f"the last vote, {name}", policy, rounds) for name, policy in policies.items()]


def _figure(name: str, policy: Policy, rounds: int) -> Figure:
    found = _typical(_last_vote(policy), rounds)
    return Figure("policies", name, "us", {"awaitly": found}, None, "", *at_most(found, _LIMIT, " us"))


def _last_vote(policy: Policy) -> Callable[[], object]:
    """Give the judging of the vote that decides: three have voted, and the seats that they took are filled anew."""
    approval = _asked(policy)
    voters = [Actor(_TEN[0]), Actor(_TEN[1]), Actor("lea", ["law"]), Actor("olga", ["ops"])]
    if policy is not _COMPOSED:
        voters = [Actor(name) for name in _TEN[:4]]
    for voter in voters[:-1]:
        approval = decide(approval, Approve(voter), _NOW).unwrap().approval
    event = Approve(voters[-1])
    last = decide(approval, event, _NOW)
    assert isinstance(last, Ok), last
    assert last.unwrap().approval.decided
    return lambda: decide(approval, event, _NOW)


def _asked(policy: Policy) -> Approval:
    return Approval(
        run_id="r",
        key="manager",
        workflow="refund",
        place="0",
        operation="refund:manager",
        summary="a refund",
        proposal='{"amount":120}',
        schema="{}",
        policy=policy,
        asked_at=_NOW,
        requested_by=Actor("requester"),
    )


def _typical(judge: Callable[[], object], rounds: int) -> float:
    """Give the median microseconds of so many calls, with no collection of garbage in between."""
    gc.collect()
    gc.disable()
    try:
        return median(_timed(judge) for _ in range(rounds))
    finally:
        gc.enable()


def _timed(judge: Callable[[], object]) -> float:
    begun = time.perf_counter()
    judge()
    return (time.perf_counter() - begun) * 1e6
