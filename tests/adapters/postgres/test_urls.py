from __future__ import annotations

import pytest

from awaitly.exceptions import UnknownStore
from awaitly.storage.store import open_store
from awaitly_postgres import PostgresStore, Settings, open_postgres

SECRET = "s3cret"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_the_schemes_are_known(scheme: str) -> None:
    """`open_store` finds the adapter by either."""
    store = open_store(f"{scheme}://ann@db.example:5433/shop?schema=orders&namespace=eu")
    assert repr(store) == "<PostgresStore postgresql://ann@db.example:5433/shop (schema 'orders', namespace 'eu')>"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", "(schema 'awaitly', namespace 'default')"),
        ("?namespace=a%20b%26c", "(schema 'awaitly', namespace 'a b&c')"),
        ("?sslmode=prefer&schema=x", "(schema 'x', namespace 'default')"),
        ("?options=-c%20statement_timeout%3D5s", "(schema 'awaitly', namespace 'default')"),
        ("?migrate=false&pool_size=3&reconnect=5s&lock_wait=1m", "(schema 'awaitly', namespace 'default')"),
    ],
)
def test_ours_are_taken_out_and_theirs_are_left(query: str, shown: str) -> None:
    """What libpq knows goes to libpq."""
    assert shown in repr(open_postgres(f"postgresql://h/d{query}"))


def test_several_hosts() -> None:
    """Its library tries one after the other."""
    store = open_postgres("postgresql://ann@a:1,b:2/shop?target_session_attrs=read-write")
    assert "ann@a:1,b:2/shop" in repr(store)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ann:{SECRET}@h/d?unheard_of=1",
        f"postgresql://ann:{SECRET}@[h/d",
        f"postgresql://ann:{SECRET}%zz@h/d",
        f"postgresql://ann:{SECRET}@h/d?pool_size=1",
        f"postgresql://ann:{SECRET}@h/d?pool_size=many",
        f"postgresql://ann:{SECRET}@h/d?reconnect=soon",
        f"postgresql://ann:{SECRET}@h/d?migrate=maybe",
        f"postgresql://ann:{SECRET}@h/d?schema=",
        f"postgresql://ann:{SECRET}@h/d?namespace=",
        f"postgresql://ann:x/{SECRET}@h/d",
        f"postgresql://ann:x?{SECRET}@h/d",
        f"postgresql://ann:x#{SECRET}@h/d",
        f"postgresql://ann:x[{SECRET}@h/d",
        f"postgresql://ann:x@{SECRET}@h/d",
        f"postgresql://ann:{SECRET}/d",
        f"postgresql://h/{SECRET}%40h",
        f"postgres://a,{SECRET}%40b/d",
        f"ann:{SECRET}@h/d",
        f"dbname=postgresql://ann:{SECRET}@h/d",
    ],
)
def test_a_wrong_url_is_refused_and_keeps_its_password(url: str) -> None:
    """Whatever is wrong with it: no message shows the password, nor does what caused it."""
    with pytest.raises(UnknownStore) as refused:
        open_postgres(url)
    shown = str(refused.value)
    cause: BaseException | None = refused.value
    while cause is not None:
        shown += f"{cause!r}{cause}"
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    assert SECRET not in shown


def test_a_password_is_never_shown() -> None:
    """Not where the store is printed."""
    assert SECRET not in repr(open_postgres(f"postgresql://ann:{SECRET}@h/d"))
    assert SECRET not in repr(PostgresStore(f"host=h user=ann password={SECRET}"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:%2F%3F%23%5B%40@[::1]:5432/d",
        "postgresql://ann@/d?host=/run/postgresql",
        "postgresql://%2Frun%2Fpostgresql/d",
        "host=@abstract dbname=d password=/?#[@",
    ],
)
def test_special_characters_where_they_belong(url: str) -> None:
    """Escaped in a password, or in the address of a socket, they are taken."""
    assert "/d (schema" in repr(PostgresStore(url))


@pytest.mark.parametrize("schema", ["", "a\0b", "x" * 64, "\u00e9" * 32, "pg_mine"])
def test_a_schema_that_postgres_would_not_take(schema: str) -> None:
    """Or would cut off, so that two stores become one."""
    with pytest.raises(ValueError, match="schema's name"):
        PostgresStore("postgresql://h/d", schema=schema)


@pytest.mark.parametrize("wrong", [{"pool_size": 1}, {"reconnect": "0s"}, {"lock_wait": "-1s"}])
def test_settings_that_make_no_sense(wrong: dict[str, int]) -> None:
    """They are refused where they are made."""
    with pytest.raises(ValueError, match=r"duration|must be >= 2"):
        Settings(**wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
