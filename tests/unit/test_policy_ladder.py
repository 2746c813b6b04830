"""Time: deadlines, levels of a ladder, reminders, and a clock that stands still."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from awaitly import Actor, Approval, ApprovalStatus, ClaimedByOther, Escalation, Expired, NotAuthorised, Policy
from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.deciding import decide
from awaitly.approvals.eligibility import audience, who_may
from awaitly.approvals.events import Answer, Approve, Chime, Claim, Comment, Expire, Inquire, Reassign, Reject, See
from awaitly.approvals.handling import Handling
from awaitly.approvals.ladder import next_reminder, next_time, rungs_due, tellings_between
from awaitly.approvals.transition import Transition
from tests.support import ADMIN, ALICE, BOB, CAROL
from tests.unit.approvals import HOUR, MINUTE, NOW, after, asked, facts_of, moved, refused

S = ApprovalStatus
DIRECTOR = Actor("dora", ["director"])
TWICE = Policy(
    approvers=["alice"],
    expires_in="2h",
    escalations=[
        Escalation("15m", ["bob"], repeat=2, every="5m"),
        Escalation("30m", ["role:director"], repeat=2, every="5m"),
    ],
)


def tellings(a: Approval, until: timedelta) -> list[tuple[int, str | None]]:
    """Move time minute by minute, with a worker about, and give what is told: minutes after the asking, and what."""
    told: list[tuple[int, str | None]] = []
    for minute in range(until // MINUTE + 1):
        done = moved(a, Chime(), NOW + minute * MINUTE)
        told += [(minute, fact.reason) for fact in done.facts]
        a = done.approval
    return told


# Deadlines


def test_at_the_deadline_nobody_decides_although_no_sweeper_ran() -> None:
    """Given a level due before the deadline and no worker, when its people come at the deadline, then `Expired`."""
    late = NOW + 2 * HOUR
    for event in (Approve(DIRECTOR), Reject(BOB), Claim(ALICE), Comment(ALICE, "x"), Reassign(ADMIN, ("zoe",))):
        assert refused(asked(TWICE), event, late) == Expired("r", "manager", late)
    assert after(asked(TWICE), Approve(DIRECTOR), at=late - timedelta(microseconds=1)).status is S.APPROVED


def test_the_sweeper_ends_it_once() -> None:
    """Given a deadline, when time is looked at again and again, then it expires once, and no level is told after."""
    late = NOW + 2 * HOUR
    question = asked(TWICE)
    assert moved(question, Chime(), late) == Transition(question)
    expired = moved(question, Expire(), late)
    assert (expired.approval.status, facts_of(expired)) == (S.EXPIRED, [AuditEvent.EXPIRED])
    assert isinstance(refused(expired.approval, Expire(), late), Expired)
    assert isinstance(refused(expired.approval, Chime(), late), Expired)


# Levels


def test_levels_are_told_at_their_times_and_as_often_as_they_say() -> None:
    """Given levels after 15 and 30 minutes, twice each, when nobody acts, then four tellings at the right times."""
    assert tellings(asked(TWICE), timedelta(minutes=119)) == [
        (15, "level 1"),
        (20, "level 1, for the 2. time"),
        (30, "level 2"),
        (35, "level 2, for the 2. time"),
    ]


def test_a_level_names_whom_it_was_told() -> None:
    """Given a level, when it is told, then the ledger has whom it went to."""
    [fact] = moved(asked(TWICE), Chime(), NOW + 15 * MINUTE).facts
    assert (fact.event, fact.to, fact.by) == (AuditEvent.ESCALATED, ("bob",), None)


def test_missed_tellings_of_one_level_collapse_into_the_last() -> None:
    """Given a worker that was down past both levels, when it returns, then each level is told once."""
    done = moved(asked(TWICE), Chime(), NOW + HOUR)
    assert [fact.reason for fact in done.facts] == ["level 1, for the 2. time", "level 2, for the 2. time"]
    assert done.approval.version == 2
    assert not moved(done.approval, Chime(), NOW + HOUR).changed


def test_a_level_may_decide_from_its_time_on_whether_or_not_a_worker_is_about() -> None:
    """Given bob's level comes at 15 minutes, when he approves a moment before, then no; at its time, then yes."""
    question = asked(TWICE)
    early = NOW + 15 * MINUTE - timedelta(microseconds=1)
    assert isinstance(refused(question, Approve(BOB), early), NotAuthorised)
    done = moved(question, Approve(BOB), NOW + 15 * MINUTE)
    assert (done.approval.status, done.approval.version) == (S.APPROVED, 2)
    assert facts_of(done) == [AuditEvent.ESCALATED, AuditEvent.APPROVED]


