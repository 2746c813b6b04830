"""`signal` and `resolve`: what they read as a value, what they say, and what they refuse."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from awaitly import Err, Ok, Orchestrator, PromiseRejected, open_store
from awaitly.cli.codes import ExitCode
from tests.cli.support import NASTY, call, is_safe, wait_for
from tests.cli.waiting import WORKFLOWS, Payment

BY = ("--by", "ann")
PROMISE = "signed%20by%20the%20customer@contract-1"
PAID = json.dumps({"$type": "Payment", "amount": "5.00", "by": "zed"})


def resumed(url: str, run_id: str) -> Any:
    """Resume a run with its workflow's code and give its result."""

    async def go() -> Any:
        async with Orchestrator(open_store(url), workflows=WORKFLOWS) as orchestrator:
            return (await orchestrator.resume(run_id)).result

    return wait_for(go())


def test_a_run_goes_on_with_what_it_was_told(waiting: str) -> None:
    """A value that it waits for, and a text that came before it was waited for."""
    told = call("signal", "parcel-1", "paid", PAID, *BY, "--store", waiting)
    assert (told.code, told.err) == (0, "")
    assert told.out == "Told run parcel-1 of paid, as ann; the run goes on when it is resumed\n"
    told = call("signal", "parcel-1", "note", '"careful"', *BY, "--store", waiting)
    assert told.out == "Told run parcel-1 of note, as ann; it is kept until the run waits for it\n"
    payment = Payment(Decimal("5.00"), "zed")
    assert resumed(waiting, "parcel-1") == Ok(f"{Ok(payment)} {Ok('careful')}")


def test_telling_gives_a_document(waiting: str) -> None:
    """Its shape is for programs."""
    told = call("signal", "first-1", "go", "7", "--store", waiting, "--json", *BY)
    assert told.document == {"run_id": "first-1", "name": "go", "replayed": False, "by": "ann", "awaited": True}
    told = call("resolve", "later@contract-1", "--reject", "--store", waiting, "--json", *BY)
    assert told.document == {"run_id": "contract-1", "name": "later", "replayed": False, "by": "ann", "awaited": False}


@pytest.mark.parametrize("text", ["yes", '"yes"'])
def test_where_a_text_is_wanted_quotation_marks_may_be_left_out(waiting: str, text: str) -> None:
    """By the schema that the run waits with."""
    told = call("resolve", PROMISE, text, *BY, "--store", waiting)
    assert told.out == f"Resolved promise {PROMISE}, as ann; the run goes on when it is resumed\n"
    assert resumed(waiting, "contract-1") == Ok("yes")


def test_a_value_can_come_from_stdin(waiting: str) -> None:
    """`-` reads all of it, without the last line's end."""
    assert call("resolve", PROMISE, "-", *BY, "--store", waiting, stdin="two\nlines\n").code == 0
    assert resumed(waiting, "contract-1") == Ok("two\nlines")


def test_a_negative_number_is_a_value(waiting: str) -> None:
    """It is no option."""
    assert call("signal", "first-1", "go", "-5", *BY, "--store", waiting).code == 0


@pytest.mark.parametrize(("words", "reason"), [((), None), (("not today",), "not today"), (("-5",), "-5")])
def test_a_promise_is_rejected(waiting: str, words: tuple[str, ...], reason: str | None) -> None:
    """The reason is a plain text, and may be left out."""
    told = call("resolve", PROMISE, "--reject", *words, *BY, "--store", waiting)
    assert told.out == f"Rejected promise {PROMISE}, as ann; the run goes on when it is resumed\n"
    assert resumed(waiting, "contract-1") == Err(PromiseRejected("contract-1", "signed by the customer", reason))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("signal", "first-1", "go", "1"), "run first-1 had been told the same of go before"),
        (("resolve", PROMISE, "yes"), f"promise {PROMISE} had been answered the same before"),
        (("resolve", PROMISE, "--reject"), f"promise {PROMISE} had been answered the same before"),
    ],
)
def test_telling_the_same_again_changes_nothing(waiting: str, words: tuple[str, ...], said: str) -> None:
    """It is no refusal: the run knows."""
    call(*words, *BY, "--store", waiting)
    again = call(*words, "--by", "bob", "--store", waiting)
    assert (again.code, again.out) == (0, f"Nothing changed: {said}\n")


