from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from awaitly.exceptions import StoreUnavailable, UnknownStore
from awaitly.storage.store import open_store
from awaitly_sqlite import SqliteStore, open_sqlite


def test_three_slashes_lead_to_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is relative to the directory in which the URL is read, even if that changes later."""
    monkeypatch.chdir(tmp_path)
    store = open_sqlite("sqlite:///sub/refunds.db")
    monkeypatch.chdir("/")
    assert repr(store) == f"SqliteStore({str(tmp_path / 'sub/refunds.db')!r})"


def test_four_slashes_lead_to_an_absolute_path() -> None:
    """The fourth is the path's own."""
    assert repr(open_sqlite("sqlite:////srv/refunds.db")) == "SqliteStore('/srv/refunds.db')"


def test_escapes_in_a_path_are_read() -> None:
    """A blank, a question mark and a hash can be parts of a file's name."""
    assert repr(open_sqlite("sqlite:////srv/a%20b%3F%23.db")) == "SqliteStore('/srv/a b?#.db')"


def test_the_query_sets_the_busy_timeout() -> None:
    """It is written as any other duration."""
    assert isinstance(open_sqlite("sqlite:////srv/a.db?busy_timeout=10s"), SqliteStore)


def test_the_query_sets_the_mode(tmp_path: Path) -> None:
    """As in SQLite's own URIs: `rw` does not create a missing file."""
    with pytest.raises(StoreUnavailable, match="no such file"):
        asyncio.run(open_sqlite(f"sqlite:///{tmp_path}/typo.db?mode=rw").open())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite://refunds.db", "has no host"),
        ("sqlite://host/refunds.db", "has no host"),
        ("sqlite://refunds.db", "is it sqlite:///refunds.db?"),
        ("sqlite:///a.db?mode=w", "one of rwc, rw, ro, not 'w'"),
        ("sqlite:///", "names no file"),
        ("sqlite:", "names no file"),
        ("sqlite:///:memory:", "`memory:`"),
        ("sqlite:///a.db?timeout=3", "'timeout' is unknown"),
        ("sqlite:///a.db?busy_timeout=soon", "not a duration"),
        ("sqlite:///a.db?busy_timeout=", "not a duration"),
        ("sqlite:///a.db#b", "%23"),
        ("postgresql:///a", "scheme"),
    ],
)
def test_any_other_url_is_refused_with_the_reason(url: str, reason: str) -> None:
    """The message says what is wrong, and how such a URL is written."""
    with pytest.raises(UnknownStore, match=r"sqlite:///relative\.db") as refusal:
        open_sqlite(url)
    assert reason in str(refusal.value)


def test_the_scheme_is_registered(tmp_path: Path) -> None:
    """`open_store` finds the adapter by its URL."""
    assert isinstance(open_store(f"sqlite:///{tmp_path}/a.db"), SqliteStore)


@pytest.mark.parametrize("path", [":memory:", ""])
def test_a_path_must_name_a_file(path: str) -> None:
    """SQLite would take these for databases that vanish."""
    with pytest.raises(ValueError, match="file"):
        SqliteStore(path)
