"""Agno's tools behind a gate."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from inspect import Parameter, signature
from typing import Any, cast

from agno.tools import Function, Toolkit
from agno.tools.function import FunctionCall
from pydantic import Field

from awaitly_agno.core import Actor, Gate
from awaitly_agno.making import Front, Making

__all__ = ["GatedFunction", "gated"]


class GatedFunction(Function):
    """A tool that pauses the run at each of its calls, and calls nothing but the gate."""

    front: Any = Field(default=None, exclude=True, repr=False)


def gated(
    gate: Gate, tools: Iterable[Toolkit | Function | Callable[..., Any]], *, agent: Actor | str | None = None
) -> list[Function]:
    """Put tools behind a gate: `Agent(tools=gated(gate, [pay, read]))`. The tools given stay as they were.

    `agent` is on whose account the calls are made. Raises `TypeError` for tools before which no gate can stand.
    """
    return [_behind(gate, function, agent) for tool in tools for function in _functions(tool)]


def _functions(tool: Any) -> Iterator[Function]:
    if isinstance(tool, Toolkit):
        if tool.requires_connect or not (found := tool.get_async_functions()):
            said = "gated(gate, toolkit.get_async_functions().values())"
            raise TypeError(f"connect {tool.name} first, and then give the gate its tools: {said}")
        for name in found:
            function = found[name].model_copy()
            function.source_toolkit = tool
            yield function
    elif isinstance(tool, Function):
        yield tool
    elif callable(tool):
        yield Function.from_callable(tool)  # pyright: ignore[reportUnknownMemberType]  (of any callable)
    else:
        raise TypeError(f"{tool!r} is called elsewhere, so no gate can stand before it")


def _behind(gate: Gate, function: Function, agent: Actor | str | None) -> GatedFunction:
    tool = function.model_copy(deep=True)
    tool.process_entrypoint()
    front = Front(gate, tool.name, _checked(tool), agent)
    fields = {name: getattr(tool, name) for name in Function.model_fields}
    return GatedFunction.model_validate(
        {
            **fields,
            "front": front,
            "entrypoint": _entrypoint(front, tool),
            "skip_entrypoint_processing": True,
            "requires_confirmation": True,
            "approval_type": None,
            "cache_results": False,
        }
    )


def _checked(tool: Function) -> dict[str, Any]:
    """Give a tool's schema, with the defaults of its function: people see these too."""
    function = cast("object", tool.entrypoint)  # pyright: ignore[reportUnknownMemberType]  (of any callable)
    if not callable(function) or tool.external_execution:
        raise TypeError(f"{tool.name} is called elsewhere, so no gate can stand before it")
    if tool.requires_user_input:
        raise TypeError(f"{tool.name} asks for its arguments itself; people can edit them at the gate")
    taken = signature(function).parameters
    schema: dict[str, Any] = tool.parameters
    properties: Any = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, dict):
        raise TypeError(f"{tool.name} has no schema for its arguments, so no edit of them could be checked")
    said = {name: _with_default(each, taken.get(name)) for name, each in cast("dict[str, Any]", properties).items()}
    return {**schema, "properties": said}


def _with_default(schema: dict[str, Any], parameter: Parameter | None) -> dict[str, Any]:
    if parameter is None or parameter.default is Parameter.empty:
        return schema
    try:
        return {**schema, "default": json.loads(json.dumps(parameter.default))}
    except (TypeError, ValueError):
        return schema


def _entrypoint(front: Front, tool: Function) -> Callable[..., Awaitable[Any]]:
    """Give what Agno calls in a tool's place; by the name of its parameter it is given the call."""

    async def made(fc: FunctionCall, **arguments: Any) -> Any:
        return await front(fc.call_id, arguments, Making(tool, fc))

    return made