def test_what_is_refused_or_changes_nothing_climbs_nothing() -> None:
    """Given a level is due, when somebody is refused or repeats themselves, then nothing is written."""
    seen = after(asked(TWICE), See(ALICE))
    assert moved(seen, See(ALICE), NOW + HOUR) == Transition(seen)
    assert isinstance(refused(seen, Approve(CAROL), NOW + HOUR), NotAuthorised)


def test_a_level_joins_those_before_it() -> None:
    """Given two levels were told, when it is asked who may, then the approvers and both levels may."""
    told = after(asked(TWICE), Chime(), at=NOW + HOUR)
    assert who_may(told) == (("alice", "bob", "role:director"),)
    assert audience(told) == ("alice", "bob", "role:director")


def test_a_level_that_replaces_leaves_nobody_before_it() -> None:
    """Given a level that replaces, when it was told, then its people alone may, and votes that were cast stand."""
    rule = Policy(approvers=["role:ops"], needs=2, escalations=[Escalation("1h", ["role:director"], replaces=True)])
    ops = Actor("oz", ["ops"])
    told = after(after(asked(rule), Approve(ops)), Chime(), at=NOW + HOUR)
    assert isinstance(refused(told, Approve(Actor("od", ["ops"])), NOW + HOUR), NotAuthorised)
    assert after(told, Approve(DIRECTOR), at=NOW + HOUR).status is S.APPROVED


def test_a_level_voids_a_claim() -> None:
    """Given alice claimed it for herself, when a level is told, then its people may decide all the same."""
    claimed = after(asked(evolve(TWICE, exclusive_claims=True)), Claim(ALICE))
    assert isinstance(refused(claimed, Approve(Actor("x")), NOW + MINUTE), NotAuthorised)
    told = after(claimed, Chime(), at=NOW + 15 * MINUTE)
    assert told.handling.taken is None
    assert after(told, Approve(BOB), at=NOW + 15 * MINUTE).status is S.APPROVED


def test_where_an_admin_let_others_decide_the_ladder_goes_on_from_there() -> None:
    """Given a level that replaces was told, when an admin lets carol decide, then she may, and the next level too."""
    rule = Policy(
        approvers=["alice"],
        escalations=[Escalation("1h", ["bob"], replaces=True), Escalation("2h", ["role:director"])],
    )
    told = after(asked(rule), Chime(), at=NOW + HOUR)
    others = after(told, Reassign(ADMIN, ("carol",)), at=NOW + HOUR)
    assert who_may(others) == (("carol",),)
    assert who_may(after(others, Chime(), at=NOW + 2 * HOUR)) == (("carol", "role:director"),)


