"""Reading the URL of a Postgres store: what is ours in it, and what is libpq's."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import unquote

from awaitly_postgres.core import UnknownStore, as_timedelta
from awaitly_postgres.settings import Settings
from awaitly_postgres.store import PostgresStore

__all__ = ["open_postgres"]

_OURS = ("namespace", "schema", "migrate", "pool_size", "reconnect", "lock_wait")
_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def open_postgres(url: str) -> PostgresStore:
    """Give the store of a URL as libpq reads it, `postgresql://user:password@host:5432/database`, not yet opened.

    Ours among its parameters are `namespace`, `schema`, `migrate=false`, `pool_size`, `reconnect` and `lock_wait`, as
    in `PostgresStore` and `Settings`; all others are libpq's. Raises `UnknownStore`.
    """
    bare, options = _divided(url)
    try:
        return PostgresStore(
            bare,
            namespace=options.get("namespace", "default"),
            schema=options.get("schema", "awaitly"),
            migrate=_TRUTHS[options.get("migrate", "true")],
            settings=_settings(options),
        )
    except (ValueError, KeyError) as error:
        raise UnknownStore(f"a parameter in the URL of a Postgres store is wrong: {error}") from error


def _settings(options: dict[str, str]) -> Settings:
    default = Settings()
    return Settings(
        pool_size=int(options.get("pool_size", default.pool_size)),
        reconnect=_length(options.get("reconnect"), default.reconnect),
        lock_wait=_length(options.get("lock_wait"), default.lock_wait),
    )


def _length(text: str | None, default: timedelta) -> timedelta:
    return default if text is None else as_timedelta(text)


def _divided(url: str) -> tuple[str, dict[str, str]]:
    """Take our parameters out of a URL, and leave all else to the letter."""
    bare, _, query = url.partition("?")
    pairs = [pair for pair in query.split("&") if pair]
    ours = {name: unquote(value) for name, _, value in (pair.partition("=") for pair in pairs) if name in _OURS}
    theirs = "&".join(pair for pair in pairs if pair.partition("=")[0] not in _OURS)
    return (f"{bare}?{theirs}" if theirs else bare), ours
