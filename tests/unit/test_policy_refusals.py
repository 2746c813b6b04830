"""Policies that are refused where they are written, each with words that say what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from awaitly import Escalation, Policy, PolicyError, Quorum, Rule


def tomorrow(at: datetime, _: timedelta) -> datetime:
    """Count nothing."""
    return at + timedelta(days=1)


def yes(*_: object) -> bool:
    """Hold for everybody."""
    return True


NOT_A_TIME = "such as '30m', '24h' or '7d', above zero and at most 100 years, not"

PEOPLE: list[tuple[object, str]] = [
    (5, "approvers is a list of names such as 'alice' and roles such as 'role:manager', not 5"),
    ([1], "approvers lists names such as 'alice' and roles such as 'role:manager', not 1"),
    (["ann", None], "approvers lists names such as 'alice' and roles such as 'role:manager', not None"),
    ([["ann"]], "approvers lists names such as 'alice' and roles such as 'role:manager', not ['ann']"),
    ({"ann": 1}, "approvers is a list of names such as 'alice' and roles such as 'role:manager', not {'ann': 1}"),
    (b"ann", "approvers is a list of names such as 'alice' and roles such as 'role:manager', not b'ann'"),
    ("ann", "approvers is a list, not one text: write approvers=['ann']"),
    ([], "approvers=[] would let nobody decide; name somebody, or leave it out where anyone may"),
    ([""], "approvers: '' names nobody; write a person as 'alice' and a role as 'role:manager'"),
    (["role:"], "approvers: 'role:' names nobody; write a person as 'alice' and a role as 'role:manager'"),
    (["role: x"], "approvers: 'role: x' names nobody; write a person as 'alice' and a role as 'role:manager'"),
    (["*"], "approvers: '*' names nobody; write a person as 'alice' and a role as 'role:manager'"),
    (["a\nb"], "approvers: 'a\\nb' names nobody; write a person as 'alice' and a role as 'role:manager'"),
    (["x" * 201], f"approvers: '{'x' * 40}' names nobody; write a person as 'alice' and a role as 'role:manager'"),
    (
        {"ann": "x" * 80},
        f"approvers is a list of names such as 'alice' and roles such as 'role:manager', not {{'ann': '{'x' * 51}",
    ),
    (
        ["team:" + "x" * 80],
        (
            f"approvers: 'team:{'x' * 35}' has the unknown prefix 'team:'; write a role as 'role:{'x' * 80}', or "
            f"'name:team:{'x' * 80}' where this is the whole name of somebody"
        ),
    ),
    (
        ["Role:manager"],
        (
            "approvers: 'Role:manager' has the unknown prefix 'Role:'; write a role as 'role:manager', or "
            "'name:Role:manager' where this is the whole name of somebody"
        ),
    ),
    (
        ["group: x"],
        (
            "approvers: 'group: x' has the unknown prefix 'group:'; write a role as 'role:x', or 'name:group: x' where "
            "this is the whole name of somebody"
        ),
    ),
]


@pytest.mark.parametrize(("approvers", "why"), PEOPLE)
def test_who_may_decide_is_a_list_of_people_and_roles(approvers: Any, why: str) -> None:
    """What names nobody is refused, whatever it is; the words show how a person and a role are written."""
    with pytest.raises(PolicyError) as refused:
        Policy(approvers=approvers)
    assert str(refused.value) == why


@pytest.mark.parametrize("values", [["Role:x"], "ann", [3], 3])
def test_editors_and_levels_are_checked_alike(values: Any) -> None:
    """A list of people is checked wherever one stands, and the words say which it is."""
    with pytest.raises(PolicyError, match=r"^editors"):
        Policy(editors=values)
    with pytest.raises(PolicyError, match=r"^to"):
        Escalation("1h", values)
    with pytest.raises(PolicyError, match=r"^approvers"):
        Quorum(values)


OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"needs": 0}, "needs must be a whole number of at least 1, not 0"),
    ({"needs": True}, "needs must be a whole number of at least 1, not True"),
    ({"needs": 1.0}, "needs must be a whole number of at least 1, not 1.0"),
    ({"needs": "2"}, "needs must be a whole number of at least 1, not '2'"),
    ({"rejections": -1}, "rejections must be a whole number of at least 1, not -1"),
    (
        {"approvers": ["ann", "bob"], "needs": 3},
        "needs=3 can never be met: there are only 2 approvers (ann, bob)",
    ),
    (
        {"approvers": ["ann", "bob"], "rejections": 3},
        "rejections=3 can never be met: there are only 2 approvers (ann, bob)",
    ),
    (
        {"approvers": ["ann"], "also": [Quorum(["ann"])]},
        (
            "2 different people must approve, one for each seat, and those who are named (ann) are too few for the "
            "seats that only they may take"
        ),
    ),
    (
        {"approvers": ["role:ops"], "also": [Quorum(["ann"]), Quorum(["ann"])]},
        (
            "3 different people must approve, one for each seat, and those who are named (ann) are too few for the "
            "seats that only they may take"
        ),
    ),
    ({"also": ["ann"]}, "also is a list of quorums such as Quorum(['role:legal'], needs=1), and one of them is 'ann'"),
    ({"also": 5}, "also is a list of quorums such as Quorum(['role:legal'], needs=1), not 5"),
    (
        {"escalations": ["1h"]},
        "escalations is a list of levels such as Escalation('4h', ['role:director']), and one of them is '1h'",
    ),
    ({"self_approval": "no"}, "self_approval is either True or False, not 'no'"),
    ({"edit_counts_as_vote": 1}, "edit_counts_as_vote is either True or False, not 1"),
    ({"exclusive_claims": None}, "exclusive_claims is either True or False, not None"),
    ({"expires_in": "soon"}, f"expires_in is a length of time {NOT_A_TIME} 'soon'"),
    ({"expires_in": 5}, f"expires_in is a length of time {NOT_A_TIME} 5"),
    ({"expires_in": timedelta(-1)}, f"expires_in is a length of time {NOT_A_TIME} -86400 seconds"),
    ({"expires_in": "40000d"}, f"expires_in is a length of time {NOT_A_TIME} '40000d'"),
    ({"remind_every": "0s"}, f"remind_every is a length of time {NOT_A_TIME} '0s'"),
    (
        {"remind_every": "999ms"},
        "remind_every is shorter than a second, and nobody can be told that often: say '1h', for example",
    ),
    ({"remind_every": "9999999999w"}, f"remind_every is a length of time {NOT_A_TIME} '9999999999w'"),
    ({"fresh_within": "-1h"}, f"fresh_within is a length of time {NOT_A_TIME} '-1h'"),
    ({"on_expiry": "shrug"}, "on_expiry is one of 'expire', 'reject', 'approve', not 'shrug'"),
    ({"on_expiry": []}, "on_expiry is one of 'expire', 'reject', 'approve', not []"),
    ({"risk": "low"}, "risk is one of 'normal', 'high', not 'low'"),
    ({"on_expiry": "reject"}, "on_expiry='reject' would never happen: say as well when, such as expires_in='24h'"),
    (
        {"expires_in": "1h", "on_expiry": "approve", "risk": "high"},
        "risk='high' cannot be approved by silence: choose on_expiry='expire' or 'reject'",
    ),
    (
        {"expires_in": "1h", "remind_every": "1h"},
        "a reminder every 1 hour would never come: the approval expires after 1 hour",
    ),
    (
        {"exclusive_claims": True, "needs": 2},
        "exclusive_claims would keep all but one from deciding, and 2 are needed",
    ),
    (
        {"calendar": tomorrow},
        "a calendar without expires_in or escalations would never be asked",
    ),
    (
        {"escalations": [Escalation("1h", ["ann"]), Escalation("1h", ["bob"])]},
        (
            "the escalation after 1 hour must come later than the last telling of the one before it, which is 1 hour "
            "after the asking"
        ),
    ),
    (
        {"escalations": [Escalation("1h", ["ann"], repeat=3, every="1h"), Escalation("2h", ["bob"])]},
        (
            "the escalation after 2 hours must come later than the last telling of the one before it, which is 3 hours "
            "after the asking"
        ),
    ),
    (
        {"expires_in": "1h", "escalations": [Escalation("30m", ["ann"], repeat=3, every="20m")]},
        "an escalation 1 hour 10 minutes after the asking would never happen: the approval expires after 1 hour",
    ),
    (
        {"expires_in": "1h", "escalations": [Escalation("1h", ["ann"])]},
        "an escalation 1 hour after the asking would never happen: the approval expires after 1 hour",
    ),
    (
        {"escalations": [Escalation("36000d", ["ann"], repeat=3, every="300d")]},
        "an escalation that comes more than 100 years after the asking would never happen",
    ),
    (
        {"approvers": ["role:ops"], "needs": 2, "escalations": [Escalation("1h", ["ann"], replaces=True)]},
        "an escalation that leaves only ann can never end: 2 are needed",
    ),
    (
        {"approvers": ["role:ops"], "needs": 3, "escalations": [Escalation("1h", ["ann", "bob"], replaces=True)]},
        "an escalation that leaves only ann, bob can never end: 3 are needed",
    ),
]


@pytest.mark.parametrize(("options", "why"), OPTIONS)
def test_a_policy_that_makes_no_sense_is_refused_in_words(options: dict[str, Any], why: str) -> None:
    """Each option is checked where it is written, by itself and against the others; the words say what to do."""
    with pytest.raises(PolicyError) as refused:
        Policy(**options)
    assert str(refused.value) == why


@pytest.mark.parametrize(
    "options",
    [
        {"expires_in": "36500d"},
        {"escalations": [Escalation("36500d", ["ann"])]},
        {"escalations": [Escalation("36000d", ["ann"], repeat=2, every="500d")]},
    ],
    ids=["a deadline", "a level", "a telling"],
)
def test_what_comes_within_a_century_may_be_asked_for(options: dict[str, Any]) -> None:
    """A hundred years are not too long."""
    assert Policy(**options)


def test_a_name_has_two_hundred_characters_at_most() -> None:
    """So long a one is somebody's still."""
    assert Policy(approvers=["x" * 200]).approvers == ("x" * 200,)


