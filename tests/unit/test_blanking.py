"""What stands in place of redacted members: in texts, and put back from what an editor sends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from awaitly.approvals.redaction import BLANK, scrubbed, unblanked


def test_whatever_a_redacted_member_holds_goes_from_texts() -> None:
    """At any depth, texts and numbers; what other members hold stays."""
    content = {"iban": {"bank": ["DE12", {"account": 345}]}, "lines": [{"iban": "FR6"}], "sku": "kept"}
    text = scrubbed("DE12 345 FR6 kept", json.dumps(content), ["iban"])
    assert text == f"{BLANK} {BLANK} {BLANK} kept"


@pytest.mark.parametrize("values", [["12", "1234", "123"], ["34", "1234", "4"]])
def test_a_secret_within_another_leaves_nothing_of_it(values: list[str]) -> None:
    """The longest goes first."""
    assert scrubbed(max(values, key=len), json.dumps({"iban": values}), ["iban"]) == BLANK


@pytest.mark.parametrize("value", [None, "", True, False])
def test_what_tells_nothing_is_not_taken_out_of_texts(value: object) -> None:
    """Words that anybody may write are no secret, and nothing is between all letters."""
    text = "None of this is True or False"
    assert scrubbed(text, json.dumps({"iban": value}), ["iban"]) == text


@pytest.mark.parametrize(
    ("value", "original"),
    [
        ({"iban": BLANK}, [1]),
        ({"iban": BLANK}, "x"),
        ([BLANK], {"iban": "DE12"}),
        ("x", {"iban": "DE12"}),
        (7, {"iban": "DE12"}),
    ],
)
def test_what_has_another_shape_now_is_left_as_it_was_sent(value: Any, original: Any) -> None:
    """There is nothing in it to put back."""
    assert unblanked(value, original, ["iban"]) == value
