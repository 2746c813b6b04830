"""The API's description, as an OpenAPI 3.1 document made from the table of routes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from awaitly_web.permissions import Permission
from awaitly_web.routes import Route
from awaitly_web.schemas import COMPONENTS

__all__ = ["document"]

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "session"},
}
_SOCKET = (
    "To a request for a WebSocket: each message is one event in JSON, and nothing is taken. What is refused is refused "
    "before it opens."
)
_ABOUT = """Approvals of awaitly: what waits for people, and their decisions.

Whoever calls is known by how they authenticate, never by what they send. Problems are documents after RFC 9457; a
refusal of the library stands whole under `refusal`, its name under `refusal.type`."""


def document(routes: Sequence[Route], root: str = "") -> Mapping[str, Any]:
    """Describe those routes that say what they answer; pages do not. `root` is where the application is mounted."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if route.answer is not None:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "awaitly", "version": "1", "description": _ABOUT},
        "servers": [{"url": root or "/"}],
        "paths": paths,
        "components": {"schemas": COMPONENTS, "securitySchemes": _SCHEMES},
    }


def _operation(route: Route) -> Mapping[str, Any]:
    public = route.needs is Permission.NOBODY_IN_PARTICULAR
    told: dict[str, Any] = {
        "operationId": _identity(route),
        "summary": route.summary,
        "security": [] if public else [{scheme: []} for scheme in _SCHEMES],
        "responses": _responses(route),
    }
    parameters = [*_parts(route), *_queried(route)]
    if parameters:
        told["parameters"] = parameters
    if route.body is not None:
        content = {"application/json": {"schema": route.body.schema}}
        told["requestBody"] = {"required": bool(route.body.required), "content": content}
    return told


def _identity(route: Route) -> str:
    words = re.findall(r"\w+", route.path.replace("/api/", "/"))
    return "_".join([route.method.lower(), *words]).replace(".", "_")


def _parts(route: Route) -> list[Mapping[str, Any]]:
    schema = {"type": "string", "minLength": 1}
    names = re.findall(r"\{(\w+)\}", route.path)
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]


def _queried(route: Route) -> list[Mapping[str, Any]]:
    return [
        {"name": each.name, "in": "query", "required": False, "description": each.about, "schema": each.schema}
        for each in route.parameters or ()
    ]


def _responses(route: Route) -> Mapping[str, Any]:
    schema = {"$ref": f"#/components/schemas/{route.answer}"}
    answered = {"text/event-stream" if route.live else "application/json": {"schema": schema}}
    responses: dict[str, Mapping[str, Any]] = {
        str(status): {"description": HTTPStatus(status).phrase, "content": answered} for status in route.statuses
    }
    if route.live:
        responses["101"] = {"description": _SOCKET, "x-websocket-message": schema}
    for status in sorted({*route.refuses, *_usual(route)} - set(route.statuses)):
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": _PROBLEM}
    return responses


def _usual(route: Route) -> set[int]:
    """Give the statuses of the problems that each route of this kind can have."""
    usual = {413, 500, 503}
    if route.needs is not Permission.NOBODY_IN_PARTICULAR:
        usual |= {401, 403}
    if "{" in route.path:
        usual |= {404}
    if route.parameters is not None:
        usual |= {422}
    if route.method != "GET":
        usual |= {403, 415, 422}
    return usual
