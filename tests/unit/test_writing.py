"""The short way in which values are written that are about to be kept."""

from __future__ import annotations

import pytest

from awaitly import Codec, Err, Ok, Result, Unstorable
from awaitly.digest import arguments_digest, call_digest
from awaitly.exceptions import UnstorableValue


@pytest.mark.parametrize(("value", "hint"), [(5, int), ("x" * 40, str), ("5", int), (object(), str)])
def test_what_encode_answers_write_gives_or_raises(value: object, hint: type) -> None:
    """The same text, or the same refusal as an exception: of what fits, is too long, or is something else."""
    codec = Codec(limit=20)

    def write() -> Result[str, Unstorable]:
        try:
            return Ok(codec.write(value, hint))
        except UnstorableValue as exc:
            return Err(exc.error)

    assert write() == codec.encode(value, hint)


def test_what_a_call_s_digest_is_and_why_there_is_none() -> None:
    """A call has one digest by both ways, and what has none is named alike."""
    assert Ok(call_digest("pay", (1,), {"to": "ann"})) == arguments_digest("pay", (1,), {"to": "ann"})
    with pytest.raises(UnstorableValue) as caught:
        call_digest("pay", (object(),), {})
    assert Err(caught.value.error) == arguments_digest("pay", (object(),), {})
    assert caught.value.error.path == "$.args[0]"
