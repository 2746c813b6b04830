"""Where a server is: URLs, and how messages name a server without its password."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import cast
from urllib.parse import SplitResult, parse_qsl, urlsplit

from redis.asyncio import RedisCluster
from redis.asyncio.connection import URL_QUERY_ARGUMENT_PARSERS

from awaitly_redis.core import UnknownStore
from awaitly_redis.driver import Client, Server, made_of

__all__ = ["client_of", "described", "parsed", "refusal"]

_FORMS = "write redis://[user:password@]host:port/database, rediss:// for TLS, or redis+cluster:// for a cluster"
_SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster")
_CLUSTER = "+cluster"
_USUAL_PORT = 6379
_UNREADABLE = (
    f"not the URL of a Redis store: {_FORMS}; write special characters as %-escapes, above all in user and password, "
    "and the port as a number (the URL is not shown, for what may be a password in it)"
)
_PLAIN = re.compile(r"[^/?#\[\]@\s]*")


def client_of(url: str) -> Client:
    """Make a client of our own. Raises `UnknownStore` where the URL is none."""
    parts = parsed(url)
    scheme, colon, rest = url.partition(":")
    with suppress(Exception):  # the driver has many ways to say that an option is wrong, and some show a value
        return made_of(scheme.removesuffix(_CLUSTER) + colon + rest, clustered=scheme.endswith(_CLUSTER))
    raise refusal(url, _doubtful(parts))


def described(server: str | Client) -> str:
    """Name a server for messages: host, port and database."""
    if isinstance(server, str):
        parts = parsed(server)
        return f"{parts.scheme}://{parts.hostname or 'localhost'}:{parts.port or _USUAL_PORT}{parts.path}"
    if isinstance(server, RedisCluster):
        return "on a cluster, by a client of yours"
    kwargs = cast("Server", server).get_connection_kwargs()
    place = kwargs.get("path") or f"{kwargs.get('host', 'localhost')}:{kwargs.get('port', _USUAL_PORT)}"
    return f"{place}/{kwargs.get('db') or 0}"


def parsed(url: str) -> SplitResult:
    """Take a URL apart. Raises `UnknownStore`; one that cannot be read for sure is never repeated, nor is a part."""
    parts = _read(url)
    if parts is None:
        raise UnknownStore(_UNREADABLE)
    if parts.scheme not in _SCHEMES:
        raise refusal(url, "its scheme is none of these")
    return parts


def refusal(url: str, reason: str) -> UnknownStore:
    """Refuse a URL that could be read, without showing what may be a password in it."""
    shown = re.split("[?#]", url, maxsplit=1)[0].rpartition("@")[2]
    return UnknownStore(f"not the URL of a Redis store: {shown!r}: {reason}; {_FORMS}")


def _read(url: str) -> SplitResult | None:
    """Give the parts, or None where a special character may have moved some of the password into another part."""
    _, slashes, rest = url.partition("://")
    if not slashes or not _PLAIN.fullmatch(rest.rpartition("@")[0]):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _doubtful(parts: SplitResult) -> str:
    """Name the options that may be wrong, without their values."""
    if parts.scheme.endswith(_CLUSTER) and parts.path.strip("/0"):
        return "a cluster has no databases (db) but 0"
    names = [name for name, _ in parse_qsl(parts.query) if name in URL_QUERY_ARGUMENT_PARSERS]
    return f"the driver takes no such options, or not with such values; look at {', '.join(names) or 'all of them'}"
