"""Where a server is: URLs, and how messages name a server without its password."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

from redis.asyncio import RedisCluster

from awaitly_redis.core import UnknownStore
from awaitly_redis.driver import Client, Server, made_of

__all__ = ["client_of", "described", "refusal"]

_FORMS = "write redis://[user:password@]host:port/database, rediss:// for TLS, or redis+cluster:// for a cluster"
_SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster")
_CLUSTER = "+cluster"
_USUAL_PORT = 6379


def client_of(url: str) -> Client:
    """Make a client of our own. Raises `UnknownStore` where the URL is none."""
    scheme, colon, rest = url.partition(":")
    try:
        return made_of(scheme.removesuffix(_CLUSTER) + colon + rest, clustered=scheme.endswith(_CLUSTER))
    except Exception as error:  # the driver has many ways to say that an option is wrong
        raise refusal(url, str(error)) from error


def described(server: str | Client) -> str:
    """Name a server for messages: host, port and database."""
    if isinstance(server, str):
        return _described_url(server)
    if isinstance(server, RedisCluster):
        return "on a cluster, by a client of yours"
    kwargs = cast("Server", server).get_connection_kwargs()
    place = kwargs.get("path") or f"{kwargs.get('host', 'localhost')}:{kwargs.get('port', _USUAL_PORT)}"
    return f"{place}/{kwargs.get('db') or 0}"


def _described_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "localhost", parts.port or _USUAL_PORT
    except ValueError as error:
        raise refusal(url, str(error)) from error
    if parts.scheme not in _SCHEMES:
        raise refusal(url, "its scheme is none of these")
    return f"{parts.scheme}://{host}:{port}{parts.path}"


def refusal(url: str, reason: str) -> UnknownStore:
    """Refuse a URL, without showing what may be a password in it."""
    shown = url.partition("?")[0].rpartition("@")[2]
    return UnknownStore(f"not the URL of a Redis store: {shown!r}: {reason}; {_FORMS}")