def test_levels_come_when_a_calendar_said_and_never_out_of_turn() -> None:
    """Given a calendar put the second level before the last telling of the first, then it waits for that."""
    rule = Policy(
        approvers=["alice"],
        escalations=[Escalation("1h", ["bob"], repeat=3, every="1h"), Escalation("8h", ["role:director"])],
    )
    laid_down = Handling(levels=(NOW + 2 * HOUR, NOW + 3 * HOUR))
    question = asked(rule, handling=laid_down)
    assert next_time(question) == NOW + 2 * HOUR
    assert [rung.nth for rung in rungs_due(question, NOW + 2 * HOUR)] == [1]
    assert [(r.level, r.nth) for r in rungs_due(question, NOW + 3 * HOUR)] == [(1, 1), (1, 2)]
    assert [(r.level, r.nth) for r in rungs_due(question, NOW + 4 * HOUR)] == [(1, 1), (1, 2), (1, 3), (2, 1)]


def test_what_was_told_from_one_state_to_another_is_each_level_once() -> None:
    """Given missed tellings, when states before and after are compared, then the last of each level between them."""
    question = asked(TWICE)
    first, both = (after(question, Chime(), at=NOW + minutes * MINUTE) for minutes in (15, 40))
    assert [(r.level, r.nth) for r in tellings_between(question, first)] == [(1, 1)]
    assert [(r.level, r.nth) for r in tellings_between(first, both)] == [(1, 2), (2, 2)]
    assert tellings_between(both, both) == tellings_between(both, first) == ()


# Reminders


def test_reminders_keep_to_their_hours_and_missed_ones_are_one() -> None:
    """Given every hour and a worker down for five and a half, when it returns, then one, and the next at six."""
    question = asked(Policy(remind_every="1h"))
    reminded = moved(question, Chime(), NOW + 5.5 * HOUR)
    assert facts_of(reminded) == [AuditEvent.REMINDED]
    assert next_reminder(reminded.approval) == NOW + 6 * HOUR
    assert reminded.approval.handling.reminded_at == NOW + 5.5 * HOUR
    assert not moved(reminded.approval, Chime(), NOW + 5.9 * HOUR).changed
    assert facts_of(moved(reminded.approval, Chime(), NOW + 6 * HOUR)) == [AuditEvent.REMINDED]


def test_a_reminder_and_a_level_at_once_are_one_write() -> None:
    """Given both are due, when time is looked at, then both are noted in one version."""
    done = moved(asked(evolve(TWICE, remind_every="15m")), Chime(), NOW + 15 * MINUTE)
    assert facts_of(done) == [AuditEvent.ESCALATED, AuditEvent.REMINDED]
    assert done.approval.version == 2


def test_nobody_is_reminded_of_what_is_decided() -> None:
    """Given a decision, when a reminder would have come, then nothing is due."""
    decided = after(asked(Policy(remind_every="1h")), Approve(ALICE))
    assert next_time(decided) is None
    assert decide(decided, Chime(), NOW + HOUR).map(lambda t: t.changed).value_or(default_value=False) is False


def test_what_is_due_next_is_the_soonest() -> None:
    """Given reminders, levels and a deadline, when it is asked what comes next, then the soonest of them."""
    rule = evolve(TWICE, remind_every="10m")
    times = [next_time(asked(rule)), next_time(after(asked(rule), Chime(), at=NOW + 10 * MINUTE))]
    assert times == [NOW + 10 * MINUTE, NOW + 15 * MINUTE]
    assert next_time(asked(Policy(expires_in="1h"))) == NOW + HOUR
    assert next_time(asked()) is None


# A clock that stands still

ASKING = Policy(
    approvers=["alice"],
    expires_in="4h",
    escalations=[Escalation("2h", ["bob"])],
    remind_every="1h",
    questions_stop_clock=True,
)
ZOE = Actor("zoe")


def test_while_the_requester_is_asked_nothing_is_due() -> None:
    """Given a question to the requester stopped the clock, when days pass, then nothing falls due nor expires."""
    open_one = after(asked(ASKING, by=ZOE), Inquire(ALICE, "why?"), at=NOW + HOUR / 2)
    later = NOW + 100 * HOUR
    assert (open_one.deadline, next_time(open_one), next_reminder(open_one)) == (None, None, None)
    assert not moved(open_one, Chime(), later).changed
    assert not moved(open_one, Expire(), later).changed
    assert after(open_one, Approve(ALICE), at=later).status is S.APPROVED