def test_a_second_signal_of_a_name_needs_a_key(waiting: str) -> None:
    """The refusal says so; of a promise, where no key helps, it says that the first answer stays."""
    words = ("signal", "parcel-1", "note", "1", "--store", waiting, *BY)
    assert call(*words).code == 0
    refusal = call("signal", "parcel-1", "note", "2", "--store", waiting, *BY)
    assert refusal.code == ExitCode.CONFLICT
    assert refusal.err.startswith("awaitly: run parcel-1 was already told something else of 'note' by ann at ")
    assert refusal.err.endswith(": the first stays; give a second one a key of its own\n")
    assert call("signal", "parcel-1", "note", "2", "--key", "second", "--store", waiting, *BY).code == 0
    call("resolve", PROMISE, "yes", "--store", waiting, *BY)
    refusal = call("resolve", PROMISE, "no", "--store", waiting, *BY)
    assert refusal.err.startswith("awaitly: the promise 'signed by the customer' of run contract-1 was already")
    assert refusal.err.endswith(": the first stays\n")


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (("signal", "nope", "paid", "5"), ExitCode.UNKNOWN, "UnknownRun"),
        (("signal", "family-1.hasty", "paid", "5"), ExitCode.CONFLICT, "RunEnded"),
        (("signal", "parcel-1", "paid", "5"), ExitCode.REFUSED, "InvalidPayload"),
        (("signal", "parcel-1", "paid"), ExitCode.REFUSED, "InvalidPayload"),
        (("signal", "parcel-1", "other", "1e999"), ExitCode.REFUSED, "InvalidPayload"),
        (("resolve", PROMISE), ExitCode.REFUSED, "InvalidPayload"),
        (("resolve", "x@contract-1", "1e999"), ExitCode.REFUSED, "InvalidPayload"),
        (("resolve", "x@nope", "1"), ExitCode.UNKNOWN, "UnknownPromise"),
        (("resolve", "x@nope", "--reject"), ExitCode.UNKNOWN, "UnknownPromise"),
        (("resolve", "signed", "1"), ExitCode.UNKNOWN, "UnknownPromise"),
        (("resolve", "signed", "--reject"), ExitCode.UNKNOWN, "UnknownPromise"),
        (("signal", "parcel-1", "", "5"), ExitCode.USAGE, "UsageError"),
        (("signal", "parcel-1", "a\nb", "5"), ExitCode.USAGE, "UsageError"),
        (("signal", "parcel-1", "other", "5", "--key", "a\nb"), ExitCode.USAGE, "UsageError"),
        (("signal", "parcel-1", "other", "hello"), ExitCode.USAGE, "UsageError"),
        (("signal", "parcel-1", "paid", '{"amount":'), ExitCode.USAGE, "UsageError"),
        (("signal", "parcel-1"), ExitCode.USAGE, "UsageError"),
        (("signal", "parcel-1", "paid", "1", "2"), ExitCode.USAGE, "UsageError"),
        (("signal", "parcel-1", "\udcff"), ExitCode.USAGE, "UsageError"),
        (("resolve",), ExitCode.USAGE, "UsageError"),
        (("resolve", PROMISE, "a", "b"), ExitCode.USAGE, "UsageError"),
    ],
)
def test_each_refusal_has_its_code_one_line_and_a_document(
    waiting: str, words: tuple[str, ...], code: ExitCode, kind: str
) -> None:
    """People get a sentence on stderr, programs get a document on stdout, and the run is told nothing."""
    told = call("--store", waiting, *words, *BY)
    assert told.out == ""
    assert told.err.startswith("awaitly: ")
    assert told.err.count("\n") == 1
    document = call("--store", waiting, "--json", *words, *BY)
    assert (told.code, document.code) == (code, code)
    assert document.document["error"]["type"] == kind
    assert call("show", "parcel-1", "--store", waiting, "--json").document["messages"] == []


def test_a_refusal_names_run_and_promise(waiting: str) -> None:
    """Also where the value cannot be kept at all."""
    said = call("resolve", "x@contract-1", "1e999", *BY, "--store", waiting).err
    assert said.startswith("awaitly: what was sent to 'x' of run contract-1 was refused: ")


def test_hostile_words_are_shown_as_what_they_are(waiting: str) -> None:
    """Names, keys and people come from whoever calls."""
    words = ("--by", NASTY, "--store", waiting)
    for told in (
        call("signal", "first-1", "[red]go", "1", "--key", NASTY, *words),
        call("signal", "first-1", NASTY, "1", *words),
        call("signal", NASTY, "go", "1", *words),
        call("resolve", NASTY, "1", *words),
        call("resolve", f"{NASTY}@first-1", "1", *words),
        call("resolve", PROMISE, "--reject", NASTY, *words),
        call("resolve", PROMISE, "other", *words),
    ):
        assert is_safe(told.out + told.err)
        assert (told.out + told.err).count("\n") == 1
