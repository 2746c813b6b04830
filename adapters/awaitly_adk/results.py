"""What a tool gives, as JSON that the gate keeps, and back; and what the model is told."""

from __future__ import annotations

from typing import Any

from google.genai import types
from pydantic_core import from_json, to_json

from awaitly_adk.core import keepable

__all__ = ["kept", "noted", "read", "refused", "response"]

# Apart, so that no value which a tool read somewhere can pass for the framework's own kind.
_VALUE, _PART = "value", "part"


def kept(given: object) -> dict[str, Any]:
    """Write what a tool gave. It was called, so this never fails: what JSON does not know is written as text.

    Of what is too long to be kept the beginning is.
    """
    return keepable(given, lambda: _record(given), lambda words: {_VALUE: words})


def _record(given: object) -> dict[str, Any]:
    name = _PART if isinstance(given, types.Part) else _VALUE
    written = to_json(given, exclude_none=name == _PART, bytes_mode="base64", inf_nan_mode="strings", fallback=repr)
    return {name: from_json(written)}


def read(record: Any) -> Any:
    """Read what a tool gave, for a replay; what a person says that it gave is given as it is."""
    match record:
        case {"part": part}:
            return types.Part.model_validate(part)
        case {"value": value}:
            return value
        case _:
            return record


def noted(given: Any, notice: str | None) -> Any:
    """Put a notice of what a person had changed beside what a tool gave."""
    return given if notice is None else {"edited": notice, "result": given}


def response(given: Any, *, late: bool) -> Any:
    """Give what answers the call in the tool's place: to the framework None says that nobody has called it yet.

    `late`: a tool that takes long and gives nothing is answered by somebody else, later.
    """
    if given is not None:
        return given
    return {} if late else {"result": None}


def refused(why: object) -> dict[str, Any]:
    """Say to the model why a call was not made, or is not known to have been."""
    return {"error": str(why)}
