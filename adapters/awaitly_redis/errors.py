"""The one boundary where exceptions of `redis` become those of `awaitly`."""

from __future__ import annotations

import re
from typing import TypeAlias

from redis.exceptions import AskError as Redirected
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    MaxConnectionsError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    SlotNotCoveredError,
    TryAgainError,
)

from awaitly_redis.core import (
    NotAStore,
    StoreError,
    StoreForbidden,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    StoreUnsuitable,
)

__all__ = [
    "FAILURES",
    "Lost",
    "foreign",
    "is_forbidden",
    "is_moved",
    "is_passing",
    "is_unknown_script",
    "lacks_cluster",
    "translated",
    "unavailable",
]

FAILURES = (RedisError, RedisClusterException, OSError)
"""What the driver raises where a server cannot be had or refuses."""

_Translation: TypeAlias = tuple[type[StoreError], str]

_FORBIDDEN: _Translation = (
    StoreForbidden,
    (
        "the server does not let this user in, or not do what is needed; check user and password, and allow it the "
        "keys ~{awaitly:*, the channels &awaitly:* and the commands +@read +@write +@scripting +@connection +publish "
        "+subscribe +time +info"
    ),
)
_FULL: _Translation = (StoreFull, "the server's `maxmemory` is reached; raise it, or delete old runs")
_DISK: _Translation = (StoreFull, "the server cannot write to its disk; free some space there, then look at its log")
_READ_ONLY: _Translation = (StoreReadOnly, "this server is a replica; name the master")
_FOREIGN: _Translation = (NotAStore, "another program's data stands where awaitly's should; take another namespace")
_CLUSTER: _Translation = (StoreUnsuitable, "this is a node of a cluster; write redis+cluster:// or rediss+cluster://")
_OTHER: _Translation = (StoreUnavailable, "the server refused")

# Within a script some of what can go wrong is put into other words.
_BY_CODE: dict[str, _Translation] = {
    "NOPERM": _FORBIDDEN,
    "NOAUTH": _FORBIDDEN,
    "WRONGPASS": _FORBIDDEN,
    "OOM": _FULL,
    "MISCONF": _DISK,
    "READONLY": _READ_ONLY,
    "WRONGTYPE": _FOREIGN,
    "CROSSSLOT": _CLUSTER,
}
_BY_KIND: tuple[tuple[tuple[type[Exception], ...], _Translation], ...] = (
    ((AuthenticationError, AuthorizationError, NoPermissionError), _FORBIDDEN),
    ((OutOfMemoryError,), _FULL),
    ((ReadOnlyError,), _READ_ONLY),
    ((Redirected,), _CLUSTER),
)
_CODES = re.compile(r"\b(?:" + "|".join(_BY_CODE) + r")\b")
_NOT_IN_SCRIPT = "The user executing the script can't"
_PASSING = re.compile(r"\b(?:LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|BUSY)\b|non local key")
_PASSING_KINDS = (BusyLoadingError, ClusterDownError, TryAgainError, SlotNotCoveredError, MaxConnectionsError)
_UNREACHABLE = "the server cannot be reached, or is not ready; check that it runs and may be reached from here"
_NO_CONNECTION_LEFT = (
    "all connections of the client's pool are in use; give it a higher `max_connections`, or the store a client of its "
    "own: it needs three to each server"
)
_POOL_IS_EMPTY = "No connection available"
_NO_CLUSTER = "Cluster mode is not enabled"


class Lost(Exception):
    """The connection ended before the answer came. Never leaves this package."""


def is_passing(error: BaseException) -> bool:
    """Whether the server did nothing yet, and may soon do it: it loads, fails over, or moves keys."""
    return isinstance(error, _PASSING_KINDS) or (
        isinstance(error, ResponseError) and _PASSING.search(str(error)) is not None
    )


def is_moved(error: BaseException) -> bool:
    """Whether another node of the cluster has the keys by now, or is about to."""
    return isinstance(error, Redirected)


def is_unknown_script(error: BaseException) -> bool:
    """Whether the server has to be told a script first."""
    return isinstance(error, NoScriptError) or "NOSCRIPT" in str(error)


def is_forbidden(error: BaseException) -> bool:
    """Whether asking again is no use, for the server does not let this user."""
    return _translation(error) is _FORBIDDEN


def lacks_cluster(error: BaseException) -> bool:
    """Whether a server was taken for a node of a cluster and is none."""
    return isinstance(error, RedisClusterException) and _NO_CLUSTER in f"{error} {error.__cause__}"


def translated(error: Exception, where: str) -> StoreError:
    """Give the `awaitly` exception for an error of `redis`, caused by it."""
    kind, advice = _translation(error)
    refusal = kind(f"the store {where}: {advice} ({error})")
    refusal.__cause__ = error
    return refusal


def unavailable(error: BaseException, where: str) -> StoreUnavailable:
    """Say that the server, or a connection of the client's, cannot be had, caused by an error."""
    advice = _NO_CONNECTION_LEFT if _is_exhausted(error) else _UNREACHABLE
    refusal = StoreUnavailable(f"the store {where}: {advice} ({error})")
    refusal.__cause__ = error
    return refusal


def _is_exhausted(error: BaseException) -> bool:
    return isinstance(error, MaxConnectionsError) or _POOL_IS_EMPTY in str(error)  # from a pool that blocks


def foreign(where: str, key: bytes) -> NotAStore:
    """Say that what stands under a key is not awaitly's."""
    kind, advice = _FOREIGN
    assert kind is NotAStore  # noqa: S101  (for type checkers)
    return NotAStore(f"the store {where}: {advice} (the key {key.decode(errors='replace')!r})")


def _translation(error: BaseException) -> _Translation:
    for kinds, translation in _BY_KIND:
        if isinstance(error, kinds):
            return translation
    if not isinstance(error, ResponseError):
        return _OTHER
    if _NOT_IN_SCRIPT in str(error):
        return _FORBIDDEN
    named = _CODES.search(str(error))
    return _BY_CODE[named.group()] if named else _OTHER
