"""A call's arguments as JSON, which is what people see and what runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent_framework import FunctionInvocationContext, FunctionTool, MiddlewareFailure
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

__all__ = ["plain_of"]


def plain_of(context: FunctionInvocationContext) -> dict[str, Any]:
    """Give the arguments with which the tool would be called, and the defaults of its schema.

    Raises `MiddlewareFailure` where JSON cannot hold them: people would see something else than what would run.
    """
    arguments, function = context.arguments, context.function
    taken = arguments.model_dump(exclude_unset=True) if isinstance(arguments, BaseModel) else dict(arguments)
    if not _kept(function, taken):
        said = "JSON cannot hold its arguments, so people cannot be asked"
        raise MiddlewareFailure(f"{function.name} was not called: {said}")
    plain: dict[str, Any] = from_json(to_json(taken))
    properties: Mapping[str, Any] = function.parameters().get("properties", {})
    return {**{name: said["default"] for name, said in properties.items() if "default" in said}, **plain}


def _kept(function: FunctionTool, taken: Mapping[str, Any]) -> bool:
    """Whether arguments come back from JSON as they are; those that do not fit the tool are as the model wrote them."""
    try:
        plain = from_json(to_json(taken))
    except ValueError:
        return False
    if plain == taken:
        return True
    if function.input_model is None:
        return False
    try:
        return function.input_model.model_validate(plain).model_dump(exclude_unset=True) == taken
    except ValidationError:
        return False
