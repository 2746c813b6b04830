"""What a tool gives, as JSON that the gate keeps, and back; and what the model is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

from agno.tools.function import ToolResult
from pydantic_core import from_json, to_json

from awaitly_agno.core import keepable

__all__ = ["gathered", "kept", "noted", "read"]

# Apart, so that no value which a tool read somewhere can pass for the framework's own kind.
_VALUE, _RESULT = "value", "tool_result"


async def gathered(given: Any) -> Any:
    """Give what a tool gave, all of it: of one that gives its result bit by bit the whole text."""
    if isinstance(given, AsyncIterator):
        return "".join([str(each) async for each in cast("AsyncIterator[object]", given)])
    if isinstance(given, Iterator):
        return "".join(map(str, cast("Iterator[object]", given)))
    return given


def kept(given: object) -> dict[str, Any]:
    """Write what a tool gave, so that the model can be told the same again. The tool has run: this never fails.

    Of what is too long to be kept the beginning is.
    """
    return keepable(given, lambda: _record(given), lambda words: {_VALUE: words})


def _record(given: object) -> dict[str, Any]:
    plain: Any = from_json(to_json(given, bytes_mode="base64", inf_nan_mode="strings", fallback=repr))
    if isinstance(given, ToolResult):
        return {_RESULT: plain}
    return {_VALUE: plain if str(plain) == str(given) else str(given)}  # the model reads text


def read(record: Any) -> Any:
    """Read what a tool gave, for a replay; what a person says that it gave is given as it is."""
    match record:
        case {"tool_result": result}:
            return ToolResult.model_validate(result)
        case {"value": value}:
            return value
        case _:
            return record


def noted(given: Any, notice: str | None) -> Any:
    """Put a notice of what a person had changed before what a tool gave."""
    if notice is None:
        return given
    if isinstance(given, ToolResult):
        return given.model_copy(update={"content": f"{notice}\n{given.content}"})
    return f"{notice}\n{given}"
