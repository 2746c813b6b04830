from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from awaitly import MemoryStore, sync
from awaitly_web import wsgi_app
from awaitly_web.openapi import document
from awaitly_web.table import ROUTES
from tests.adapters.web.support import PERMITS, WORKFLOWS, refund, who

CASES = int(os.environ.get("AWAITLY_WEB_CASES", "5000" if os.environ.get("AWAITLY_FAULTS") == "long" else "150"))
DESCRIBED = [route for route in ROUTES if route.answer is not None]
CHECKS: list[Any] = [
    getattr(importlib.import_module(module), name)  # none of them has complete types
    for module, name in (
        ("schemathesis.checks", "not_a_server_error"),
        ("schemathesis.specs.openapi.checks", "content_type_conformance"),
        ("schemathesis.specs.openapi.checks", "response_headers_conformance"),
        ("schemathesis.specs.openapi.checks", "response_schema_conformance"),
        ("schemathesis.specs.openapi.checks", "status_code_conformance"),
    )
]
KNOWN = {"run_id": ["r1", "r2", "a/b"], "key": ["manager"], "workflow": ["refund", "told"], "chain": ["money"]}
"""What there is: made-up names alone would find nothing but 404s."""


@pytest.fixture(scope="module")
def cases() -> Iterator[list[Any]]:
    """Give what makes cases of each route, sent to runs that wait; no case need find them as they were."""
    with sync.Orchestrator(MemoryStore(), workflows=WORKFLOWS) as orchestrator:
        for run_id in KNOWN["run_id"]:
            orchestrator.start(refund(5), run_id=run_id, requested_by="rita")
        ending = [route for route in ROUTES if not route.live]
        schema: Any = schemathesis.openapi.from_dict(dict(document(ending)))
        schema.app = wsgi_app(orchestrator, authenticate=who, permits=PERMITS)
        yield [found.ok().as_strategy() for found in schema.get_all_operations()]


def test_the_description_is_a_valid_document() -> None:
    """It is OpenAPI 3.1, wherever it is mounted."""
    OpenAPIV31SpecValidator(dict(document(ROUTES, "/approvals"))).validate()


def test_every_route_of_the_api_is_described() -> None:
    """With a summary, the shape of its answer, and an identity of its own; Slack describes its callbacks itself."""
    paths = document(ROUTES)["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    assert len(operations) == len([route for route in ROUTES if route.path != "/hooks/slack"])
    assert len({operation["operationId"] for operation in operations}) == len(operations)


@settings(
    max_examples=CASES,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    derandomize=True,
)
@given(data=st.data())
def test_the_api_is_as_it_is_described(cases: list[Any], data: st.DataObject) -> None:
    """Made-up requests of every route: never a 5xx, and each answer fits its schema, its status and its kind."""
    case = data.draw(data.draw(st.sampled_from(cases)))
    for name, known in KNOWN.items():
        if name in case.path_parameters and data.draw(st.booleans()):
            case.path_parameters[name] = data.draw(st.sampled_from(known))
    caller = data.draw(st.sampled_from(["root:admin", "ann:admin", "ann:decider", "rita:starter", ""]))
    case.call_and_validate(headers={"authorization": f"Bearer {caller}"}, checks=CHECKS)


def test_live_updates_are_described_as_streams_and_as_websockets() -> None:
    """What OpenAPI can say of them: server-sent events for 200, and for 101 that messages have the same shape."""
    told = document(ROUTES)["paths"]["/live/runs/{run_id}"]["get"]
    shape = {"$ref": "#/components/schemas/Event"}
    assert told["responses"]["200"]["content"] == {"text/event-stream": {"schema": shape}}
    assert told["responses"]["101"]["x-websocket-message"] == shape
    assert {"401", "403", "404", "429", "501"} <= set(told["responses"])
    assert [each["name"] for each in told["parameters"]] == ["run_id", "seen"]
