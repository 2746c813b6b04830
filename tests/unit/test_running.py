from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import get_args

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from awaitly import Actor, Err, NeedsReview, Ok, RunConflict, RunEnded, RunStatus, WaitKind
from awaitly.errors import UnexpectedError
from awaitly.runs.running import (
    MOST_RECOVERIES,
    TABLE,
    Again,
    Cancel,
    Claim,
    End,
    Note,
    Park,
    PutBack,
    Release,
    Requeue,
    Review,
    RunEvent,
    Settle,
    Told,
    WaitOn,
    advance,
    may_cancel,
)
from awaitly.storage.journal import Failed, Lease, Raised, Returned, RunRecord, Wait
from tests.support import ADMIN, ALICE, BOB, error_of

S = RunStatus
NOW = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEASE = Lease("one", NOW + MINUTE)
WAIT = Wait("answer", "1", WaitKind.SIGNAL, NOW, "answer")
RAISED = Raised(UnexpectedError("KeyError", "x"))


def in_status(status: RunStatus) -> RunRecord:
    """Make a run in a status, with a lease where it runs."""
    run = RunRecord("r", "refund", "1", "{}", "v1:x", NOW, NOW, status, version=3)
    return evolve(run, lease=LEASE, due_at=LEASE.until) if status is S.RUNNING else run


EVENTS: list[RunEvent] = [
    Claim(Lease("two", NOW + 5 * MINUTE), 0),
    Park(("manager",), NOW + MINUTE),
    End(Returned("1"), None),
    End(Failed("1"), "pay"),
    Release(),
    Cancel(ALICE, "x"),
    Review("odd"),
    Requeue(),
    Settle("pay"),
    Note((), LEASE),
    Again(NOW + MINUTE, "it failed"),
    Told(),
    PutBack(in_status(S.PARKED)),
    WaitOn(NOW + MINUTE),
]
LEGAL: set[tuple[RunStatus, type]] = {
    *product((S.QUEUED, S.RUNNING, S.PARKED), (Claim, Cancel, Review)),
    *((S.RUNNING, kind) for kind in (Park, End, Release, PutBack, Note, Again)),
    *product((S.COMPLETED, S.FAILED, S.CANCELLED), (Told,)),
    *product((S.FAILED, S.NEEDS_REVIEW), (Requeue,)),
    (S.NEEDS_REVIEW, Cancel),
    (S.NEEDS_REVIEW, Settle),
    (S.PARKED, WaitOn),
}


def test_the_table_has_these_moves_and_no_others() -> None:
    """What is completed or cancelled never moves again; what failed or was set aside moves only when somebody asks."""
    assert set(TABLE) == LEGAL
    assert {type(event) for event in EVENTS} == set(get_args(RunEvent))


@pytest.mark.parametrize(
    ("status", "event"),
    [(status, event) for status, event in product(S, EVENTS) if (status, type(event)) not in LEGAL],
    ids=lambda part: part.value if isinstance(part, RunStatus) else type(part).__name__,
)
def test_a_move_that_is_not_in_the_table_is_refused(status: RunStatus, event: RunEvent) -> None:
    """The refusal says where the run stands."""
    refusal = error_of(advance(in_status(status), event, NOW + 10 * MINUTE))
    expected = RunEnded if status.ended else NeedsReview if status is S.NEEDS_REVIEW else RunConflict
    assert isinstance(refusal, expected)


def test_a_claim_takes_a_waiting_run() -> None:
    """Given a queued or parked run, when somebody claims it, then it runs under their lease and is due at its end."""
    for status in (S.QUEUED, S.PARKED):
        run = advance(in_status(status), Claim(LEASE, 4), NOW).unwrap()
        assert (run.status, run.lease, run.due_at, run.progress, run.version) == (S.RUNNING, LEASE, LEASE.until, 4, 4)


