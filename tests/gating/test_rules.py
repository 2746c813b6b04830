"""Rules about tool calls: the first that fits counts, and what cannot be judged is asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from awaitly import Allow, AskPeople, DefinitionError, Deny, Gate, MemoryStore, Policy, Rules, ToolRule, load_rules
from awaitly.gating.conditions import conditions_of, hold
from awaitly.gating.dry_run import dry_run, said, tried_calls
from awaitly.gating.rules_file import read_rules

FILE = """
policy = { approvers = ["role:ops"], expires_in = "2h" }

[[rule]]
name = "reading"
tools = ["read_*", "list_*"]
decide = "allow"

[[rule]]
tool = "pay"
when = { amount = { above = 1000 } }
decide = "deny"
reason = "too much for an agent"

[[rule]]
tool = "pay"
decide = "ask"
redact = ["iban"]
policy = { approvers = ["ann", "bob"], needs = 2, also = [{ approvers = ["role:legal"] }] }
"""


@pytest.mark.parametrize(
    ("when", "arguments", "holds"),
    [
        ({"to": "bob"}, {"to": "bob"}, True),
        ({"to": "bob"}, {"to": "eve"}, False),
        ({"to": "bob"}, {}, False),
        ({"account": 7}, {"account": 7.0}, True),
        ({"account": {"in": [7, 8]}}, {"account": 8.0}, True),
        ({"amount": {"above": 50}}, {"amount": 50}, False),
        ({"amount": {"above": 50}}, {"amount": 50.5}, True),
        ({"amount": {"at_least": 50, "below": 60}}, {"amount": 50}, True),
        ({"amount": {"at_least": 50, "below": 60}}, {"amount": 60}, False),
        ({"amount": {"at_most": 50}}, {"amount": 50}, True),
        ({"to": {"in": ["ann", "bob"]}}, {"to": "bob"}, True),
        ({"to": {"not_in": ["ann", "bob"]}}, {"to": "bob"}, False),
        ({"path": {"matches": "/etc/*"}}, {"path": "/etc/passwd"}, True),
        ({"path": {"matches": "/etc/*"}}, {"path": "/ETC/passwd"}, False),
        ({"text": {"longer_than": 3}}, {"text": "four"}, True),
        ({"order.total": {"above": 5}}, {"order": {"total": 6}}, True),
        ({"order.total": {"above": 5}}, {"order": 7}, False),
        ({"force": {"exists": False}}, {}, True),
        ({"force": {"exists": False}}, {"force": None}, False),
    ],
)
def test_conditions_are_about_the_arguments(when: dict[str, Any], arguments: dict[str, Any], *, holds: bool) -> None:
    """All of them have to hold; what is not there holds nothing; 7 and 7.0 are one number."""
    assert hold(conditions_of(when), arguments) is holds


@pytest.mark.parametrize(
    ("when", "arguments"),
    [
        ({"paid": True}, {"paid": 1}),
        ({"amount": 1}, {"amount": True}),
        ({"account": 7}, {"account": "7"}),
        ({"account": {"in": [7, 8]}}, {"account": "8"}),
        ({"account": {"not_in": [7, 8]}}, {"account": None}),
        ({"amount": {"above": 1}}, {"amount": float("nan")}),
        ({"amount": {"above": 1}}, {"amount": "2"}),
        ({"path": {"matches": "*"}}, {"path": 1}),
        ({"order.total": {"above": 5}}, {"order.total": 1, "order": {"total": 6}}),
        ({"order.total": {"above": 5}}, {"order": [{"total": 6}]}),
    ],
)
def test_what_is_of_another_kind_or_hidden_cannot_be_judged(when: dict[str, Any], arguments: dict[str, Any]) -> None:
    """So it gets past no rule: neither by a type, nor by a member that is called like a path."""
    with pytest.raises(TypeError):
        hold(conditions_of(when), arguments)


@pytest.mark.parametrize("amount", ["5000", True, None, [5000]])
async def test_what_cannot_be_judged_is_asked_about(amount: object) -> None:
    """An amount that is no number gets past neither the rule that forbids nor the one that allows."""
    rules = read_rules(FILE.replace('decide = "ask"', 'decide = "allow"').split("redact")[0])
    with pytest.raises(TypeError, match="is no number"):
        rules("pay", {"amount": amount})
    gate = Gate(MemoryStore(), rules=[rules])
    assert isinstance(gate.ruling("pay", {"amount": amount}), AskPeople)


def test_the_first_rule_that_fits_counts() -> None:
    """And a tool that none is about is left to what comes after."""
    rules = read_rules(FILE)
    assert rules("read_mail", {}) == Allow()
    assert rules("pay", {"amount": 1001}) == Deny("too much for an agent")
    asked = rules("pay", {"amount": 1})
    assert isinstance(asked, AskPeople)
    assert asked.redact == ("iban",)
    assert asked.policy is not None
    assert asked.policy.needs == 2
    assert rules("mail", {}) is None
    assert rules.policy == Policy(approvers=["role:ops"], expires_in="2h")


def test_what_was_asked_under_a_files_policy_needs_those_people(tmp_path: Path) -> None:
    """A file is loaded by its path."""
    path = tmp_path / "gate.toml"
    path.write_text(FILE, "utf-8")
    assert load_rules(path) == read_rules(FILE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = [", "this is no TOML"),
        ("", "it has no rules"),
        ("rules = 1", "the file: 'rules' is unknown; known are policy, rule"),
        ("[[rule]]\ndecide = 'ask'", "rule 1: it says no tools"),
        ("[[rule]]\ntool = 'pay'", "rule 1: decide is one of 'allow', 'ask', 'deny', not None"),
        ("[[rule]]\ntool = 'pay'\ntools = ['x']\ndecide='ask'", "rule 1: name either tool or tools"),
        ("[[rule]]\ntools = []\ndecide='ask'", "rule 1: a rule names at least one tool"),
        ("[[rule]]\nname='a'\ntool='x'\ndecide='maybe'", r"rule 1 \(a\): decide is one of"),
        ("[[rule]]\ntool='x'\ndecide='ask'\nwhen={n={over=1}}", "rule 1: n: there is no operator 'over'"),
        ("[[rule]]\ntool='x'\ndecide='ask'\nwhen={n={above='1'}}", "rule 1: n: above takes a number, not '1'"),
        ("[[rule]]\ntool='x'\ndecide='ask'\nwhen={n={above=true}}", "rule 1: n: above takes a number, not True"),
        ("[[rule]]\ntool='x'\ndecide='allow'\npolicy={needs=2}", "rule 1: policy goes with decide = 'ask' alone"),
        ("[[rule]]\ntool='x'\ndecide='ask'\npolicy={needs=0}", "rule 1: policy: needs must be"),
        ("[[rule]]\ntool='x'\ndecide='ask'\npolicy={need=2}", "rule 1: policy: 'need' is unknown; known are"),
        ("policy={approvers='ann'}\n[[rule]]\ntool='x'\ndecide='ask'", "policy: approvers is a list"),
        ("[[rule]]\ntool='x'\ndecide='ask'\nredact=['a.iban']", "rule 1: redact names members, .* write 'iban'"),
        ("[[rule]]\ntool='x'\ndecide='ask'\nredact=[1]", "rule 1: redact is a text, not 1"),
    ],
)
def test_a_file_that_is_not_understood_says_where(text: str, why: str) -> None:
    """Nothing of it is guessed."""
    with pytest.raises(DefinitionError, match=why):
        read_rules(text)


def test_a_dry_run_finds_what_no_call_meets_and_what_never_counts() -> None:
    """And what comes to something else than was expected."""
    rules = Rules((*read_rules(FILE).rules, ToolRule(tools="read_secret", ruling=Deny("no"))))
    calls = [
        '{"tool": "read_file", "arguments": {}, "expect": "allow"}',
        "",
        '{"tool": "pay", "arguments": {"amount": 5000}, "expect": "ask"}',
        '{"tool": "mail"}',
    ]
    run = dry_run(rules, tried_calls(calls))
    assert [(each.call.line, said(each.ruling), each.as_expected) for each in run.judged] == [
        (1, "allow", True),
        (3, "deny", False),
        (4, "ask", True),
    ]
    assert [str(rule) for rule in run.idle] == ["pay", "read_secret"]
    assert [(str(rule), str(above)) for rule, above in run.shadowed] == [("read_secret", "reading")]
    assert not run.clean


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"tool": 1}', '{"tool": "x", "extra": 1}', '{"tool": "x", "expect": "no"}']
)
def test_a_line_that_is_no_call_is_named(line: str) -> None:
    """By its number."""
    with pytest.raises(DefinitionError, match="line 1"):
        tried_calls([line])
