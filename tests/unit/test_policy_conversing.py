"""Beside the question: who looked, what was said, what the requester was asked."""

from __future__ import annotations

from typing import Any

import pytest

from awaitly import Actor, ApprovalStatus, NotAuthorised, NotPossible, Policy, SelfApproval
from awaitly.approvals.audit import AuditEvent
from awaitly.approvals.conversing import LONGEST, MOST
from awaitly.approvals.events import Answer, Approve, Comment, Delegate, Edit, Event, Inquire, See, Spoof, Standing
from awaitly.approvals.handling import MOST_SPOOFED, Handling, Remark, RemarkKind
from awaitly.changing import changed
from tests.support import ADMIN, ALICE, BOB, CAROL
from tests.unit.approvals import HOUR, NOW, after, asked, facts_of, moved, refused

S = ApprovalStatus
ZOE = Actor("zoe")
ONE = Policy(approvers=["alice"], editors=["bob"])


def test_a_look_is_noted_once_for_each_person_and_revision() -> None:
    """Given alice looked, when she looks again, then nothing; at the next revision, or for bob, it is noted."""
    seen = moved(asked(Policy(needs=2)), See(ALICE))
    assert facts_of(seen) == [AuditEvent.SEEN]
    assert not moved(seen.approval, See(Actor("alice", ["ops"])), NOW + HOUR).changed
    both = after(seen.approval, See(BOB), Edit(BOB, "7"), See(ALICE))
    assert both.handling.seen == (("alice", 1), ("bob", 1), ("alice", 2))


def test_a_spoofed_request_is_noted_once_for_each_person_and_revision() -> None:
    """Given alice said to be bob, when she says so again, then nothing; at the next revision, or by carol, it is noted.

    It is noted by whom, as whom and in which members, and changes nothing else, not even by a stranger.
    """
    question = asked(Policy(approvers=["bob", "dan", "eve"], needs=2))
    noted = moved(question, Spoof(ALICE, ("approver", "by"), ("bob",)))
    (fact,) = noted.facts
    assert (fact.event, fact.by, fact.to) == (AuditEvent.SPOOFED, ALICE, ("bob",))
    assert fact.reason == "the request said approver, by"
    handling = changed(question.handling, spoofed=(("alice", 1),))
    assert noted.approval == changed(question, handling=handling, version=question.version + 1)
    assert not moved(noted.approval, Spoof(ALICE, ("actor",), ("dan",)), NOW + HOUR).changed
    all_three = after(noted.approval, Spoof(CAROL, ("by",)), Edit(BOB, "7"), Spoof(ALICE, ("by",)))
    assert all_three.handling.spoofed == (("alice", 1), ("carol", 1), ("alice", 2))


def test_spoofed_requests_do_not_fill_a_store() -> None:
    """Given a hundred people said to be somebody else, when another does, then nothing; of many names ten are kept."""
    full = asked()
    for number in range(MOST_SPOOFED):
        full = after(full, Spoof(Actor(f"mallory{number}"), ("by",)))
    (fact,) = moved(asked(), Spoof(BOB, ("by",), tuple(f"victim{number}" for number in range(800)))).facts
    assert len(fact.to) == 10
    assert (MOST_SPOOFED, moved(full, Spoof(BOB, ("by",))).changed) == (100, False)


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\nb", "role:admin", "*"])
def test_what_is_no_name_is_not_noted_as_one(name: str) -> None:
    """A request says what it likes: only what could be a person's name is kept of it."""
    (fact,) = moved(asked(), Spoof(ALICE, ("by",), (name, "bob"))).facts
    assert fact.to == ("bob",)


def test_those_who_have_a_part_comment() -> None:
    """Given zoe requested, when she, an approver, an editor or an admin comments, then it stands; else refused."""
    question = asked(ONE, by=ZOE)
    for by in (ZOE, ALICE, BOB, ADMIN, Actor("bot", on_behalf_of="zoe")):
        said = moved(question, Comment(by, "hm"))
        assert (facts_of(said), said.facts[0].reason) == ([AuditEvent.COMMENTED], "hm")
        assert said.approval.handling.remarks == (Remark(RemarkKind.COMMENT, by, NOW, "hm"),)
    refusal = refused(question, Comment(CAROL, "hm"))
    assert isinstance(refusal, NotAuthorised)
    assert "it takes the requester zoe, or alice" in str(refusal)


def test_where_nobody_is_known_to_have_asked_not_just_anybody_comments() -> None:
    """Given no requester and named approvers, when somebody else comments, then `NotAuthorised`."""
    assert isinstance(refused(asked(ONE), Comment(CAROL, "hm")), NotAuthorised)


def test_an_editor_by_a_rule_comments() -> None:
    """Given editors by a rule, when somebody who meets it comments, then it stands."""
    question = asked(Policy(approvers=["alice"], editors=["rule:writers"]), by=ZOE)
    writer = Standing(rules=frozenset({"rule:writers"}))
    assert after(question, Comment(CAROL, "hm", writer)).handling.remarks


