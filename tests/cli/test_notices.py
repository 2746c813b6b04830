from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from awaitly import Delivery, Orchestrator, Undeliverable, open_store
from awaitly.cli.codes import ExitCode
from awaitly.testing import RecordingChannel, raising
from tests.cli.support import NASTY, call, environment, is_safe, process, purchase, wait_for

APP = """
from pathlib import Path
from awaitly import Delivery, NotApproved, Ok, Orchestrator, Result, Run, open_store, workflow

HERE = Path(__file__).parent

class Note:
    name = "pager"

    async def send(self, delivery: Delivery) -> str | None:
        (HERE / "told").write_text(f"{delivery.run_id} {delivery.kind.value}")
        return "page 1"

@workflow
async def asking(run: Run[NotApproved]) -> Result[int, NotApproved]:
    return Ok(await run.approval("manager", proposes=1))

orchestrator = Orchestrator(open_store(f"sqlite:///{HERE / 'runs.db'}"), workflows=[asking], channels=[Note()])
"""

START = """
import asyncio
import app
async def go():
    async with app.orchestrator as orchestrator:
        await orchestrator.start(app.asking(), run_id="r1")
asyncio.run(go())
"""


@pytest.fixture
def told(tmp_path: Path) -> str:
    """Give a store in which a run told of one question: the mail went out, the pager is dead, the board still waits."""
    url = f"sqlite:///{tmp_path / 'runs.db'}"

    async def filled() -> None:
        mail, pager, board = (RecordingChannel(name) for name in ("mail", "pager", "board"))
        pager.during = raising(Undeliverable(f"no such number {NASTY}"))
        async with Orchestrator(open_store(url), workflows=[purchase], channels=[mail, pager, board]) as orchestrator:
            await orchestrator.start(purchase(Decimal(5)), run_id="buy-1")
        async with Orchestrator(open_store(url), workflows=[purchase], channels=[mail, pager]) as orchestrator:
            await orchestrator.work(once=True)

    wait_for(filled())
    return url


class Halls(RecordingChannel):
    """Tells in two places, of which one is gone."""

    async def places_for(self, delivery: Delivery) -> Iterable[str]:
        """Name them."""
        return ["here", f"gone{NASTY}"]

    async def send(self, delivery: Delivery) -> str | None:
        """Tell it here."""
        if delivery.place != "here":
            raise Undeliverable("no such hall")
        return await super().send(delivery)


@pytest.fixture
def told_in_halls(tmp_path: Path) -> str:
    """Give a store in which a run told of one question in one place, and could not in another."""
    url = f"sqlite:///{tmp_path / 'halls.db'}"

    async def filled() -> None:
        async with Orchestrator(open_store(url), workflows=[purchase], channels=[Halls("hall")]) as orchestrator:
            await orchestrator.start(purchase(Decimal(5)), run_id="buy-1")
            await orchestrator.work(once=True)

    wait_for(filled())
    return url


def keys(document: Any, status: str) -> list[str]:
    """Give the keys of the notices that stand so."""
    return [each["key"] for each in document["items"] if each["status"] == status]


def test_notices_of_a_run_are_a_table(told: str) -> None:
    """What was sent when, what was given up and why, what is still to be sent."""
    answer = call("notices", "buy-1", "--store", told)
    assert answer.code == 0
    assert is_safe(answer.out)
    head, board, mail, pager = answer.out.splitlines()
    assert re.split(r"  +", head) == ["KEY", "WHAT", "OF", "WHEN", "STANDS"]
    assert re.fullmatch(r"\d{9} board  needed  manager  .* UTC  to be sent now", board)
    assert re.fullmatch(r"\d{9} mail   needed  manager  .* UTC  sent .* UTC", mail)
    assert "given up after 1 try: no such number" in pager


def test_notices_of_a_run_as_a_document(told: str) -> None:
    """All that is known of each, and the id under which it goes out."""
    document = call("notices", "buy-1", "--store", told, "--json").document
    assert document["more"] == 0
    assert [len(keys(document, status)) for status in ("sent", "dead", "waiting")] == [1, 1, 1]
    (sent,) = [each for each in document["items"] if each["status"] == "sent"]
    assert (sent["channel"], sent["kind"], sent["about"], sent["attempts"]) == ("mail", "needed", "manager", 1)
    assert sent["id"].startswith("msg_")
    assert sent["receipt"] == f"receipt of {sent['id']}"


def test_the_last_notices_come_first_to_mind(told: str) -> None:
    """With a limit the older ones are left out, and that is said."""
    answer = call("notices", "buy-1", "--limit", "1", "--store", told)
    assert len(answer.out.splitlines()) == 2
    assert answer.err == "These are the last of 3: awaitly notices ... --limit 3\n"


