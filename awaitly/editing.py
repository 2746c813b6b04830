"""Check an edit when it is made, in any process: against the schema that was stored with the approval."""

from __future__ import annotations

import json

from awaitly.approval import Approval
from awaitly.codec import ANYTHING, Codec
from awaitly.errors import InvalidEdit, Refusal
from awaitly.result import Err, Ok, Result
from awaitly.schema import validate

__all__ = ["edited_content"]

_PLAIN = Codec()


def edited_content(approval: Approval, value: object) -> Result[str, Refusal]:
    """Write an edit as JSON text, if it fits the schema that was stored with the approval."""

    def refused(path: str, reason: str) -> Result[str, Refusal]:
        return Err(InvalidEdit(approval.run_id, approval.key, path, reason))

    kind: type[object] = type(value)
    hint = ANYTHING if value is None or kind in (dict, list) else kind
    match _PLAIN.encode(value, hint):
        case Err(unstorable):
            return refused(unstorable.path, unstorable.reason)
        case Ok(text):
            pass
    match validate(approval.schema, json.loads(text)):
        case Err(misfit):
            return refused(misfit.path, misfit.reason)
        case Ok(_):
            return Ok(text)
