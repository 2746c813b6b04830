"""`away`, `back` and `absences`: who stands in for whom."""

from __future__ import annotations

import re

import pytest

from awaitly.cli.codes import ExitCode
from tests.cli.support import call, without_times


def test_whoever_stands_in_decides(handled: str) -> None:
    """By the name and the roles of the one who is away, until that one is back."""
    answer = call("away", "fin", "--to", "cid", "--until", "5d", "--role", "finance", "--store", handled)
    assert without_times(answer.out) == "cid stands in for fin from THEN until THEN\n"
    decided = call("approve", "spend-1", "purchase.finance", "--by", "cid", "--store", handled)
    assert decided.out.startswith("Approved purchase.finance of run spend-1, as cid for fin;")
    assert call("back", "fin", "--store", handled).out == "fin is back: cid no longer stands in\n"
    assert call("back", "fin", "--store", handled).out == "Nothing changed: fin was not away\n"
    assert call("approve", "inv-1", "--by", "cid", "--store", handled).code == ExitCode.REFUSED


def test_absences_are_listed(handled: str) -> None:
    """With when they begin and end; `--to` leaves those for whom somebody stands in."""
    assert call("absences", "--store", handled).out == "Nobody is away.\n"
    call("away", "ann", "--to", "cid", "--until", "3d", "--role", "ops", "--store", handled)
    call("away", "bob", "--to", "dan", "--since", "2999-01-01", "--until", "2999-02-01", "--store", handled)
    lines = [re.split(r"  +", line) for line in call("absences", "--store", handled).out.splitlines()]
    assert [line[:2] for line in lines] == [["OWNER", "STANDS IN"], ["ann", "cid"], ["bob", "dan"]]
    assert (lines[1][2][:4], lines[2][2][:3], lines[1][4]) == ("for ", "in ", "ops")
    document = call("absences", "--to", "dan", "--store", handled, "--json").document
    assert document["items"] == [
        {
            "owner": "bob",
            "roles": [],
            "to": "dan",
            "since": "2999-01-01T00:00:00+00:00",
            "until": "2999-02-01T00:00:00+00:00",
        }
    ]


def test_an_absence_is_no_run(handled: str) -> None:
    """Neither runs nor ledgers have more for it."""
    before = call("runs", "--store", handled).out, call("audit", "head", "--all", "--store", handled).out
    call("away", "ann", "--to", "cid", "--until", "3d", "--store", handled)
    assert (call("runs", "--store", handled).out, call("audit", "head", "--all", "--store", handled).out) == before


def test_somebody_else_says_so_as_an_admin(handled: str) -> None:
    """Whoever is named by `--by`, or AWAITLY_ACTOR."""
    words = ("away", "ann", "--to", "cid", "--until", "3d", "--store", handled)
    refused = call(*words, AWAITLY_ACTOR="bob")
    assert refused.code == ExitCode.REFUSED
    why = "bob may not say this of ann: it takes ann, or the role 'admin'"
    assert refused.err == f"awaitly: the absence of ann, to cid, was not noted: {why}\n"
    assert call(*words, "--by", "bob", "--admin").code == ExitCode.OK
    assert call("back", "ann", "--by", "bob", "--store", handled).code == ExitCode.REFUSED
    assert (
        call("back", "ann", "--by", "bob", "--admin", "--store", handled, "--json").document["items"][0]["to"] == "cid"
    )


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (("away", "ann", "--to", "ann", "--until", "3d"), ExitCode.REFUSED, "AbsenceRefused"),
        (("away", "ann", "--to", "cid", "--until", "2001-01-01"), ExitCode.REFUSED, "AbsenceRefused"),
        (("away", "ann", "--to", "cid", "--until", "soon"), ExitCode.USAGE, "UsageError"),
        (("away", "ann", "--to", "cid", "--until", "2999-01-01T10:00"), ExitCode.USAGE, "UsageError"),
        (("away", "ann", "--to", "cid", "--since", "5d", "--until", "6d"), ExitCode.USAGE, "UsageError"),
        (("away", "ann", "--to", "cid"), ExitCode.USAGE, "UsageError"),
        (("away", " ", "--to", "cid", "--until", "3d"), ExitCode.USAGE, "UsageError"),
    ],
)
def test_what_cannot_be_is_refused(handled: str, words: tuple[str, ...], code: ExitCode, kind: str) -> None:
    """In one line, and as a document."""
    assert call(*words, "--store", handled).err.count("\n") == 1
    document = call(*words, "--store", handled, "--json")
    assert (document.code, document.document["error"]["type"]) == (code, kind)
    assert call("absences", "--store", handled).out == "Nobody is away.\n"
