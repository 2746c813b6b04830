"""Where a store is, in words: for messages, and never with a password."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import psycopg
from attrs import frozen
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from awaitly_postgres.core import UnknownStore

__all__ = ["Place", "described", "parsed", "quoted"]

_LONGEST_IDENTIFIER = 63
_SCHEMES = ("postgresql://", "postgres://")
_SPECIAL = frozenset("/?#[@")
_DEFAULTS: Mapping[str, str] = {
    "fallback_application_name": "awaitly",
    "connect_timeout": "10",
    # A server that vanished without a word is noticed within half a minute, and not after a quarter of an hour.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
    "client_encoding": "utf8",
}


@frozen
class Place:
    """A namespace within a schema within a database."""

    database: str
    schema: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.database} (schema {self.schema!r}, namespace {self.namespace!r})"

    @property
    def channel(self) -> str:
        """The channel on which this namespace's wake-ups are told: a name that Postgres takes, whatever ours are."""
        return "awaitly_" + sha256(f"{self.schema}\0{self.namespace}".encode()).hexdigest()[:32]


def parsed(url: str) -> str:
    """Check a URL, or a text of `key=value` pairs, and add what it does not set itself. Raises `UnknownStore`.

    What libpq says about a URL that it cannot read may show the password: that is left out.
    """
    try:
        given = _read(url)
        return make_conninfo("", **{**_DEFAULTS, **given})
    except (psycopg.Error, ValueError):
        msg = (
            "not the address of a Postgres server: it must read like postgresql://user:password@host:5432/database; "
            "write special characters as %-escapes, and use parameters that libpq or awaitly knows"
        )
    raise UnknownStore(msg) from None


def described(conninfo: object) -> str:
    """Say which database a text of libpq's means, without the password; a pool may have something else instead."""
    try:
        given = _read(conninfo if isinstance(conninfo, str) else "")
    except (psycopg.Error, ValueError):
        return "postgresql:"
    hosts = str(given.get("host") or given.get("hostaddr") or "").split(",")
    ports = str(given.get("port") or "").split(",")
    ports += ports[-1:] * (len(hosts) - len(ports))
    where = ",".join(f"{host}:{port}" if port else host for host, port in zip(hosts, ports, strict=False))
    user = f"{given['user']}@" if given.get("user") else ""
    return f"postgresql://{user}{where}/{given.get('dbname') or ''}"


def _read(conninfo: str) -> Mapping[str, str | int | None]:
    """Give the parts. Raises `ValueError` where a special character of the password may have put it in another."""
    given: Mapping[str, str | int | None] = conninfo_to_dict(conninfo)
    userinfo = conninfo.partition("://")[2].rpartition("@")[0] if conninfo.startswith(_SCHEMES) else ""
    hosts = str(given.get("host") or "").split(",")
    ports = str(given.get("port") or "").split(",")
    if (
        _SPECIAL.intersection(userinfo)
        or "@" in str(given.get("dbname") or "")
        or any("@" in host[1:] for host in hosts)  # at its beginning it means an abstract socket
        or not all(port.isdecimal() for port in ports if port)
    ):
        msg = "a password may have a special character"
        raise ValueError(msg)
    return given


def quoted(name: str) -> str:
    """Write a name as an SQL identifier. Raises `ValueError` where Postgres would change it, or not take it."""
    size = len(name.encode("utf-8", "replace"))
    if not 0 < size <= _LONGEST_IDENTIFIER or "\0" in name or name.startswith("pg_"):
        msg = f"a schema's name has 1 to {_LONGEST_IDENTIFIER} bytes, no NUL, and no pg_ at its beginning: not {name!r}"
        raise ValueError(msg)
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
