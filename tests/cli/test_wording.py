"""Errors as people read them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import frozen

from awaitly import ApprovalExpired, ApprovalRejected, Codec, NotApproved, UnexpectedError
from awaitly.approvals.veil import Veil
from awaitly.cli.wording import failure, sentence
from awaitly.storage.journal import Failed, Raised
from tests.cli.support import NASTY, NASTY_SHOWN, Declined, call, is_safe, resumed

CODEC = Codec()
OPEN = Veil(())


@frozen
class Busy:
    """An error that has nothing to add to its name."""


@frozen
class Misfit:
    """An error with two fields, one of them a value of its own."""

    line: int
    cause: Declined


@frozen
class Spoken:
    """An error that speaks for itself."""

    code: str

    def __str__(self) -> str:
        return f"the bank says {self.code}"


@dataclasses.dataclass(frozen=True)
class Plain:
    """An error as a dataclass."""

    why: str


def stored(error: object, hint: object = None) -> Failed:
    """Write an error as a run keeps it."""
    kind: Any = type(error)
    return Failed(CODEC.encode(error, hint or kind).unwrap())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Spoken("51"), "the bank says 51"),
        (Declined("51"), "Declined: 51"),
        (Plain("no stock"), "Plain: no stock"),
        (Busy(), "Busy"),
        (Misfit(3, Declined("51")), "Misfit (line: 3; cause: Declined(code='51'))"),
        ("the bank is closed", "the bank is closed"),
        (ValueError("no number"), "no number"),
        (UnexpectedError("KeyError", "'x'", "load"), "KeyError in step 'load': 'x'"),
    ],
)
def test_an_error_is_a_sentence(error: object, said: str) -> None:
    """Its own where its class has one; otherwise its name and its fields."""
    assert sentence(error) == said


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        (stored(Declined("51")), "Declined: 51"),
        (stored(Busy()), "Busy"),
        (stored(Misfit(3, Declined("51"))), 'Misfit (line: 3; cause: Declined(code="51"))'),
        (stored("the bank is closed"), "the bank is closed"),
        (stored(ValueError("no number")), "ValueError: no number"),
        (stored(ValueError("a", 2)), "ValueError (1: a; 2: 2)"),
        (stored(ValueError()), "ValueError"),
        (Raised(UnexpectedError("KeyError", "'x'", "load", 3)), "KeyError in step 'load' after 3 attempts: 'x'"),
        (
            stored(ApprovalRejected("r1", "manager", "ann", "too dear"), NotApproved),
            "approval 'manager' of run r1 was rejected by ann: too dear",
        ),
        (
            stored(ApprovalExpired("r1", "manager", datetime(2030, 1, 7, 9, tzinfo=UTC)), NotApproved),
            "approval 'manager' of run r1 expired at 2030-01-07T09:00:00+00:00",
        ),
    ],
)
def test_a_stored_error_is_a_sentence(recorded: Failed | Raised, said: str) -> None:
    """Also where the class that made it is not there; awaitly's own speak as they always do."""
    assert failure(recorded, OPEN) == said


@pytest.mark.parametrize("recorded", [stored(Declined(NASTY)), stored(NASTY), Raised(UnexpectedError("E", NASTY))])
def test_a_stored_error_is_safe_to_print(recorded: Failed | Raised) -> None:
    """Whoever filled it in."""
    said = failure(recorded, OPEN)
    assert is_safe(said)
    assert NASTY_SHOWN in said


def test_show_tells_how_a_run_failed_and_json_keeps_its_parts(url: str) -> None:
    """The step's error, and the run's, which is the same."""
    assert call("show", "buy-0", "--store", url).out.count(f": Declined: {NASTY_SHOWN[:20]}") == 2
    result = call("show", "buy-0", "--store", url, "--json").document["result"]
    assert result == {"error": {"$type": "Declined", "code": NASTY}}


def test_show_tells_who_rejected(url: str) -> None:
    """Once the run has gone on with it."""
    call("reject", "buy-1", "--reason", "too dear", "--by", "ann", "--store", url)
    resumed(url, "buy-1")
    shown = " ".join(call("show", "buy-1", "--store", url).out.split())
    assert "UTC: approval 'manager' of run buy-1 was rejected by ann: too dear" in shown
