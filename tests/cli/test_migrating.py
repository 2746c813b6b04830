from __future__ import annotations

import pytest

from tests.cli.support import call


def test_migrating_an_empty_database(postgres_database: str) -> None:
    """The first call names what it applied, the second has nothing to do, and then the store can be used."""
    first = call("migrate", "--store", postgres_database)
    assert (first.code, first.out.split()[0]) == (0, "Applied")
    second = call("migrate", "--store", postgres_database)
    assert (second.code, second.out) == (0, "The schema is up to date; nothing was to do.\n")
    assert call("pending", "--store", postgres_database).out == "Nothing waits for a decision.\n"


def test_migrating_as_a_document(postgres_database: str) -> None:
    """Programs get the names as a list."""
    applied = call("migrate", "--store", postgres_database, "--json").document["applied"]
    assert applied == sorted(applied)
    assert call("migrate", "--store", postgres_database, "--json").document == {"applied": []}


def test_printing_changes_nothing(postgres_database: str) -> None:
    """The migrations are SQL, with the schema's name in it; printing needs no server at all."""
    printed = call("migrate", "--print", "--store", "postgresql://nobody@nowhere.invalid/none?schema=approvals")
    assert printed.code == 0
    assert "CREATE TABLE" in printed.out
    assert "approvals" in printed.out
    assert call("migrate", "--print", "--store", postgres_database, "--json").document["migrations"]
    assert call("migrate", "--store", postgres_database).out.startswith("Applied")


@pytest.mark.parametrize("url", ["memory:", "sqlite:///runs.db"])
def test_a_store_that_migrates_itself_says_so(url: str) -> None:
    """And nothing is created."""
    refused = call("migrate", "--store", url)
    assert refused.code == 1
    assert "opening it brings it up to date" in refused.err


def test_a_server_that_cannot_be_reached() -> None:
    """One line that names the cure, and the exit code for stores; the password is not in it."""
    failed = call("migrate", "--store", "postgresql://ann:secret@127.0.0.1:1/none")
    assert failed.code == 5
    assert failed.err.count("\n") == 1
    assert "secret" not in failed.err
