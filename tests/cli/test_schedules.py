from __future__ import annotations

import re
from decimal import Decimal

import pytest

from awaitly import Orchestrator, Priority, open_store
from awaitly.cli.codes import ExitCode
from tests.cli.support import call, is_safe, nasty, purchase, wait_for


async def _place(url: str) -> None:
    async with Orchestrator(open_store(url)) as orchestrator:
        await orchestrator.schedule("nightly", "0 9 * * *", nasty("x"), timezone="Europe/Berlin")
        await orchestrator.schedule("weekly", "0 9 * * 1", purchase(Decimal(1)), queue="slow", priority=Priority.LOW)


@pytest.fixture
def scheduled(url: str) -> str:
    """Give a store with two schedules."""
    wait_for(_place(url))
    return url


def test_schedules_is_a_table(scheduled: str) -> None:
    """When each rings next, as a time and as a length."""
    lines = call("schedules", "--store", scheduled).out.splitlines()
    assert re.split(r"  +", lines[0]) == ["NAME", "CRON", "ZONE", "NEXT", "WORKFLOW"]
    name, cron, zone, following, workflow = re.split(r"  +", lines[1])
    assert (name, cron, zone, workflow) == ("nightly", "0 9 * * *", "Europe/Berlin", "nasty")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d 0[78]:00:00 UTC, in .+", following)
    assert [line.split()[0] for line in lines] == ["NAME", "nightly", "weekly"]


def test_schedules_as_a_document(scheduled: str) -> None:
    """All that is known of each."""
    first, second = call("schedules", "--store", scheduled, "--json").document["items"]
    assert (first["name"], first["cron"], first["timezone"]) == ("nightly", "0 9 * * *", "Europe/Berlin")
    assert (second["workflow"], second["queue"], second["priority"]) == ("purchase", "slow", "low")
    assert second["at"].endswith("T09:00:00+00:00")
    assert "replayed" not in first


def test_no_schedules(url: str) -> None:
    """An empty table is a sentence."""
    assert call("schedules", "--store", url).out == "No schedules.\n"
    assert call("schedules", "--store", url, "--json").document == {"items": []}


def test_unschedule_ends_one(scheduled: str) -> None:
    """The second time there is none, and the exit code says so."""
    answer = call("unschedule", "nightly", "--store", scheduled)
    assert answer.out == "Unscheduled nightly. Runs of it that are queued, or have begun, go on.\n"
    assert [each["name"] for each in call("schedules", "--store", scheduled, "--json").document["items"]] == ["weekly"]
    again = call("unschedule", "nightly", "--store", scheduled)
    assert again.code == ExitCode.UNKNOWN
    assert again.err == "awaitly: no schedule 'nightly' in this store; `awaitly schedules` lists those there are\n"
    document = call("unschedule", "weekly", "--store", scheduled, "--json").document
    assert document["name"] == "weekly"


def test_a_schedule_is_not_cancelled_as_a_run(scheduled: str) -> None:
    """The refusal names the command that ends it."""
    answer = call("cancel", "schedule:nightly", "--by", "ann", "--store", scheduled)
    assert answer.code == ExitCode.CONFLICT
    assert "`awaitly unschedule`" in answer.err
    assert "schedule:nightly" in call("runs", "--status", "scheduled", "--store", scheduled).out


def test_a_schedule_shows_what_it_is(scheduled: str) -> None:
    """Its row has a timeline like any other, which says that it is scheduled."""
    answer = call("show", "schedule:nightly", "--store", scheduled)
    assert answer.code == 0
    assert "scheduled" in answer.out
    assert is_safe(answer.out)
