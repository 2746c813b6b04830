"""`awaitly rules test`: which rule decides which call, and what of the rules is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from awaitly.cli.codes import ExitCode
from tests.cli.support import call

RULES = """
[[rule]]
name = "reading"
tools = ["read_*"]
decide = "allow"

[[rule]]
tool = "read_secret"
decide = "deny"
"""
FINE = '{"tool": "read_file", "expect": "allow"}\n'


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Give a file of rules and one of calls, all of which is well."""
    rules, calls = tmp_path / "gate.toml", tmp_path / "calls.jsonl"
    rules.write_text(RULES.split("\n\n[[rule]]\ntool", maxsplit=1)[0], "utf-8")
    calls.write_text(FINE, "utf-8")
    return rules, calls


def test_where_all_is_well_it_ends_with_0(files: tuple[Path, Path]) -> None:
    """The table says which rule decided each call."""
    answer = call("rules", "test", *map(str, files))
    assert answer.code == 0
    assert answer.out.split("\n")[1].split() == ["1", "read_file", "allow", "reading"]


def test_what_is_wrong_is_said_and_it_ends_with_1(files: tuple[Path, Path]) -> None:
    """A call that comes to something else, and a rule that another one takes all calls from."""
    files[0].write_text(RULES, "utf-8")
    files[1].write_text(FINE + '{"tool": "read_mail", "expect": "deny"}\n', "utf-8")
    answer = call("rules", "test", *map(str, files))
    assert answer.code == ExitCode.REFUSED
    first, second = answer.err.splitlines()
    assert first == "awaitly: line 2 comes to allow, not deny"
    assert second.startswith("awaitly: rule 'read_secret' never counts: 'reading' comes first and takes all its calls")
    assert second.endswith(", and says allow where this one says deny")


def test_a_program_gets_one_document(files: tuple[Path, Path]) -> None:
    """With all of it."""
    files[0].write_text(RULES, "utf-8")
    answer = call("--json", "rules", "test", *map(str, files))
    assert json.loads(answer.out) == {
        "items": [
            {"line": 1, "tool": "read_file", "decide": "allow", "rule": "reading", "expect": "allow", "unclear": None}
        ],
        "idle": ["read_secret"],
        "shadowed": [{"rule": "read_secret", "by": "reading"}],
    }


@pytest.mark.parametrize(
    ("rules", "calls", "why"),
    [
        (
            "[[rule]]\ntool = 'x'\ndecide = 'maybe'",
            FINE,
            "decide is one of 'allow', 'ask', 'deny', not 'maybe'",
        ),
        (RULES, "{", "line 1 is no JSON"),
        (None, FINE, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_is_none_is_refused(files: tuple[Path, Path], rules: str | None, calls: str, why: str) -> None:
    """In one line, with the place."""
    if rules is None:
        files[0].unlink()
    else:
        files[0].write_text(rules, "utf-8")
    files[1].write_text(calls, "utf-8")
    answer = call("rules", "test", *map(str, files))
    assert answer.code == ExitCode.USAGE
    assert why in answer.err
    assert answer.err.count("\n") == 1
