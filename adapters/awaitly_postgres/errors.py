"""The one boundary where exceptions of psycopg become those of `awaitly`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from awaitly_postgres.core import (
    StoreCorrupt,
    StoreError,
    StoreForbidden,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreUnavailable,
)
from awaitly_postgres.place import Place, quoted

__all__ = ["in_short", "is_lost", "is_passing", "own", "translated"]

_Translation: TypeAlias = tuple[Callable[[str], Exception], str]

_GONE = "its tables or functions are not those that awaitly made; restore a backup, or name another schema"
_NO_ENTRY = "the server does not let this user in; check user, password and the server's pg_hba.conf"

_BY_STATE: dict[str, _Translation] = {
    "25006": (StoreReadOnly, "this server or session takes no writes; connect to the primary, or allow writes"),
    "25P02": (StoreUnavailable, "the caller's transaction has failed already; roll it back"),
    "3D000": (StoreUnavailable, "there is no such database; create it first"),
    "3F000": (StoreCorrupt, _GONE),
    "42501": (StoreForbidden, "this user lacks rights"),
    "42703": (StoreCorrupt, _GONE),
    "42883": (StoreCorrupt, _GONE),
    "42P01": (StoreCorrupt, _GONE),
    "53100": (StoreFull, "no space is left on the server's disk; free some, then try again"),
    "53200": (StoreUnavailable, "the server has no memory left"),
    "53300": (StoreUnavailable, "the server has no connection left; allow more, or a smaller pool_size"),
    "55P03": (
        StoreLocked,
        "another transaction holds what is to be written; end that transaction, or allow more `lock_wait`",
    ),
    "57014": (StoreUnavailable, "the server cancelled it; allow a longer statement_timeout"),
    "XX001": (StoreCorrupt, "the server found damage in it; stop writing, and restore a backup"),
    "XX002": (StoreCorrupt, "the server found damage in an index; rebuild it, or restore a backup"),
}
_BY_CLASS: dict[str, _Translation] = {
    "22": (ValueError, "a value cannot be kept"),
    "23": (StoreCorrupt, _GONE),
    "28": (StoreForbidden, _NO_ENTRY),
    "54": (ValueError, "a value is too large"),
}
# Postgres gives no code for what happens before a session begins.
_BY_WORDS: dict[str, _Translation] = {
    "authentication failed": (StoreForbidden, _NO_ENTRY),
    "no password supplied": (StoreForbidden, _NO_ENTRY),
    "no pg_hba.conf entry": (StoreForbidden, _NO_ENTRY),
    'role "': (StoreForbidden, _NO_ENTRY),
    "permission denied": (StoreForbidden, _NO_ENTRY),
    'database "': (StoreUnavailable, "there is no such database; create it first"),
    "too many clients": _BY_STATE["53300"],
    "remaining connection slots": _BY_STATE["53300"],
    "Connection refused": (StoreUnavailable, "no server answers there; start it, or check host and port"),
    "resolve host": (StoreUnavailable, "there is no such host; check its name"),
}
_POOL: dict[type[Exception], str] = {
    PoolTimeout: "no connection could be had in time: the server does not answer, or all of the pool are in use",
    PoolClosed: "the pool is closed, or not opened yet: who made it opens it first and closes it last",
    TooManyRequests: "too many wait for a connection of the pool; allow more connections, or a longer queue",
}
_OTHER: _Translation = (StoreUnavailable, "Postgres refused")
_PASSING = frozenset({"40001", "40P01"})


def translated(error: Exception, place: Place) -> Exception:
    """Give the `awaitly` exception for an error of psycopg, caused by it; any other error is given back as it is."""
    if not isinstance(error, (psycopg.Error, UnicodeEncodeError)) or isinstance(error, StoreError):
        return error
    kind, advice = _translation(error)
    refusal = kind(f"the store {place}: {advice}{_grants(error, place)} ({in_short(error)})")
    refusal.__cause__ = error
    return refusal


def in_short(error: Exception) -> str:
    """Give the words of an error in one line, without its details: those may hold what was to be kept."""
    words = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return " ".join((words or str(error)).split())


def _translation(error: psycopg.Error | UnicodeEncodeError) -> _Translation:
    if isinstance(error, (psycopg.DataError, UnicodeEncodeError)):
        return _BY_CLASS["22"]
    for kind, advice in _POOL.items():
        if isinstance(error, kind):
            return StoreUnavailable, advice
    state = error.sqlstate
    if state is None:
        return next((found for words, found in _BY_WORDS.items() if words in str(error)), _OTHER)
    return _BY_STATE.get(state) or _BY_CLASS.get(state[:2], _OTHER)


def _grants(error: Exception, place: Place) -> str:
    if not isinstance(error, errors.InsufficientPrivilege):
        return ""
    schema = quoted(place.schema)
    return (
        f"; its owner may GRANT USAGE ON SCHEMA {schema} TO the user, and GRANT SELECT, INSERT, UPDATE, DELETE ON ALL "
        f"TABLES IN SCHEMA {schema} TO the user; to make or migrate the schema it takes GRANT CREATE ON DATABASE"
    )


def is_lost(connection: psycopg.AsyncConnection[object], error: Exception) -> bool:
    """Whether a connection is of no more use; then nobody knows what became of the statement that was sent."""
    return connection.closed or (isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith(("57P", "08")))


def is_passing(error: Exception) -> bool:
    """Whether the server undid a transaction for the sake of another, so that it may be tried again."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _PASSING


def own(error: Exception) -> Exception:
    """Give each of many who wait an exception of its own: a shared one would gather everybody's traceback."""
    copy = type(error)(*error.args)
    copy.__cause__ = error.__cause__
    return copy
