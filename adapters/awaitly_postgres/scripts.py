"""The `.sql` files of this package, with the schema's name filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from attrs import frozen

from awaitly_postgres.place import quoted

__all__ = ["Script", "migration_scripts", "queries"]


@frozen
class Script:
    """One migration."""

    number: int
    name: str
    text: str


@cache
def migration_scripts(schema: str) -> tuple[Script, ...]:
    """Give the migrations of a schema, in order."""
    return tuple(
        Script(int(name.partition("_")[0]), name, _filled(text, schema)) for name, text in sorted(_files("schema"))
    )


@cache
def queries(schema: str) -> Mapping[str, bytes]:
    """Give every statement that reads a schema, by the name of its file."""
    name_in_queries = quoted(schema).replace("%", "%%")  # where there are parameters, a % is one of theirs
    return {name: text.replace("{schema}", name_in_queries).encode() for name, text in _files("queries")}


def _files(folder: str) -> Iterator[tuple[str, str]]:
    for file in files("awaitly_postgres").joinpath(folder).iterdir():
        yield file.name.removesuffix(".sql"), file.read_text("utf-8")


def _filled(text: str, schema: str) -> str:
    """Write the schema's name where it belongs; function bodies are quoted by a mark that is no part of it."""
    mark = "body"
    while mark in schema:
        mark += "_"
    return text.replace("{body}", mark).replace("{schema}", quoted(schema))