def test_after_the_answer_as_much_time_is_left_as_before_the_question() -> None:
    """Given a stop of ten hours after half an hour, when it is answered, then all that was to come is ten later."""
    open_one = after(asked(ASKING, by=ZOE), Inquire(ALICE, "why?"), at=NOW + HOUR / 2)
    going = after(open_one, Answer(ZOE, "because"), at=NOW + 10.5 * HOUR)
    assert going.deadline == NOW + 14 * HOUR
    assert next_reminder(going) == NOW + 11 * HOUR
    assert isinstance(refused(going, Approve(BOB), NOW + 11.9 * HOUR), NotAuthorised)
    assert after(going, Approve(BOB), at=NOW + 12 * HOUR).status is S.APPROVED


def test_a_reminder_does_not_come_sooner_for_a_stop() -> None:
    """Given a reminder at one hour and a stop at one and a half, when it ends, then half an hour is still to go."""
    reminded = after(asked(ASKING, by=ZOE), Chime(), at=NOW + HOUR)
    open_one = after(reminded, Inquire(ALICE, "why?"), at=NOW + 1.5 * HOUR)
    going = after(open_one, Answer(ZOE, "because"), at=NOW + 3 * HOUR)
    assert next_reminder(going) == NOW + 3.5 * HOUR
    assert not moved(going, Chime(), NOW + 3 * HOUR).changed
    again = after(going, Chime(), at=NOW + 3.5 * HOUR)
    assert (again.handling.reminded, next_reminder(again)) == (2, NOW + 4.5 * HOUR)


def test_stops_add_up() -> None:
    """Given two questions of an hour each, when both are answered, then the deadline is two hours later."""
    question = asked(ASKING, by=ZOE)
    for start in (1, 3):
        question = after(question, Inquire(ALICE, f"{start}?"), at=NOW + start * HOUR)
        question = after(question, Answer(ZOE, "so"), at=NOW + (start + 1) * HOUR)
    assert (question.deadline, question.handling.stopped) == (NOW + 6 * HOUR, 2 * HOUR)


def test_an_ordinary_question_stops_nothing() -> None:
    """Given `questions_stop_clock` is off, when the requester is asked, then the deadline stands, for answers too."""
    open_one = after(asked(evolve(ASKING, questions_stop_clock=False), by=ZOE), Inquire(ALICE, "why?"))
    assert open_one.deadline == NOW + 4 * HOUR
    assert isinstance(refused(open_one, Answer(ZOE, "so"), NOW + 4 * HOUR), Expired)
    answered = after(open_one, Answer(ZOE, "so"), at=NOW + HOUR)
    assert (answered.deadline, answered.handling.stopped) == (NOW + 4 * HOUR, timedelta())


def test_at_the_deadline_it_is_too_late_to_stop_the_clock() -> None:
    """Given a deadline, when somebody asks the requester at it, then `Expired`."""
    assert isinstance(refused(asked(ASKING, by=ZOE), Inquire(ALICE, "why?"), NOW + 4 * HOUR), Expired)


@pytest.mark.parametrize("holder", [ALICE, Actor("alice", ["ops"])])
def test_an_exclusive_claim_holds_until_the_next_level(holder: Actor) -> None:
    """Given alice claimed exclusively, when others act before a level, then `ClaimedByOther` names her."""
    rule = Policy(exclusive_claims=True, escalations=[Escalation("1h", ["role:director"])])
    claimed = after(asked(rule), Claim(holder))
    refusal = refused(claimed, Approve(BOB), NOW + HOUR / 2)
    assert refusal == ClaimedByOther("r", "manager", "bob", "alice", NOW)
    assert after(claimed, Approve(BOB), at=NOW + HOUR).status is S.APPROVED
