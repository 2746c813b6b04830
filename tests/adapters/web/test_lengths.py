from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from awaitly_web.api.hooked import MESSAGE
from awaitly_web.schemas import LONGEST_TEXT
from awaitly_web.table import ROUTES
from tests.adapters.web.support import Web
from tests.support import SharedStore

BODIES = {
    "a message": MESSAGE.schema,
    **{f"{route.method} {route.path}": route.body.schema for route in ROUTES if route.body is not None},
}


def unbounded(schema: Mapping[str, Any], path: str = "$") -> Iterator[str]:
    """Say where a body takes a text of any length."""
    kinds = schema.get("type", ())
    if "string" in ([kinds] if isinstance(kinds, str) else kinds) and schema.get("maxLength", 10**9) > LONGEST_TEXT:
        yield path
    for name, inner in schema.get("properties", {}).items():
        yield from unbounded(inner, f"{path}.{name}")
    if "items" in schema:
        yield from unbounded(schema["items"], f"{path}[]")


@pytest.mark.parametrize("name", BODIES)
def test_no_body_takes_a_text_of_any_length(name: str) -> None:
    """Each has a bound, and none is beyond what a form takes; workflows' own arguments and values are their matter."""
    assert list(unbounded(BODIES[name])) == []


def test_the_look_at_a_schema_sees_what_has_no_bound() -> None:
    """The test above would find such a text wherever it stands."""
    items = {"type": "array", "items": {"type": "object", "properties": {"why": {"type": ["string", "null"]}}}}
    assert list(unbounded({"type": "object", "properties": {"items": items}})) == ["$.items[].why"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/runs/r1/approvals/manager/reject", {"reason": "x" * 10_001}),
        ("/api/runs/r1/approvals/manager/comment", {"text": "x" * 10_001}),
        ("/api/runs/r1/approvals/manager/inquire", {"text": "x" * 10_001}),
        ("/api/runs/r1/cancel", {"reason": "x" * 10_001}),
    ],
)
async def test_a_longer_text_is_refused_with_its_place(
    web: Web, store: SharedStore, path: str, body: dict[str, str]
) -> None:
    """It is a 422 that names the member, and nothing is written; one character less is taken."""
    await web.parked("r1")
    store.reset()
    refused = await web.by("ann:admin").post(path, body)
    assert (refused.status_code, refused.json()["path"], store.written) == (422, f"$.{next(iter(body))}", 0)
    taken = await web.by("ann:admin").post(path, {name: text[1:] for name, text in body.items()})
    assert taken.status_code == 200, taken.text
