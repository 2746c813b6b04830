"""What a tool gives, as JSON that the gate keeps, and back; and what the model is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter
from pydantic_ai import ToolReturn
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.tools import ToolDenied
from pydantic_core import from_json, to_json

from awaitly_pydantic_ai.core import (
    ApprovalExpired,
    ApprovalRejected,
    CallDenied,
    GateInterruption,
    RunCancelled,
    keepable,
)

__all__ = ["kept", "noted", "read", "refused"]

_RETURNS: TypeAdapter[ToolReturn[Any]] = TypeAdapter(ToolReturn[Any])
# Apart, so that no value which a tool read somewhere can pass for the framework's own `ToolReturn`.
_VALUE, _RETURN = "value", "tool_return"


def kept(given: object) -> dict[str, Any]:
    """Write what a tool gave. It was called, so this never fails: what JSON does not know is written as text.

    Of what is too long to be kept the beginning is.
    """
    return keepable(given, lambda: _record(given), lambda words: {_VALUE: words})


def _record(given: object) -> dict[str, Any]:
    name = _RETURN if isinstance(given, ToolReturn) else _VALUE
    return {name: from_json(to_json(given, bytes_mode="base64", inf_nan_mode="strings", fallback=repr))}


def read(record: Any) -> Any:
    """Read what a tool gave, for a replay; what a person says that it gave is given as it is."""
    match record:
        case {"tool_return": given}:
            return _RETURNS.validate_python(given)
        case {"value": value}:
            return value
        case _:
            return record


def noted(given: Any, notice: str | None) -> Any:
    """Put a notice of what a person had changed beside what a tool gave."""
    if notice is None:
        return given
    if isinstance(given, ToolReturn):
        return _beside(notice, given)  # pyright: ignore[reportUnknownArgumentType]  (of any value)
    return {"edited": notice, "result": given}


def _beside(notice: str, given: ToolReturn[Any]) -> ToolReturn[Any]:
    return replace(given, return_value={"edited": notice, "result": given.return_value})


def refused(error: GateInterruption) -> ToolDenied:
    """Say why a call was not made, or is not known to have been. Raises `ToolFailed` where nobody had said no."""
    if isinstance(error, ApprovalRejected | ApprovalExpired | CallDenied | RunCancelled):
        return ToolDenied(str(error))
    raise ToolFailed(str(error))