def test_a_level_may_be_told_a_thousand_times() -> None:
    """It is the most that there is."""
    assert Escalation("1h", ["ann"], repeat=1_000, every="1s").repeat == 1_000


def test_people_may_be_reminded_every_second() -> None:
    """It is the shortest time that there is between reminders."""
    assert Policy(remind_every="1s").remind_every == timedelta(seconds=1)


LEVELS: list[tuple[Callable[[], Any], str]] = [
    (lambda: Quorum(needs=0), "needs must be a whole number of at least 1, not 0"),
    (lambda: Quorum(["ann"], 2), "needs=2 can never be met: there is only 1 approver (ann)"),
    (lambda: Escalation("1h", ["ann"], repeat=2, every="soon"), f"every is a length of time {NOT_A_TIME} 'soon'"),
    (
        lambda: Escalation("-5m", ["ann"]),
        f"the time after which an escalation comes is a length of time {NOT_A_TIME} '-5m'",
    ),
    (lambda: Escalation("1h", []), "an escalation names whom it goes to: Escalation('4h', ['role:director'])"),
    (
        lambda: Escalation("1h", ["ann"], repeat=0),
        "repeat counts how many times a level is told, so it is at least 1, not 0",
    ),
    (
        lambda: Escalation("1h", ["ann"], repeat=2),
        "repeat=2 needs every='15m', or another time, between the tellings",
    ),
    (
        lambda: Escalation("1h", ["ann"], every="5m"),
        "every=... says how far apart tellings are: say repeat=2, or more, as well",
    ),
    (
        lambda: Escalation("1h", ["ann"], repeat=10**9, every="1s"),
        "repeat=1000000000 is too often to tell anybody anything: a level is told at most 1,000 times",
    ),
    (lambda: Rule("", yes), "a rule needs a name of printable text, such as Rule('on-call', ...), not ''"),
    (
        lambda: Rule(" x", yes),
        "a rule needs a name of printable text, such as Rule('on-call', ...), not ' x'",
    ),
]


@pytest.mark.parametrize(("make", "why"), LEVELS)
def test_a_level_or_a_rule_that_makes_no_sense_is_refused_in_words(make: Callable[[], Any], why: str) -> None:
    """So are the parts of a policy, each by itself."""
    with pytest.raises(PolicyError) as refused:
        make()
    assert str(refused.value) == why


def test_what_is_alike_and_not_the_same_is_checked_each_time() -> None:
    """`True` and `1.0` are equal to 1 and no counts: that a policy of 1 was made before lets neither through."""
    assert Policy(needs=1).seats == 1
    for count in (True, 1.0):
        with pytest.raises(PolicyError, match="needs"):
            Policy(needs=count)  # type: ignore[arg-type]  # what is refused
