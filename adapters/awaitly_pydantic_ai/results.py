"""What a tool gives, as JSON that the gate keeps, and back; and what the model is told."""

from __future__ import annotations

from collections.abc import Mapping
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
    Performed,
    RunCancelled,
)

__all__ = ["edited", "kept", "read", "refused"]

_RETURNS: TypeAdapter[ToolReturn[Any]] = TypeAdapter(ToolReturn[Any])
# Apart, so that no value which a tool read somewhere can pass for the framework's own `ToolReturn`.
_VALUE, _RETURN = "value", "tool_return"


def kept(given: object) -> dict[str, Any]:
    """Write what a tool gave. It was called, so this never fails: what JSON does not know is written as text."""
    name = _RETURN if isinstance(given, ToolReturn) else _VALUE
    return {name: from_json(to_json(given, bytes_mode="base64", inf_nan_mode="strings", fallback=repr))}


def read(value: Mapping[str, Any]) -> Any:
    """Read what a tool gave, for a replay."""
    return _RETURNS.validate_python(value[_RETURN]) if _RETURN in value else value[_VALUE]


def edited(given: Any, performed: Performed, proposed: Mapping[str, Any]) -> Any:
    """Say beside what a tool gave that a person had changed its arguments."""
    missing = object()
    now = performed.arguments
    changed = [f"{name}={now[name]!r}" for name in now if now[name] != proposed.get(name, missing)]
    changed += [f"no {name}" for name in proposed if name not in now]
    said = f"executed with {', '.join(changed)}, edited by a human; do not re-issue"
    if isinstance(given, ToolReturn):
        return _beside(said, given)  # pyright: ignore[reportUnknownArgumentType]  (of any value)
    return {"edited": said, "result": given}


def _beside(said: str, given: ToolReturn[Any]) -> ToolReturn[Any]:
    return replace(given, return_value={"edited": said, "result": given.return_value})


def refused(error: GateInterruption) -> ToolDenied:
    """Say why a call was not made, or is not known to have been. Raises `ToolFailed` where nobody had said no."""
    if isinstance(error, ApprovalRejected | ApprovalExpired | CallDenied | RunCancelled):
        return ToolDenied(str(error))
    raise ToolFailed(str(error))
