"""Reading the URL of a SQLite store."""

from __future__ import annotations

from typing import cast
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from awaitly_sqlite.core import UnknownStore
from awaitly_sqlite.opening import Mode
from awaitly_sqlite.store import DEFAULT_BUSY_TIMEOUT, SqliteStore

__all__ = ["open_sqlite"]

_FORMS = "write sqlite:///relative.db or sqlite:////absolute.db, with or without ?busy_timeout=10s&mode=rw"
_OPTIONS = ("busy_timeout", "mode")


def open_sqlite(url: str) -> SqliteStore:
    """Give the store of `sqlite:///relative.db` or `sqlite:////absolute.db`, not yet opened.

    The option `?busy_timeout=10s` is how long a commit waits for other processes. With `?mode=rw` a file that is
    missing is not created, and `?mode=ro` is for looking only. `%`-escapes are read in the path. Raises `UnknownStore`
    for any other URL.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _refusal(url, str(error)) from error
    _check(parts, url)
    options = _options(parts.query, url)
    path = unquote(parts.path.removeprefix("/"))
    if not path:
        raise _refusal(url, "it names no file")
    try:
        mode = cast("Mode", options.get("mode", "rwc"))  # the store refuses any other text
        return SqliteStore(path, busy_timeout=options.get("busy_timeout", DEFAULT_BUSY_TIMEOUT), mode=mode)
    except ValueError as error:
        raise _refusal(url, str(error)) from error


def _check(parts: SplitResult, url: str) -> None:
    if parts.scheme != "sqlite":
        raise _refusal(url, "its scheme is not sqlite")
    if parts.netloc:
        meant = f"sqlite:///{parts.netloc}{parts.path}"
        raise _refusal(url, f"a file has no host, and {parts.netloc!r} stands where a host would (is it {meant}?)")
    if parts.fragment:
        raise _refusal(url, "a '#' in a path is written %23")


def _options(query: str, url: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in _OPTIONS:
            raise _refusal(url, f"the option {name!r} is unknown")
    return options


def _refusal(url: str, reason: str) -> UnknownStore:
    return UnknownStore(f"not the URL of a SQLite store: {url!r}: {reason}; {_FORMS}")
