from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from awaitly import Orchestrator, open_store
from tests.cli.support import Answer, call, contract, process, wait_for
from tests.cli.terminal import Terminal

APP = """
from awaitly import Orchestrator, open_store
from tests.cli import support

orchestrator = Orchestrator(open_store({url!r}), workflows=[{workflows}])
"""
CHANGED = """
from awaitly import NotApproved, Ok, Run, workflow
from awaitly.result import Result

@workflow
async def contract(run: Run[NotApproved], title: str) -> Result[str, NotApproved]:
    return Ok(await run.approval("lawyer", proposes=title))
"""
ALL = "support.purchase, support.contract, support.transfer, support.nasty"


@pytest.fixture
def here(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Be in a folder with a module `app_of_test` over the store in which four runs wait."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    write(tmp_path, url)
    yield tmp_path
    sys.modules.pop("app_of_test", None)


def write(folder: Path, url: str, workflows: str = ALL, more: str = "") -> None:
    """Write the application, as it is today."""
    sys.modules.pop("app_of_test", None)
    (folder / "app_of_test.py").write_text(more + APP.format(url=url, workflows=workflows))


def doctor(*words: str) -> Answer:
    """Call the command on the application."""
    return call("doctor", "app_of_test:orchestrator", *words)


@pytest.mark.usefixtures("here")
def test_unchanged_code_fits() -> None:
    """One line, and the exit code 0."""
    answer = doctor()
    assert (answer.code, answer.out, answer.err) == (0, "4 runs: 4 fit.\n", "")


def test_a_run_that_drifted_is_named_and_ends_with_1(here: Path, url: str) -> None:
    """With the key, what was recorded there and what is there now; programs get them apart."""
    write(here, url, ALL.replace("support.contract", "contract"), CHANGED)
    answer = doctor()
    assert answer.code == 1
    assert answer.out.splitlines() == [
        "run deal-1 of contract: drifted: at 'lawyer' it recorded 'legal', and today's code has 'lawyer' in its place",
        "4 runs: 3 fit, 1 has drifted.",
    ]
    sys.modules.pop("app_of_test")
    answer = doctor("--json")
    assert answer.code == 1
    assert answer.document["summary"] == {
        "runs": 4,
        "fits": 3,
        "drifted": 1,
        "unknown_workflow": 0,
        "unknown_version": 0,
        "damaged": 0,
        "needs_review": 0,
        "stalled": 0,
        "overdue": 0,
    }
    [told] = [each for each in answer.document["runs"] if each["run_id"] == "deal-1"]
    assert told["drift"] == {"key": "lawyer", "recorded": "'legal'", "found": "'lawyer' in its place"}
    assert (told["verdict"], told["status"], told["version"]) == ("drifted", "parked", "1")


def test_a_workflow_that_is_not_there_ends_with_1(here: Path, url: str) -> None:
    """Unless only another one is asked about."""
    write(here, url, "support.purchase")
    answer = doctor()
    assert answer.code == 1
    assert "4 runs: 1 fits, 3 are of unknown workflows." in answer.out
    sys.modules.pop("app_of_test")
    assert doctor("--workflow", "purchase").out == "1 run: 1 fits.\n"


@pytest.mark.usefixtures("here")
def test_a_name_that_is_misspelt_ends_with_2() -> None:
    """In one line that names those that there are."""
    answer = doctor("--workflow", "purchases")
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert "no workflow is called 'purchases'" in answer.err
    assert "'purchase'" in answer.err


@pytest.mark.usefixtures("here")
def test_schedules_are_counted_apart(url: str) -> None:
    """They are no runs."""

    async def plan() -> None:
        async with Orchestrator(open_store(url)) as orchestrator:
            await orchestrator.schedule("nightly", "0 3 * * *", contract("Lease"))

    wait_for(plan())
    answer = doctor()
    assert (answer.code, answer.out) == (0, "4 runs and 1 schedule: 5 fit.\n")


@pytest.mark.usefixtures("here")
def test_what_is_overdue_ends_with_1_where_that_is_wanted(url: str) -> None:
    """It is named in any case."""
    assert call("approve", "buy-1", "--by", "ann", "--store", url).code == 0
    answer = doctor("--grace", "1ms")
    assert answer.code == 0
    assert "run buy-1 of purchase: could have gone on for" in answer.out
    assert "4 fit; 1 could have gone on." in answer.out
    sys.modules.pop("app_of_test")
    assert doctor("--grace", "1ms", "--strict").code == 1
    sys.modules.pop("app_of_test")
    assert doctor("--strict").code == 0


@pytest.mark.usefixtures("here")
def test_what_began_before_is_left_out() -> None:
    """And where nothing is left, that is said."""
    answer = doctor("--since", "1ms")
    assert (answer.code, answer.out) == (0, "No run is to go on.\n")


def test_an_application_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    """With the exit code of a wrong command line."""
    answer = process("doctor", "nowhere_of_test:orchestrator", folder=tmp_path)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "there is no module 'nowhere_of_test'" in answer.err


def test_the_command_finds_the_application_of_its_folder(here: Path) -> None:
    """As a process of its own; nothing but the answer is printed where nobody looks on."""
    answer = process("doctor", "app_of_test:orchestrator", folder=here, PYTHONPATH=":".join(sys.path))
    assert (answer.code, answer.out, answer.err) == (0, "4 runs: 4 fit.\n", "")


def test_in_a_terminal_the_runs_are_counted(tmp_path: Path) -> None:
    """While it looks, on stderr; the count goes before the answer comes."""
    url = f"sqlite:///{tmp_path / 'many.db'}"

    async def fill() -> None:
        async with Orchestrator(open_store(url)) as orchestrator:
            for number in range(130):
                await orchestrator.start(contract(f"Lease {number}"))

    wait_for(fill())
    write(tmp_path, url)
    with Terminal("doctor", "app_of_test:orchestrator", folder=tmp_path) as terminal:
        terminal.until("100 runs")
        terminal.until("130 runs: 130 fit.")
