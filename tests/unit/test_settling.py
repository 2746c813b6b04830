"""What a person says of a call in doubt, as a move of its run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from attrs import evolve

from awaitly import AuditEvent, NotAuthorised, OutcomeKnown, RunStatus
from awaitly.approvals.audit import Fact
from awaitly.runs.settling import settle, unknown_calls
from awaitly.statuses import WaitKind
from awaitly.storage.journal import Returned, RunRecord, RunState, Step, Wait
from tests.support import ADMIN, ALICE, error_of

NOW = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
PAY = Wait("pay", "1", WaitKind.OUTCOME, NOW, "v1:p")
MAIL = Wait("mail", "2", WaitKind.OUTCOME, NOW, "v1:m")
PAID = Step("pay", "1", "v1:p", Returned("7"), NOW, LATER)


def set_aside(*awaiting: Wait) -> RunState:
    """Set a run aside that waits for this."""
    status = RunStatus.NEEDS_REVIEW
    return RunState(RunRecord("r", "refund", "1", "{}", "v1:x", NOW, NOW, status, awaiting=awaiting, reason="odd"))


def test_in_doubt_are_calls_without_a_record() -> None:
    """What else the run waits for is not, nor is a call that has its record, nor anything of a run that goes on."""
    timer = Wait("nap", "3", WaitKind.TIMER, NOW)
    doubtful = evolve(set_aside(timer, PAY, MAIL), steps=(PAID,))
    assert unknown_calls(doubtful) == (MAIL,)
    assert unknown_calls(evolve(doubtful, run=evolve(doubtful.run, status=RunStatus.QUEUED))) == ()


def test_a_call_that_was_made_has_its_record() -> None:
    """As if it had come back: with its own place and arguments, from its beginning until now."""
    moved = settle(set_aside(PAY), None, Returned("7"), ADMIN, LATER).unwrap()
    assert moved.state.steps == (PAID,)
    assert (moved.state.run.status, moved.state.run.awaiting) == (RunStatus.QUEUED, ())


def test_a_call_that_was_not_made_has_none() -> None:
    """The run makes it once it goes on."""
    moved = settle(set_aside(PAY), "pay", None, ADMIN, LATER).unwrap()
    assert (moved.state.steps, moved.state.run.awaiting) == ((), ())


def test_the_ledger_says_who_said_what() -> None:
    """Of a call there are no revisions; its digest is that of its arguments."""
    for came, said in ((Returned("7"), "it was made"), (None, "it was not made")):
        moved = settle(set_aside(PAY), "pay", came, ADMIN, LATER).unwrap()
        assert moved.facts == (Fact(AuditEvent.SETTLED, "pay", LATER, 0, "v1:p", ADMIN, said),)


def test_of_several_calls_one_is_named_and_the_others_stay_in_doubt() -> None:
    """Without a name it is refused, with those that there are."""
    both = set_aside(PAY, MAIL)
    assert error_of(settle(both, None, None, ADMIN, LATER)) == OutcomeKnown("r", None, ("pay", "mail"))
    moved = settle(both, "pay", None, ADMIN, LATER).unwrap()
    assert (moved.state.run.status, unknown_calls(moved.state)) == (RunStatus.NEEDS_REVIEW, (MAIL,))


def test_only_an_admin_settles() -> None:
    """Anybody else is told so."""
    assert error_of(settle(set_aside(PAY), "pay", None, ALICE, LATER)) == NotAuthorised(
        "r", "pay", "alice", "the role 'admin'"
    )
