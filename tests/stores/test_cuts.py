from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from hashlib import sha1
from importlib.resources import files
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
from attrs import evolve

from awaitly.result import Ok
from awaitly.storage.memory import MemoryStore
from awaitly.storage.store import Store
from awaitly.testing.rows import changes, entry_row, step_row
from awaitly.testing.store_contract.conflicts import BAD, BEFORE
from awaitly.testing.store_contract.tools import inserted
from awaitly_postgres import PostgresStore
from awaitly_postgres.scripts import Script, migration_scripts
from awaitly_redis import RedisStore
from awaitly_redis.scripts import every_script
from awaitly_sqlite import SqliteStore
from tests.stores.planted.cuts import MEMORY, POSTGRES, REDIS, SQLITE, Cut

Opening: TypeAlias = Callable[[], Store]

ASKED = {
    **BAD,
    "step-twice": changes(steps=(step_row(key="new"), step_row(key="new"))),
    "entry-twice": changes(entries=(entry_row(seq=2), entry_row(seq=2))),
}
"""Commits of which each breaks one condition."""


async def let_by(opening: Opening) -> set[str]:
    """Name the commits that a store takes although a condition does not hold; it is made anew after each of them."""
    names, left = set[str](), list(ASKED)
    while left:
        store = opening()
        await store.open()
        try:
            await inserted(store, *BEFORE)
            while left:
                name = left.pop()
                if await store.commit(ASKED[name]) == Ok(None):
                    names.add(name)
                    break
        finally:
            await store.close()
    return names


def anew(module: ModuleType, cut: Cut, kept: str) -> dict[str, Any]:
    """Run a module's text with a cut in it, and give its names; one of them, an exception, stays what it was."""
    names: dict[str, Any] = {"__name__": module.__name__}
    exec(cut.made(inspect.getsource(module)), names)  # noqa: S102  (our own text)
    names[kept] = getattr(module, kept)
    return names


@pytest.mark.parametrize("name", MEMORY)
async def test_each_condition_of_the_memory_store_counts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it exactly those commits are taken that break it."""
    cut = anew(sys.modules[MemoryStore.__module__], MEMORY[name], "_Refused")
    monkeypatch.setattr("awaitly.storage.memory._Commit", cut["_Commit"])
    assert await let_by(MemoryStore) == MEMORY[name].lets_by


@pytest.mark.parametrize("name", SQLITE)
async def test_each_condition_of_the_sqlite_store_counts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it exactly those commits are taken that break it."""
    cut, number = anew(sys.modules["awaitly_sqlite.applying"], SQLITE[name], "Refused"), count()
    monkeypatch.setattr("awaitly_sqlite.writer.apply", cut["apply"])
    assert await let_by(lambda: SqliteStore(tmp_path / f"{next(number)}.db")) == SQLITE[name].lets_by


@pytest.mark.parametrize("name", POSTGRES)
async def test_each_condition_of_the_postgres_store_counts(
    name: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it exactly those commits are taken that break it."""
    schema, cut = name.replace(" ", "_"), POSTGRES[name]
    scripts = [evolve(script, text=in_schema(cut, schema).made(script.text)) for script in migration_scripts(schema)]
    monkeypatch.setattr("awaitly_postgres.migrating.migration_scripts", only(scripts))
    assert await let_by(lambda: PostgresStore(postgres_url, schema=schema, namespace=uuid4().hex)) == cut.lets_by


def only(scripts: list[Script]) -> Callable[[str], list[Script]]:
    """Give these for any schema."""

    def given(_: str) -> list[Script]:
        return scripts

    return given


def in_schema(cut: Cut, schema: str) -> Cut:
    """Give a cut as it reads where the schema's name is filled in."""
    return Cut(cut.found.replace("{schema}", f'"{schema}"'), cut.put.replace("{schema}", f'"{schema}"'), cut.lets_by)


@pytest.mark.parametrize("name", REDIS)
async def test_each_condition_of_the_redis_store_counts(
    name: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it exactly those commits are taken that break it."""
    (script,) = (script for script in every_script() if script.name == "commit")
    text = REDIS[name].made(script.text.decode()).encode()
    cut = evolve(script, text=text, digest=sha1(text, usedforsecurity=False).hexdigest().encode())
    others = tuple(each for each in every_script() if each is not script)
    monkeypatch.setattr("awaitly_redis.store.COMMIT", cut)
    monkeypatch.setattr("awaitly_redis.wire.every_script", lambda: (*others, cut))
    assert await let_by(lambda: RedisStore(redis_url, namespace=uuid4().hex)) == REDIS[name].lets_by


def text_of(package: str, *names: str) -> str:
    """Read files of a package."""
    return "".join(files(package).joinpath(*name.split("/")).read_text("utf-8") for name in names)


TEXTS: Mapping[str, tuple[str, Mapping[str, Cut], str]] = {
    "memory": (
        text_of("awaitly.storage", "memory.py"),
        MEMORY,
        r"(kept\.run|found|[( ]run)\.version( if|,)|if .* in (steps|entries)",
    ),
    "sqlite": (
        text_of("awaitly_sqlite", "applying.py"),
        SQLITE,
        r"AND version = |version IS NULL|AND hash = |version != |if not _added|rowcount != 1:\n +raise|= db\.rowcount",
    ),
    "postgres": (
        text_of("awaitly_postgres", *(f"schema/{script.name}.sql" for script in migration_scripts("any"))),
        POSTGRES,
        r"version = \w\S* - 1|WHERE r\.version IS|IF (?!false).*\n +PERFORM \{schema\}\.refuse|\.hash = ",
    ),
    "redis": (text_of("awaitly_redis", "lua/commit.lua"), REDIS, r"if (?!false).* then\n +return \{"),
}
"""The text of each store, its cuts, and how a condition reads in it."""


@pytest.mark.parametrize("store", TEXTS)
def test_each_condition_is_cut_somewhere(store: str) -> None:
    """Each cut is one of the store's text, and there is no condition in it without a cut."""
    text, cuts, condition = TEXTS[store]
    assert [name for name, cut in cuts.items() if cut.found not in text] == []
    places = [found.span() for cut in cuts.values() for found in re.finditer(re.escape(cut.found), text)]
    conditions = list(re.finditer(condition, text))
    assert conditions
    assert [
        found[0]
        for found in conditions
        if not any(one < found.end() and found.start() < other for one, other in places)
    ] == []
