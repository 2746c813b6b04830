"""Every refusal of the library: one status, one problem, the same words in API, pages and terminal."""

from __future__ import annotations

import ast
import asyncio
import json
import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs
import httpx2
import pytest
from markupsafe import escape

import awaitly_web
from awaitly import Actor, Err, Orchestrator, visible
from awaitly.cli.failures import refused as refused_on_the_command_line
from awaitly_sqlite import SqliteStore
from awaitly_web import Request
from awaitly_web.pages.rendering import words_of_problem
from awaitly_web.problems import STATUSES, refused
from tests.adapters.inbox.support import APPROVAL, ask, open_served
from tests.cli.support import call

NASTY = "<b>\u202eann"
SAMPLES: Mapping[object, Any] = {
    str: NASTY,
    int: 3,
    bool: True,
    datetime: datetime(2030, 1, 8, tzinfo=UTC),
    timedelta: timedelta(hours=1),
    Actor: Actor("ann"),
}


def errors_in(hint: Any, *, inside: bool = False) -> Iterator[type]:
    """Give the classes in the `Err`s of what a verb returns."""
    if inside and isinstance(hint, type):
        yield hint
    for part in typing.get_args(hint):
        yield from errors_in(part, inside=inside or typing.get_origin(hint) is Err)


def verbs_asked() -> set[str]:
    """Name what the application asks of an orchestrator, by its source."""
    names: set[str] = set()
    for path in Path(str(files(awaitly_web))).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("orchestrator"):
                names.add(node.attr)
    return names


def refusals() -> list[type]:
    """Give every error that a verb which the application asks can give, by the verbs' own annotations."""
    verbs = [getattr(Orchestrator, name, None) for name in verbs_asked()]
    hints = [typing.get_type_hints(verb).get("return") for verb in verbs if callable(verb)]
    return sorted({error for hint in hints for error in errors_in(hint)}, key=lambda error: error.__name__)


def sample(hint: Any) -> Any:
    """Give a value of a type."""
    if hint in SAMPLES:
        return SAMPLES[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    if isinstance(hint, type) and attrs.has(hint):
        fields: Any = attrs.fields(attrs.resolve_types(hint))
        return hint(**{field.name: sample(field.type) for field in fields})
    if typing.get_origin(hint) is tuple:
        return (sample(typing.get_args(hint)[0]),) * 2
    return sample(typing.get_args(hint)[0])


def test_the_verbs_refuse_in_many_ways() -> None:
    """What the other tests go through is found: all of the union of decisions, and what other verbs give besides."""
    found = {error.__name__ for error in refusals()}
    assert found >= {"AlreadyDecided", "StaleRevision", "RunConflict", "BrokenChain", "AbsenceRefused", "UnknownNotice"}


EVERY: list[type] = sorted({*refusals(), *STATUSES}, key=lambda error: error.__name__)


@pytest.mark.parametrize("error", EVERY)
def test_each_has_one_status_and_the_same_words_everywhere(error: type) -> None:
    """In the API's problem, on the page, where markup and hidden characters are written out, and in the terminal."""
    value = sample(error)
    answer = refused(value)
    problem = json.loads(answer.body)
    assert (answer.status, problem["status"]) == (STATUSES[error], STATUSES[error])
    assert 400 <= answer.status < 600
    assert (problem["detail"], problem["refusal"]["type"]) == (str(value), error.__name__)
    page = words_of_problem(Request(method="GET", path="/"), answer)
    assert page.status == answer.status
    assert str(escape(visible(str(value)))) in page.body.decode()
    told = refused_on_the_command_line(value).failure
    assert (told.message, told.kind) == (str(value), error.__name__)


def test_each_problem_has_a_type_of_its_own() -> None:
    """A program can tell them apart by it."""
    types = [json.loads(refused(sample(error)).body)["type"] for error in STATUSES]
    assert len(set(types)) == len(STATUSES)


def test_who_was_slower_is_told_the_same_by_all_three(tmp_path: Path) -> None:
    """Here over one store: the API, the form of the page, and the command."""
    api, page = asyncio.run(slower_by_web(tmp_path / "runs.db"))
    words = ("reject", "r1", "--by", "ann", "--store", f"sqlite:///{tmp_path}/runs.db", "--json")
    told = api.json()["detail"]
    assert (api.status_code, page.status_code) == (409, 409)
    assert str(escape(visible(told))) in page.text
    assert call(*words).document["error"]["message"] == told


async def slower_by_web(path: Path) -> tuple[httpx2.Response, httpx2.Response]:
    """Have Ann reject what Bob has approved, in the API and on the page."""
    async with (
        Orchestrator(SqliteStore(path), workflows=[ask]) as orchestrator,
        open_served(orchestrator) as served,
    ):
        await served.parked()
        (await orchestrator.approve("r1", by="bob")).unwrap()
        shown: dict[str, Any] = {"revision": 1, "digest": (await served.approval()).digest}
        ann = {"x-person": "ann"}
        return (
            await served.client.post(f"/api{APPROVAL}/reject", json=shown, headers=ann),
            await served.client.post(APPROVAL, data={**shown, "do": "reject"}, headers=ann),
        )