def test_a_running_run_is_taken_over_only_after_its_lease() -> None:
    """Given a lease, when another claims before its end, then `RunConflict`; at its end, then the run is theirs."""
    theirs = Claim(Lease("two", NOW + 5 * MINUTE), 0)
    early = advance(in_status(S.RUNNING), theirs, NOW + MINUTE - timedelta(microseconds=1))
    assert isinstance(error_of(early), RunConflict)
    taken = advance(in_status(S.RUNNING), theirs, NOW + MINUTE).unwrap()
    assert (taken.lease, taken.recoveries) == (theirs.lease, 1)


def test_too_many_takeovers_without_progress_set_a_run_aside() -> None:
    """Given a run that dies again and again, when it made no step since, then the sixth takeover is a review."""
    run = advance(in_status(S.QUEUED), Claim(LEASE, 2), NOW).unwrap()
    for n in range(MOST_RECOVERIES):
        run = advance(run, Claim(Lease("next", NOW), 2), NOW + (n + 2) * MINUTE).unwrap()
        assert (run.status, run.recoveries) == (S.RUNNING, n + 1)
    aside = advance(run, Claim(Lease("next", NOW), 2), NOW + 10 * MINUTE).unwrap()
    assert (aside.status, aside.lease, aside.due_at) == (S.NEEDS_REVIEW, None, None)
    assert "5 times" in (aside.reason or "")


def test_progress_resets_the_count() -> None:
    """Given takeovers, when a step was recorded in between, then they count from one again."""
    run = evolve(in_status(S.RUNNING), progress=2, recoveries=MOST_RECOVERIES)
    assert advance(run, Claim(LEASE, 3), NOW + 2 * MINUTE).unwrap().recoveries == 1


def test_parking_names_what_is_waited_for() -> None:
    """Given a running run, when it parks, then nobody holds it, and it is due at its deadline."""
    run = advance(in_status(S.RUNNING), Park(("a", "b"), NOW + MINUTE), NOW).unwrap()
    assert (run.status, run.waits, run.due_at, run.lease) == (S.PARKED, ("a", "b"), NOW + MINUTE, None)


def test_waiting_on_changes_nothing_but_when_it_is_looked_at() -> None:
    """Given a parked run, when time did something to what it waits for, then only its next time is another."""
    parked = advance(in_status(S.RUNNING), Park(("a",), NOW + MINUTE, (WAIT,)), NOW).unwrap()
    for due_at in (NOW + 5 * MINUTE, None):
        run = advance(parked, WaitOn(due_at), NOW + MINUTE).unwrap()
        assert run == evolve(parked, due_at=due_at, updated_at=NOW + MINUTE, version=parked.version + 1)


@pytest.mark.parametrize(
    ("result", "status"), [(Returned("1"), S.COMPLETED), (Failed("1"), S.FAILED), (RAISED, S.FAILED)]
)
def test_an_end_keeps_its_result(result: Returned | Failed | Raised, status: RunStatus) -> None:
    """Given a running run, when its workflow is over, then the result and the step that caused it are kept."""
    run = advance(in_status(S.RUNNING), End(result, "pay"), NOW).unwrap()
    assert (run.status, run.result, run.ended_by, run.lease, run.due_at) == (status, result, "pay", None, None)


def test_a_released_run_is_due_at_once() -> None:
    """Given a holder that shuts down, when it releases, then anyone may go on immediately."""
    run = advance(in_status(S.RUNNING), Release(), NOW).unwrap()
    assert (run.status, run.due_at, run.lease) == (S.QUEUED, NOW, None)


def test_a_cancel_ends_whatever_is_not_over() -> None:
    """Given a run that is not over, when somebody cancels it, then who and why are kept, and the holder has lost it."""
    for status in (S.QUEUED, S.RUNNING, S.PARKED, S.NEEDS_REVIEW):
        run = advance(in_status(status), Cancel(ALICE, "x"), NOW).unwrap()
        assert (run.status, run.by, run.reason, run.lease, run.due_at) == (S.CANCELLED, ALICE, "x", None, None)


def test_a_retry_forgets_the_end() -> None:
    """Given a failed run, when it is to be tried again, then its result is gone and it is due at once."""
    failed = advance(in_status(S.RUNNING), End(Failed("1"), "pay"), NOW).unwrap()
    run = advance(failed, Requeue(), NOW + MINUTE).unwrap()
    assert (run.status, run.result, run.ended_by, run.due_at) == (S.QUEUED, None, None, NOW + MINUTE)


