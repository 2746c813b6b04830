from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from awaitly import (
    Actor,
    Approval,
    ApprovalStatus,
    Approved,
    Edited,
    Expired,
    Policy,
    RecordCorrupt,
    Rejected,
    RunStatus,
)
from awaitly.approvals.approval import Closing, Vote
from awaitly.errors import UnexpectedError
from awaitly.storage.journal import Decided, Failed, Lease, Raised, Returned, RunRecord, Step
from awaitly.storage.records import (
    approval_of,
    quarantined,
    released,
    row_of_approval,
    row_of_run,
    row_of_step,
    run_of,
    step_of,
)

NOW = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)
TEXT = st.text(max_size=8)
WORDS = st.text(min_size=1, max_size=8)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NAMES = WORDS.filter(lambda text: bool(text.strip()))
ACTORS = st.builds(Actor, NAMES, st.lists(WORDS, max_size=2), on_behalf_of=st.none() | WORDS)
OUTCOMES = st.one_of(
    st.builds(Approved, TEXT, ACTORS, MOMENTS),
    st.builds(Edited, TEXT, TEXT, ACTORS, MOMENTS),
    st.builds(Rejected, st.none() | TEXT, ACTORS, MOMENTS),
    st.builds(Expired, TEXT, TEXT, MOMENTS),
)
RECORDED = st.one_of(
    st.builds(Returned, TEXT),
    st.builds(Failed, TEXT),
    st.builds(Raised, st.builds(UnexpectedError, TEXT, TEXT, st.none() | TEXT, st.integers(1, 9))),
    st.builds(Decided, OUTCOMES),
)


@given(st.builds(Step, TEXT, TEXT, TEXT, RECORDED, MOMENTS, MOMENTS, st.integers(1, 9)))
def test_a_step_comes_back_from_its_row(step: Step) -> None:
    """Whatever it recorded."""
    assert step_of(row_of_step("r", step)) == step


@st.composite
def runs(draw: st.DrawFn) -> RunRecord:
    """Draw any run."""
    lease = draw(st.none() | st.builds(Lease, WORDS, MOMENTS))
    return RunRecord(
        run_id=draw(WORDS),
        workflow=draw(TEXT),
        code_version=draw(TEXT),
        arguments=draw(TEXT),
        digest=draw(TEXT),
        created_at=draw(MOMENTS),
        updated_at=draw(MOMENTS),
        status=draw(st.sampled_from(RunStatus)),
        version=draw(st.integers(1, 99)),
        requested_by=draw(st.none() | ACTORS),
        lease=lease,
        due_at=lease.until if lease else draw(st.none() | MOMENTS),
        waits=tuple(draw(st.lists(TEXT, max_size=2))),
        result=draw(st.none() | RECORDED),
        ended_by=draw(st.none() | WORDS),
        by=draw(st.none() | ACTORS),
        reason=draw(st.none() | WORDS),
        progress=draw(st.integers(0, 9)),
        recoveries=draw(st.integers(0, 9)),
        forked_from=draw(st.none() | WORDS),
    )


@given(runs())
def test_a_run_comes_back_from_its_row(run: RunRecord) -> None:
    """Whatever stands in it, at the microsecond."""
    assert run_of(row_of_run(run)) == run


OPEN = {ApprovalStatus.PENDING, ApprovalStatus.SUPERSEDED}


@st.composite
def approvals(draw: st.DrawFn) -> Approval:
    """Draw any approval."""
    votes = st.builds(Vote, ACTORS, st.booleans(), st.integers(1, 9), MOMENTS, st.none() | TEXT)
    status = draw(st.sampled_from(ApprovalStatus))
    closings = st.builds(Closing, ACTORS, MOMENTS, st.none() | TEXT)
    return Approval(
        run_id=draw(WORDS),
        key=draw(WORDS),
        workflow=draw(TEXT),
        place=draw(TEXT),
        operation=draw(TEXT),
        summary=draw(TEXT),
        proposal=json.dumps(draw(TEXT)),
        schema=draw(TEXT),
        policy=draw(st.sampled_from([Policy(), Policy(approvers=["a", "role:b"], needs=2, expires_in="1h")])),
        asked_at=draw(MOMENTS),
        deadline=draw(st.none() | MOMENTS),
        requested_by=draw(st.none() | ACTORS),
        reason=draw(st.none() | WORDS),
        metadata=draw(st.sampled_from(["{}", '{"a":1}'])),
        redact=tuple(draw(st.lists(WORDS, max_size=2))),
        external=draw(st.booleans()),
        version=draw(st.integers(1, 99)),
        revision=draw(st.integers(1, 9)),
        status=status,
        edited=draw(st.none() | WORDS.map(json.dumps)),
        editor=draw(st.none() | ACTORS),
        votes=tuple(draw(st.lists(votes, max_size=2))),
        closing=draw(closings if status not in OPEN else st.none() | closings),
        consumed_at=draw(st.none() | MOMENTS),
        digest=draw(st.none() | TEXT) or "v1:x",
    )


