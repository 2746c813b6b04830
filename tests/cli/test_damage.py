from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from awaitly.cli.codes import ExitCode
from tests.cli.support import call, is_safe

BY = ("--by", "ann")
OF_BUY = "run = (SELECT number FROM runs WHERE run_id = 'buy-1')"


def damage(url: str, table: str) -> None:
    """Spoil the records of run `buy-1` in a table."""
    where = "run_id = 'buy-1'" if table == "runs" else OF_BUY
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as db, db:
        db.execute(f"UPDATE {table} SET body = '{{' WHERE {where}")  # noqa: S608


@pytest.mark.parametrize(
    ("table", "shown", "hidden"),
    [("runs", ["quote", "manager"], []), ("steps", ["manager"], ["<1 ms"]), ("approvals", ["quote"], ["Buy for"])],
)
def test_a_timeline_shows_what_decodes_and_names_what_does_not(
    url: str, table: str, shown: list[str], hidden: list[str]
) -> None:
    """A damaged record keeps nobody from seeing the rest of its run."""
    damage(url, table)
    told = call("show", "buy-1", "--store", url)
    assert (told.code, told.err) == (0, "")
    assert "damaged: " in told.out
    assert "does not" in told.out
    assert all(text in told.out for text in shown)
    assert not any(text in told.out for text in hidden)
    assert is_safe(told.out)
    document = call("show", "buy-1", "--store", url, "--json").document
    assert len(document["damage"]) == 1
    assert call("show", "deal-1", "--store", url, "--json").document["damage"] == []


def test_a_decision_on_a_damaged_approval_is_refused(url: str) -> None:
    """It is a refusal with a sentence, not a trouble of the store's."""
    damage(url, "approvals")
    told = call("approve", "buy-1", *BY, "--store", url, "--json")
    assert told.code == ExitCode.REFUSED
    assert told.document["error"]["type"] == "NeedsReview"


def test_a_decision_does_not_need_the_steps(url: str) -> None:
    """A run with a damaged step is decided on as any other."""
    damage(url, "steps")
    assert call("approve", "buy-1", *BY, "--store", url).code == 0


@pytest.mark.parametrize(
    ("run_id", "found", "instead"),
    [
        ("inv-1", '"status":"pending"', '"status":"pending","handling":{"told":9}'),
        ("inv-1", '"status":"pending"', '"status":"pending","handling":{"levels":[0]}'),
        ("spend-1", '"stage":["purchase","finance"', '"stage":["purchase","elsewhere"'),
    ],
)
def test_what_does_not_fit_its_own_policy_or_chain_is_damage(
    handled: str, run_id: str, found: str, instead: str
) -> None:
    """A ladder climbed beyond its top, and a stage that its chain does not have, are named and end no command."""
    of_run = "run = (SELECT number FROM runs WHERE run_id = ?)"
    with closing(sqlite3.connect(handled.removeprefix("sqlite:///"))) as db, db:
        db.execute(f"UPDATE approvals SET body = replace(body, ?, ?) WHERE {of_run}", (found, instead, run_id))  # noqa: S608
    told = call("show", run_id, "--store", handled)
    assert (told.code, told.err) == (0, "")
    assert told.out.count("damaged: ") == 1
    assert len(call("show", run_id, "--store", handled, "--json").document["damage"]) == 1
