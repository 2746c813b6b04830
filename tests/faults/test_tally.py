from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.reporting import kind_of
from tests.faults.tally import Tally, Violated

ROOT = Path(__file__).parents[2]
MODULES = sorted(Path(__file__).parent.glob("test_*.py"))


@pytest.fixture
def tally() -> Tally:
    """Give a tally of the test's own, with a look in memory, two in Postgres, and one of these that saw a violation."""
    tally = Tally()
    tally.check("a decision stands", True)
    tally.kind = "postgres"
    tally.check("a decision stands", True)
    with pytest.raises(Violated, match="a decision stands: lost"):
        tally.check("a decision stands", False, "lost")
    return tally


def test_the_report_says_how_often_where_and_with_what_result(tally: Tally) -> None:
    """An invariant a line, a kind of store a column, and the violations of all of them at the end."""
    head, _, line = (row.replace(" ", "") for row in tally.table())
    assert head == "|invariant|memory|sqlite|postgres|redis|cluster|split|violations|"
    assert line == "|adecisionstands|1||2||||1|"
    assert len({len(row) for row in tally.table()}) == 1


def test_what_was_planted_is_not_reported(tally: Tally) -> None:
    """Neither the looks nor the violations."""
    before = tally.table()
    with tally.aside():
        tally.count("a decision stands", False)
        tally.happened("kills")
    assert tally.table() == before
    assert tally.happenings() == []


@pytest.mark.parametrize(("ends", "violations"), [("KeyboardInterrupt", "0"), ("AssertionError", "1")])
def test_a_test_that_is_broken_off_has_shown_nothing(tmp_path: Path, ends: str, violations: str) -> None:
    """Neither that it holds nor that it does not; one that fails has."""
    reached = tmp_path / "reached"
    lines = ["from pathlib import Path", "def test_a():", f"    Path({str(reached)!r}).touch()", f"    raise {ends}"]
    (tmp_path / "test_this.py").write_text("\n".join(lines))
    told = run_apart(tmp_path)
    assert reached.exists()
    rows = [line.split("|") for line in told.splitlines() if line.startswith("| a ")]
    assert [row[-2].strip() for row in rows] == ([violations] if violations == "1" else [])


def run_apart(folder: Path) -> str:
    """Run the tests of a folder in a process of their own, as long runs are, and give what it says."""
    options = ("-p", "tests.faults.reporting", "-p", "no:cacheprovider", "--rootdir", str(folder), "-c", "/dev/null")
    program = (
        "import sys, pytest; from tests.faults import reporting; reporting.is_of_faults = lambda item: True; "
        "reporting.LONG = False; sys.exit(pytest.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, *options, str(folder)]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=alone).stdout


@pytest.mark.parametrize("ground", ["split on servers", "cluster"])
def test_a_test_tells_for_its_store(ground: str, request: pytest.FixtureRequest) -> None:
    """The one that it was made for."""
    assert kind_of(request.node) == ground.split(maxsplit=1)[0]


@pytest.mark.store("redis")
def test_a_test_may_say_which_store_it_is_about(request: pytest.FixtureRequest) -> None:
    """By a marker, whatever else it asks for."""
    assert kind_of(request.node) == "redis"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_a_long_run_takes_its_share_of_every_length(module: Path) -> None:
    """Whatever a slow test does a hundred times or oftener it does as often as `times` says."""
    assert list(_unshared(ast.parse(module.read_text("utf-8")))) == []


def test_a_length_that_is_no_share_is_found() -> None:
    """As one that says a thousand where nobody could ask for fewer."""
    text = "@pytest.mark.slow\ndef test_many():\n    contest({})\n"
    assert list(_unshared(ast.parse(text.format("1_000")))) == ["test_many: 1000"]
    assert list(_unshared(ast.parse(text.format("times(1_000)")))) == []


def _unshared(tree: ast.Module) -> Iterator[str]:
    """Name the slow tests that have a large number of their own."""
    for test in tree.body:
        if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) and "pytest.mark.slow" in map(
            ast.unparse, test.decorator_list
        ):
            yield from (f"{test.name}: {number}" for number in _numbers(test))


def _numbers(node: ast.AST) -> Iterator[int]:
    match node:
        case ast.Call(func=ast.Name(id="times")):
            return
        case ast.Constant(value=int(number)) if number >= 100:
            yield number
        case _:
            for each in ast.iter_child_nodes(node):
                yield from _numbers(each)