@settings(max_examples=60)
@given(approvals())
def test_an_approval_comes_back_from_its_row(approval: Approval) -> None:
    """Whatever was asked, voted, edited and decided."""
    row = row_of_approval(approval)
    assert approval_of(row) == approval
    assert (row.open, row.ready) == (approval.pending, approval.ready)


@given(st.sampled_from(["", " "]) | WORDS)
def test_texts_that_are_empty_come_back_too(text: str) -> None:
    """An empty reason is not the same as none."""
    run = evolve(RUN, reason=text)
    assert run_of(row_of_run(run)).reason == text
    assert approval_of(row_of_approval(evolve(APPROVAL, reason=text))).reason == text


RUN = RunRecord("r", "refund", "1", "{}", "v1:x", NOW, NOW, RunStatus.PARKED)
APPROVAL = Approval("r", "manager", "refund", "0", "refund:manager", "?", "5", "{}", Policy(), NOW)
STEP = Step("pay", "0", "v1:x", Returned("1"), NOW, NOW)


def test_what_holds_its_default_is_left_out() -> None:
    """So a member that a later release adds changes no stored text."""
    assert json.loads(row_of_run(RUN).body).keys() == {"code", "arguments", "digest"}
    assert json.loads(row_of_step("r", STEP).body).keys() == {"at", "digest", "is", "when"}
    plain = json.loads(row_of_approval(APPROVAL).body)
    assert plain.keys() == {"status", "at", "operation", "summary", "proposal", "schema", "digest"}


def test_a_renewed_lease_is_read_from_its_column() -> None:
    """A renewal moves `due_at` alone; the lease lasts as long."""
    row = row_of_run(evolve(RUN, status=RunStatus.RUNNING, lease=Lease("me", NOW), due_at=NOW))
    renewed = run_of(evolve(row, due_at=(row.due_at or 0) + 60_000_000))
    assert renewed.lease == Lease("me", NOW + timedelta(minutes=1))


BROKEN: list[str] = ["", "{", "null", "[]", "1", '"x"', "{}", "[" * 10_000, "\ud800", '{"digest":5}']


@pytest.mark.parametrize("body", BROKEN, ids=lambda body: body[:8].encode("unicode_escape").decode())
def test_a_body_that_is_no_record_is_reported_with_its_run(body: str) -> None:
    """Damage of any kind is `RecordCorrupt`, and nothing else."""
    for read, row in (
        (run_of, row_of_run(RUN)),
        (step_of, row_of_step("r", STEP)),
        (approval_of, row_of_approval(APPROVAL)),
    ):
        with pytest.raises(RecordCorrupt, match="'r'"):
            read(evolve(row, body=body))  # type: ignore[arg-type]


def spoiled(body: str) -> list[str]:
    """Give the body with each member left out, or of another kind."""
    members: dict[str, Any] = json.loads(body)
    without = [{k: v for k, v in members.items() if k != name} for name in members]
    other = [{**members, name: wrong} for name in members for wrong in (None, {"x": 1}, -(10**30))]
    return [json.dumps(each) for each in (*without, *other)]


@pytest.mark.parametrize("kind", ["run", "step", "approval"])
def test_no_spoiled_member_passes_for_the_record(kind: str) -> None:
    """Whichever member is left out or of another kind: `RecordCorrupt`, never the record that was written."""
    actor = Actor("ann", ["x"])
    run = evolve(RUN, requested_by=actor, waits=("a",), result=Returned("1"), lease=Lease("me", NOW), due_at=NOW)
    full = evolve(APPROVAL, votes=(Vote(actor, True, 1, NOW),), closing=Closing(actor, NOW), consumed_at=NOW)
    cases: dict[str, tuple[Any, Any, Any]] = {
        "run": (run_of, row_of_run(run), run),
        "step": (step_of, row_of_step("r", STEP), STEP),
        "approval": (approval_of, row_of_approval(full), full),
    }
    read, row, record = cases[kind]
    for body in spoiled(row.body):
        try:
            assert read(evolve(row, body=body)) != record
        except RecordCorrupt:
            continue


def test_a_reason_that_is_no_text_is_damage() -> None:
    """It is shown to people, who would be shown anything."""
    row = row_of_approval(evolve(APPROVAL, reason="odd"))
    with pytest.raises(RecordCorrupt, match="a text was expected"):
        approval_of(evolve(row, body=row.body.replace('"odd"', '["odd"]')))


def test_a_quarantined_run_keeps_what_stood_in_it() -> None:
    """It is read as a run that needs review, however often it is set aside, and unwraps to what it was."""
    row = evolve(row_of_run(RUN), body="{broken")
    aside = quarantined(row, "why", 7)
    twice = quarantined(aside, "why else", 8)
    for each, reason in ((aside, "why"), (twice, "why else")):
        run = run_of(each)
        assert (run.status, run.reason, run.version) == (RunStatus.NEEDS_REVIEW, reason, each.version)
        assert each.due_at is None
        assert released(each).body == "{broken"
    assert released(row) == row
