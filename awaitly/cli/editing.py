"""From the text on the command line to the value that is meant, by the schema that is stored with what waits for it."""

from __future__ import annotations

import json
import sys
from typing import Any

from awaitly.cli.failures import usage
from awaitly.result import Err, Ok, Result
from awaitly.schema import validate
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.visible import visible

__all__ = ["ANYTHING", "fitting", "from_stdin", "meant_value"]


ANYTHING = "{}"
"""The schema of what nobody waits for yet."""


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
    return text if len(meant) != 1 else fitting(meant[0].schema, text)


def fitting(schema: str, text: str) -> Any:
    """Read a text as what a schema wants; what fits in no way is given as it rather is."""
    match _parsed(text):
        case Ok(value) if _fits(schema, value) or not _wants_text(schema, text):
            return value
        case Err(problem) if not _wants_text(schema, text):
            raise usage(f"the value is not JSON ({visible(problem)}); a text is written with its quotation marks")
        case _:
            return text


def _wants_text(schema: str, text: str) -> bool:
    """Whether a text is wanted here, rather than anything at all, or something that this text was meant to be."""
    if json.loads(schema).get("type") == "string":
        return True
    anything = _fits(schema, None) and _fits(schema, 0) and _fits(schema, {})
    return _fits(schema, text) and not anything and text[:1] not in {"{", "["}


def _fits(schema: str, value: Any) -> bool:
    return isinstance(validate(schema, value), Ok)


def _parsed(text: str) -> Result[Any, str]:
    try:
        return Ok(json.loads(text, parse_constant=_no_constant))
    except (ValueError, RecursionError) as error:
        return Err(str(error))


def _no_constant(name: str) -> Any:
    message = f"{name} is no JSON"
    raise ValueError(message)


def from_stdin() -> str:
    """Read all of stdin as one value."""
    try:
        return sys.stdin.read().rstrip("\r\n")
    except UnicodeDecodeError:
        raise usage("the value on stdin is not valid UTF-8") from None
