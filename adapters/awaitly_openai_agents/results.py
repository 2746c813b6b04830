"""What a tool gives, as JSON that the gate keeps, and what the model is told beside it."""

from __future__ import annotations

from typing import Any, TypeAlias, cast

from agents import ToolOutputFileContent, ToolOutputImage, ToolOutputText
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from awaitly_openai_agents.core import keepable

__all__ = ["kept", "noted"]


_Part: TypeAlias = ToolOutputText | ToolOutputImage | ToolOutputFileContent
_PARTS: TypeAdapter[list[_Part]] = TypeAdapter(list[_Part])


def kept(given: object) -> Any:
    """Write what a tool gave, so that the model can be told the same again. The tool has run, so this never fails.

    Of what is too long to be kept the beginning is.
    """
    return keepable(given, lambda: _plain(given), str)


def _plain(given: object) -> Any:
    """Give a value as JSON where the model would read the same of it, and as the text that it reads otherwise."""
    if parts := _parts(given):
        return _PARTS.dump_python(parts, mode="json")
    try:
        plain: Any = to_jsonable_python(given)
    except (PydanticSerializationError, ValueError):
        return str(given)
    return plain if str(plain) == str(given) else str(given)


def noted(given: Any, notice: str | None) -> Any:
    """Put a notice of what a person had changed beside what a tool gave."""
    if notice is None:
        return given
    if parts := _parts(given):
        return [ToolOutputText(text=notice), *parts]
    return f"{given}\n({notice})"


def _parts(given: object) -> list[_Part]:
    """Give the parts of an output that is more than text, as the SDK reads it; none where it is text."""
    parts: object = list(cast("list[object]", given)) if isinstance(given, list | tuple) else [given]
    try:
        return _PARTS.validate_python(parts)
    except ValidationError:
        return []
