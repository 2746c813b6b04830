"""From the text of an edit to the value that is meant, by the schema that was stored with the approval."""

from __future__ import annotations

import json
from typing import Any

from awaitly.approval import Approval
from awaitly.cli.failures import usage
from awaitly.cli.visible import visible
from awaitly.orchestrator import Orchestrator
from awaitly.result import Err, Ok, Result
from awaitly.schema import validate

__all__ = ["meant_value"]


async def meant_value(orchestrator: Orchestrator, run_id: str, key: str | None, text: str) -> Any:
    """Read the text as JSON where that fits; where a text is wanted, as the text that it is.

    What fits in neither way is given as it rather is, for the orchestrator to refuse with its reason.
    """
    match await orchestrator.status(run_id):
        case Err(_):
            return text
        case Ok(details):
            pass
    if key is None and text in {approval.key for approval in details.approvals}:
        raise usage(f"{visible(text)!r} is the key of an approval; the new value is missing: edit RUN KEY VALUE")
    meant = [a for a in details.approvals if (a.pending if key is None else a.key == key)]
    return text if len(meant) != 1 else _fitting(meant[0], text)


def _fitting(approval: Approval, text: str) -> Any:
    match _parsed(text):
        case Ok(value) if _fits(approval, value) or not _wants_text(approval, text):
            return value
        case Err(problem) if not _wants_text(approval, text):
            raise usage(f"the value is not JSON ({visible(problem)}); a text is written with its quotation marks")
        case _:
            return text


def _wants_text(approval: Approval, text: str) -> bool:
    """Whether a text is wanted here, rather than anything at all, or something that this text was meant to be."""
    if json.loads(approval.schema).get("type") == "string":
        return True
    anything = _fits(approval, None) and _fits(approval, 0) and _fits(approval, {})
    return _fits(approval, text) and not anything and text[:1] not in {"{", "["}


def _fits(approval: Approval, value: Any) -> bool:
    return isinstance(validate(approval.schema, value), Ok)


def _parsed(text: str) -> Result[Any, str]:
    try:
        return Ok(json.loads(text, parse_constant=_no_constant))
    except (ValueError, RecursionError) as error:
        return Err(str(error))


def _no_constant(name: str) -> Any:
    message = f"{name} is no JSON"
    raise ValueError(message)