@pytest.mark.parametrize("status", [S.QUEUED, S.PARKED, S.RUNNING])
def test_a_run_that_is_put_back_stands_as_before(status: RunStatus) -> None:
    """Waits, due time and the count of recoveries included; only its version goes on."""
    kept = {"waits": ("manager",), "due_at": NOW - MINUTE} if status is S.PARKED else {"recoveries": 3}
    before = evolve(in_status(status), lease=None, **kept)
    claimed = advance(before, Claim(LEASE, 0), NOW).unwrap()
    assert advance(claimed, PutBack(before), NOW + MINUTE) == Ok(evolve(before, version=claimed.version + 1))


@pytest.mark.parametrize(
    ("requester", "by", "may"),
    [
        (None, BOB, True),
        (ALICE, ALICE, True),
        (ALICE, BOB, False),
        (ALICE, ADMIN, True),
        (ALICE, Actor("bot", on_behalf_of="alice"), True),
        (Actor("bot", on_behalf_of="alice"), ALICE, True),
        (Actor("bot", on_behalf_of="alice"), Actor("bot"), True),
        (Actor("bot", on_behalf_of="alice"), BOB, False),
        (ALICE, Actor("admin"), False),
    ],
)
def test_the_requester_or_an_admin_may_cancel(requester: Actor | None, by: Actor, may: bool) -> None:
    """Where a requester is known; the person behind a program counts."""
    assert may_cancel(evolve(in_status(S.PARKED), requested_by=requester), by) is may


class Running(RuleBasedStateMachine):
    """Any events in any order."""

    @initialize(status=st.sampled_from([S.QUEUED, S.RUNNING, S.PARKED]))
    def begin(self, status: RunStatus) -> None:
        """Begin somewhere."""
        self.run = in_status(status)
        self.now = NOW
        self.over = False

    @rule(minutes=st.integers(0, 3))
    def wait(self, minutes: int) -> None:
        """Let time pass."""
        self.now += minutes * MINUTE

    @rule(
        kind=st.sampled_from(["claim", "claim", "park", "end", "release", "cancel", "review", "requeue"]),
        steps=st.integers(0, 3),
        good=st.booleans(),
    )
    def move(self, kind: str, steps: int, good: bool) -> None:
        """Try to move it."""
        events: dict[str, RunEvent] = {
            "claim": Claim(Lease("me", self.now + MINUTE), steps),
            "park": Park(("a",)),
            "end": End(Returned("1") if good else Failed("1"), "pay"),
            "release": Release(),
            "cancel": Cancel(ALICE),
            "review": Review("x"),
            "requeue": Requeue(),
            "settle": Settle("pay"),
        }
        event, before = events[kind], self.run
        match advance(before, event, self.now):
            case Ok(run):
                assert (before.status, type(event)) in LEGAL
                assert run.version == before.version + 1
                assert run.updated_at == self.now
                if before.status is S.RUNNING and isinstance(event, Claim):
                    assert before.lease is None or before.lease.until <= self.now
                self.over = before.status in {S.COMPLETED, S.CANCELLED}
                self.run = run
            case Err(_):
                held = before.lease is not None and self.now < before.lease.until
                assert (before.status, type(event)) not in LEGAL or (isinstance(event, Claim) and held)

    @invariant()
    def what_is_over_stays_over(self) -> None:
        """Completed and cancelled runs never moved."""
        assert not self.over

    @invariant()
    def what_belongs_to_a_status_is_there_only_then(self) -> None:
        """A lease only while it runs, waits only while it is parked, a result only once it ended by itself."""
        run = self.run
        assert (run.lease is not None) is (run.status is S.RUNNING)
        assert not run.waits or run.status is S.PARKED
        assert (run.result is not None) is (run.status in {S.COMPLETED, S.FAILED})
        assert (run.by is not None) is (run.status is S.CANCELLED)
        assert run.recoveries <= MOST_RECOVERIES


Running.TestCase.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
TestAnyHistory = Running.TestCase