def test_a_stand_in_comments_as_one() -> None:
    """Given alice handed her seat to dan, when he comments, then it says for whom."""
    question = after(asked(ONE), Delegate(ALICE, "dan"), Comment(Actor("dan"), "hm"))
    assert question.handling.remarks[0].by == Actor("dan", on_behalf_of="alice")


def test_a_question_goes_to_the_requester_and_the_answer_comes_from_there() -> None:
    """Given alice asks zoe, when others answer, then `NotAuthorised`; zoe or an admin may."""
    open_one = moved(asked(ONE, by=ZOE), Inquire(ALICE, "why?"))
    assert facts_of(open_one) == [AuditEvent.INQUIRED]
    assert open_one.approval.view().asks_requester
    for by in (ALICE, BOB, CAROL):
        assert "it takes the requester zoe, or an admin" in str(refused(open_one.approval, Answer(by, "so")))
    for by in (ZOE, ADMIN, Actor("bot", on_behalf_of="zoe")):
        answered = after(open_one.approval, Answer(by, "because"))
        assert [r.kind for r in answered.handling.remarks] == [RemarkKind.QUESTION, RemarkKind.ANSWER]
        assert not answered.view().asks_requester


def test_where_nobody_is_known_to_have_asked_anybody_answers() -> None:
    """Given no requester, when somebody answers, then it stands: a question that nobody may answer never ends."""
    assert after(asked(ONE), Inquire(ALICE, "why?"), Answer(CAROL, "so")).handling.inquiry is None


def test_one_question_at_a_time() -> None:
    """Given an open question, when bob asks another, then `NotPossible`; an answer without a question is, too."""
    question = asked(by=ZOE)
    open_one = after(question, Inquire(ALICE, "why?"))
    assert "alice has asked something already" in str(refused(open_one, Inquire(BOB, "when?")))
    assert "nobody has asked anything" in str(refused(question, Answer(ZOE, "so")))
    assert after(open_one, Answer(ZOE, "so"), Inquire(BOB, "when?")).handling.inquiry is not None


def test_only_who_may_decide_asks_the_requester() -> None:
    """Given approvers, when others ask, then `NotAuthorised`; the requester gets `SelfApproval`."""
    assert isinstance(refused(asked(ONE, by=ZOE), Inquire(BOB, "why?")), NotAuthorised)
    assert isinstance(refused(asked(by=ZOE), Inquire(ZOE, "why?")), SelfApproval)


def test_an_open_question_keeps_nobody_from_deciding() -> None:
    """Given an open question, when an approver decides, then it is decided."""
    assert after(asked(by=ZOE), Inquire(ALICE, "why?"), Approve(BOB)).status is S.APPROVED


def test_the_same_said_again_counts_once() -> None:
    """Given a remark whose acknowledgement was lost, when it is said again, then nothing is written."""
    question = asked(by=ZOE)
    for event in (Comment(ALICE, "hm"), Inquire(ALICE, "why?"), Answer(ZOE, "so")):
        question = after(question, event)
        assert not moved(question, event, NOW + HOUR).changed
    assert len(question.handling.remarks) == 3
    assert len(after(question, Comment(ALICE, "hm"), Comment(BOB, "hm")).handling.remarks) == 5


LAST: list[tuple[Any, tuple[Event, ...]]] = [
    (Comment, ()),
    (Inquire, ()),
    (Answer, (Inquire(ALICE, "why?"),)),
]


@pytest.mark.parametrize(("kind", "before"), LAST, ids=["comment", "inquire", "answer"])
def test_a_remark_has_limits(kind: Any, before: tuple[Event, ...]) -> None:
    """Given an empty text, one too long, or too many remarks, when it is said, then `NotPossible` says the limit."""
    by = ZOE if kind is Answer else ALICE
    question = after(asked(by=ZOE), *before)
    for text, why in (
        ("", "there is nothing said"),
        (" \n", "there is nothing said"),
        ("x" * (LONGEST + 1), "at most 10,000 characters, not 10,001"),
    ):
        refusal = refused(question, kind(by, text))
        assert isinstance(refusal, NotPossible)
        assert why in str(refusal)
    assert after(question, kind(by, "x" * LONGEST)).handling.remarks[-1].text == "x" * LONGEST
    full = tuple(Remark(RemarkKind.COMMENT, BOB, NOW, str(n)) for n in range(MOST))
    crowded = changed(question, handling=Handling(remarks=full, inquiry=question.handling.inquiry))
    if kind is Answer:  # without which time might stand still for ever
        assert after(crowded, Answer(by, "because")).handling.inquiry is None
    else:
        assert "500 remarks already" in str(refused(crowded, kind(by, "one more")))


def test_what_was_decided_is_no_longer_talked_about() -> None:
    """Given a decision, when anybody comments, asks, answers or looks, then the winner is named."""
    decided = after(asked(), Approve(ALICE))
    for event in (Comment(BOB, "x"), Inquire(BOB, "x"), Answer(BOB, "x"), See(BOB)):
        assert "already approved by alice" in str(refused(decided, event))