def test_dead_letters_are_listed_and_sent_again(told: str) -> None:
    """The command that does it stands below; a second time nothing changes."""
    answer = call("notices", "--dead", "--store", told)
    assert is_safe(answer.out)
    assert re.split(r"  +", answer.out.splitlines()[0]) == ["RUN", "KEY", "OF", "TRIES", "WHY"]
    (letter,) = call("notices", "--dead", "--channel", "pager", "--store", told, "--json").document["items"]
    assert answer.err == f"Send one again: awaitly resend buy-1 '{letter['key']}'\n"
    again = call("resend", "buy-1", letter["key"], "--store", told)
    assert again.out == "A worker that has the channel pager sends it again.\n"
    assert call("notices", "--dead", "--store", told).out == "Nothing was given up.\n"
    (mail,) = keys(call("notices", "buy-1", "--store", told, "--json").document, "sent")
    assert call("resend", "buy-1", mail, "--store", told).out == "It was not given up; nothing has changed.\n"


def test_each_place_has_a_line(told_in_halls: str) -> None:
    """With its name, among what is told and among what was given up; the one that is dead is sent again alone."""
    told = call("notices", "buy-1", "--store", told_in_halls)
    assert is_safe(told.out)
    head, here, gone = told.out.splitlines()
    assert re.split(r"  +", head) == ["KEY", "PLACE", "WHAT", "OF", "WHEN", "STANDS"]
    assert re.fullmatch(r"000000001 hall    here .* needed  manager  .* UTC  sent .* UTC", here)
    assert re.fullmatch(r"000000001\.1 hall  gone.* given up after 1 try: no such hall", gone)
    dead = call("notices", "--dead", "--store", told_in_halls)
    assert is_safe(dead.out)
    assert re.split(r"  +", dead.out.splitlines()[0]) == ["RUN", "KEY", "PLACE", "OF", "TRIES", "WHY"]
    (letter,) = call("notices", "--dead", "--store", told_in_halls, "--json").document["items"]
    assert (letter["place"], letter["key"]) == (f"gone{NASTY}", "000000001.1 hall")
    again = call("resend", "buy-1", letter["key"], "--store", told_in_halls, "--json").document
    assert (again["place"], again["id"], again["status"]) == (letter["place"], letter["id"], "waiting")
    assert keys(call("notices", "buy-1", "--store", told_in_halls, "--json").document, "waiting") == [letter["key"]]


def test_resend_as_a_document(told: str) -> None:
    """It has the id that it had, and waits."""
    (letter,) = call("notices", "--dead", "--store", told, "--json").document["items"]
    document = call("resend", "buy-1", letter["key"], "--store", told, "--json").document
    assert (document["id"], document["status"], document["attempts"]) == (letter["id"], "waiting", 0)


def test_dead_letters_are_of_a_run_or_a_channel(told: str) -> None:
    """And of no other."""
    assert call("notices", "other", "--dead", "--store", told).out == "Nothing was given up.\n"
    assert call("notices", "--dead", "--channel", "mail", "--store", told, "--json").document["items"] == []


@pytest.mark.parametrize("words", [[], ["buy-1", "--channel", "mail"], ["buy-1", "--after", "x"]])
def test_what_makes_no_sense_is_refused(told: str, words: list[str]) -> None:
    """With the sentence that says what to write."""
    answer = call("notices", *words, "--store", told)
    assert answer.code == ExitCode.USAGE
    assert "--dead" in answer.err


def test_what_is_unknown_is_told_from_what_is_silent(told: str, url: str) -> None:
    """A run without channels has no notices; one that is not there is unknown, and so is a notice."""
    assert call("notices", "buy-1", "--store", url).out == "Nobody was, or is to be, told anything.\n"
    unknown = call("notices", "nobody", "--store", told)
    assert unknown.code == ExitCode.UNKNOWN
    assert "no run 'nobody'" in unknown.err
    no_letter = call("resend", "buy-1", "000000001 nothing", "--store", told)
    assert no_letter.code == ExitCode.UNKNOWN
    assert "`awaitly notices --dead`" in no_letter.err


def test_the_worker_program_tells_by_the_channels_of_the_application(tmp_path: Path) -> None:
    """Of the orchestrator that it is given, without a word about them on the command line."""
    (tmp_path / "app.py").write_text(APP)
    subprocess.run([sys.executable, "-c", START], cwd=tmp_path, env=environment(), check=True)
    assert not (tmp_path / "told").exists()
    assert process("worker", "app:orchestrator", "--once", folder=tmp_path).code == 0
    assert (tmp_path / "told").read_text() == "r1 needed"
    document = call("notices", "r1", "--store", f"sqlite:///{tmp_path / 'runs.db'}", "--json").document
    assert [each["receipt"] for each in document["items"]] == ["page 1"]
