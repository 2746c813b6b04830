from __future__ import annotations

import csv
import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from awaitly.cli.codes import ExitCode
from tests.cli.support import Answer, environment, is_safe, process
from tests.cli.terminal import PATIENCE, Terminal

ROWS, AT_ONCE, MALFORMED = 212, 195, 8
LARGE = ["1062", "1085", "1095", "1104", "1140", "1154", "1168", "1191", "1211"]
STORE = "sqlite:///awaitly-demo/refunds.db"


def payments(folder: Path) -> list[list[str]]:
    """Read what was paid back, each line with a key of its own."""
    with (folder / "awaitly-demo" / "payments.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    assert len({line[0] for line in lines}) == len({line[1] for line in lines}) == len(lines)
    return lines


def paid(folder: Path, order: str) -> list[Decimal]:
    """Give the amounts that were paid back for an order."""
    return [Decimal(line[3]) for line in payments(folder) if line[1] == f"A-{order}"]


def told(folder: Path) -> Any:
    """Start the demo as a program would, and give its document."""
    answer = process("demo", "--json", folder=folder)
    assert answer.code == 0
    return json.loads(answer.out)


def decide(folder: Path, *words: str) -> Answer:
    """Decide beside the demo."""
    answer = process(*words, "--by", "ann", "--store", STORE, folder=folder)
    assert answer.code == 0
    return answer


def test_without_a_terminal_it_parks_and_says_how_to_decide(tmp_path: Path) -> None:
    """Small refunds are paid, malformed rows are told, and each command that is printed can be run as it stands."""
    answer = process("demo", folder=tmp_path)
    assert (answer.code, answer.err) == (0, "")
    assert f"{AT_ONCE:>5}  paid back at once\n{MALFORMED:>5}  malformed\n{9:>5}  waiting for a person\n" in answer.out
    assert is_safe(answer.out)
    assert len(payments(tmp_path)) == AT_ONCE
    commands = [line.strip() for line in answer.out.splitlines() if line.startswith("  awaitly approve")]
    assert [shlex.split(command)[2] for command in commands] == [f"refund-A-{number}" for number in LARGE]
    printed = shlex.split(commands[0].replace("NAME", "ann"))[1:]
    assert process(*printed, folder=tmp_path).code == 0
    assert "found" in told(tmp_path)
    assert paid(tmp_path, "1062") == [Decimal("1195.00")]


def test_malformed_rows_are_told_with_their_reasons(parked: Path) -> None:
    """Each with its line in the file; none of them is paid."""
    document = told(parked)
    assert {item["line"]: item["problem"].partition(":")[0] for item in document["malformed"]} == {
        25: "amount",
        49: "amount",
        73: "currency",
        100: "amount",
        122: "row",
        143: "requested_on",
        168: "order_id",
        191: "amount",
    }
    assert document["counts"] == {
        "paid": AT_ONCE,
        "paid_after_decision": 0,
        "waiting": 9,
        "malformed": MALFORMED,
        "not_paid": 0,
    }


def test_a_second_start_goes_on_with_what_was_decided_meanwhile(parked: Path) -> None:
    """Approved, edited, rejected, cancelled; a third start changes nothing."""
    decide(parked, "approve", "refund-A-1062")
    decide(parked, "edit", "refund-A-1085", "100.50")
    decide(parked, "reject", "refund-A-1095", "--reason", "too late")
    decide(parked, "cancel", "refund-A-1104")
    decide(parked, "reject", "refund-A-1140")
    second = process("demo", folder=parked).out
    assert "Found from before: 203 runs over, 4 waiting, 4 decided or cut off since, going on now\n" in second
    assert "  refund-A-1062: paid back 1,195.00 EUR\n  refund-A-1085: paid back 100.50 EUR\n" in second
    assert "  refund-A-1095: rejected by ann: too late\n" in second
    assert len(payments(parked)) == AT_ONCE + 2
    assert (paid(parked, "1062"), paid(parked, "1085")) == ([Decimal("1195.00")], [Decimal("100.50")])
    assert paid(parked, "1095") == paid(parked, "1104") == paid(parked, "1140") == []
    third = told(parked)
    assert third["found"] == {"over": 207, "waiting": 4, "ready": 0}
    assert (third["counts"]["paid_after_decision"], third["counts"]["not_paid"]) == (2, 3)
    assert len(payments(parked)) == AT_ONCE + 2


def test_another_folder_may_have_any_name(tmp_path: Path) -> None:
    """The printed commands quote it."""
    name = "my demo's 100% #1?"
    answer = process("demo", "--no-input", "--dir", name, folder=tmp_path)
    command = next(line.strip() for line in answer.out.splitlines() if line.startswith("  awaitly approve"))
    assert process(*shlex.split(command.replace("NAME", "ann"))[1:], folder=tmp_path).code == 0
    assert (tmp_path / name / "payments.csv").is_file()
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """One line, no traceback."""
    (tmp_path / "file").touch()
    answer = process("demo", "--dir", "file/sub", folder=tmp_path)
    assert answer.code == 5
    assert answer.err.startswith("awaitly: the folder file/sub cannot be made")
    assert process("demo", "--dir", "file", folder=tmp_path).code == 2


KILLING = """
import os, signal, sys
from awaitly.cli import example, main
import awaitly.cli.demo as demo
import functools

left = int(sys.argv.pop(1))
late = sys.argv.pop(1) == "late"
load = demo.load_example

def loading(payments):
    loaded = load(payments)
    pay_back = loaded.bank.pay_back

    @functools.wraps(pay_back)
    def killing(*args):
        global left
        left -= 1
        if not left and not late:
            os.kill(os.getpid(), signal.SIGKILL)
        result = pay_back(*args)
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    loaded.bank.pay_back = killing
    return loaded

demo.load_example = loading
main()
"""


@pytest.mark.parametrize(("when", "payment", "left"), [("early", 40, 39), ("late", 150, 150)])
def test_killed_in_a_payment_it_goes_on_and_pays_nobody_twice(
    tmp_path: Path, when: str, payment: int, left: int
) -> None:
    """The process dies right before or right after the money has left, before the step is recorded."""
    command = [sys.executable, "-c", KILLING, str(payment), when, "demo", "--no-input"]
    killed = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(payments(tmp_path)) == left
    document = told(tmp_path)
    assert document["found"]["ready"] == 1
    assert document["counts"]["paid"] == AT_ONCE
    assert len(payments(tmp_path)) == AT_ONCE


WRONG_AMOUNTS = {
    "-5": "must be above 0",
    "0": "must be above 0",
    "3896.44": "must be at most 3896.43",
    "1e99": "must be at most 3896.43",
    "0.001": "must be a multiple of 0.01",
    "abc": "the text is not a decimal number such as 12.50",
    "nan": "the text is not a decimal number such as 12.50",
    "1,000": "the text is not a decimal number such as 12.50",
}
"""Of the second of the large refunds, in euros."""


def plain(shown: str) -> str:
    """Give what a terminal shows without its colours and line ends."""
    return re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("\n", " ")


@pytest.mark.parametrize(("amount", "why"), WRONG_AMOUNTS.items())
def test_an_edit_beside_the_demo_meets_the_same_bounds(parked: Path, amount: str, why: str) -> None:
    """The command line knows nothing of the example's code, and refuses as the desk does; the refund still waits."""
    answer = process("edit", "refund-A-1085", amount, "--by", "ann", "--store", STORE, folder=parked)
    assert answer.code == ExitCode.REFUSED
    assert answer.err.endswith(f": {why}\n")
    assert process("pending", "--run", "refund-A-1085", "--store", STORE, folder=parked).out.count("\n") == 2


def test_half_a_yen_is_no_amount(parked: Path) -> None:
    """Each currency has its unit."""
    answer = process("edit", "refund-A-1154", "0.5", "--by", "ann", "--store", STORE, folder=parked)
    assert answer.err.endswith(": must be a multiple of 1\n")


ASKS = r"\[q\]uit > "


def test_a_person_approves_edits_rejects_skips_and_stops(parked: Path) -> None:
    """Each run goes on at once; what is not understood, and Enter alone, decide nothing."""
    with Terminal("demo", folder=parked) as terminal:
        first = terminal.until(ASKS)
        assert "Refunds" in first
        assert "212/212" in first
        assert "1 of 9  refund-A-1062" in first
        terminal.type("\n")
        assert "Type one of a, e, r, s, q" in terminal.until(ASKS)
        terminal.type("yes\n")
        assert "Type one of a, e, r, s, q" in terminal.until(ASKS)
        terminal.type("a\n")
        assert "Approved, paid back 1,195.00 EUR." in terminal.until(ASKS)
        terminal.type("e\n")
        terminal.until("go back\\) > ")
        for wrong, why in WRONG_AMOUNTS.items():
            terminal.type(f"{wrong}\n")
            assert f"Not taken: {why}." in plain(terminal.until("go back\\) > "))
        terminal.type("\n")
        terminal.until(ASKS)
        terminal.type("e\n")
        terminal.until("go back\\) > ")
        terminal.type("100.50\n")
        assert "Edited, paid back 100.50 EUR." in terminal.until(ASKS)
        terminal.type("r\n")
        terminal.until("no reason\\) > ")
        terminal.type("too late\n")
        assert "Rejected by ann: too late." in terminal.until(ASKS)
        terminal.type("s\n")
        assert "5 of 9  refund-A-1140" in terminal.until(ASKS)
        terminal.type("q\n")
        assert "6 still waiting; nothing is lost, and `awaitly demo` asks again." in terminal.finish()
    assert len(payments(parked)) == AT_ONCE + 2
    assert (paid(parked, "1062"), paid(parked, "1085")) == ([Decimal("1195.00")], [Decimal("100.50")])


STOPPED = "awaitly: stopped; nothing is lost: `awaitly demo` goes on from here\n"


def test_ctrl_c_at_a_question_stops(parked: Path) -> None:
    """Also where it asks for a reason or an amount. It says how to go on, and the next start asks again."""
    for typed, asks in (("", ""), ("r\n", "no reason\\) > "), ("e\n", "go back\\) > ")):
        with Terminal("demo", folder=parked) as terminal:
            assert "1 of 9" in terminal.until(ASKS)
            terminal.type(typed)
            terminal.until(asks)
            terminal.type("\x03")
            assert terminal.finish(ExitCode.INTERRUPTED).endswith(f"\n{STOPPED}")


def test_the_end_of_the_input_at_a_question_stops(parked: Path) -> None:
    """As `q` does: nothing was interrupted."""
    with Terminal("demo", folder=parked) as terminal:
        assert "1 of 9" in terminal.until(ASKS)
        terminal.type("\x04")
        assert "9 still waiting; nothing is lost" in terminal.finish()


def test_ctrl_c_while_the_bar_moves_stops(tmp_path: Path) -> None:
    """The run that it was at is given back, so the next start goes on at once, and pays nobody twice."""
    with Terminal("demo", folder=tmp_path) as terminal:
        terminal.until(r"[1-9]\d*/212")
        terminal.type("\x03")
        assert terminal.finish(ExitCode.INTERRUPTED).endswith(STOPPED)
    assert told(tmp_path)["counts"]["paid"] == AT_ONCE
    assert len(payments(tmp_path)) == AT_ONCE


def test_killed_at_a_question_it_asks_again(parked: Path) -> None:
    """What was decided and paid before stays so."""
    with Terminal("demo", folder=parked) as terminal:
        terminal.until(ASKS)
        terminal.type("a\n")
        terminal.until("2 of 9  .*")
        terminal.process.kill()
        terminal.process.wait()
    with Terminal("demo", folder=parked) as terminal:
        again = terminal.until(ASKS)
        assert "Found from before: 203 runs over, 8 waiting" in again
        assert "1 of 8  refund-A-1085" in again
    assert len(payments(parked)) == AT_ONCE + 1


def test_killed_while_the_bar_moves_it_goes_on(tmp_path: Path) -> None:
    """Wherever that was."""
    with Terminal("demo", folder=tmp_path) as terminal:
        terminal.until(r"[1-9]\d*/212")
        terminal.process.kill()
        terminal.process.wait()
    assert told(tmp_path)["counts"]["paid"] == AT_ONCE
    assert len(payments(tmp_path)) == AT_ONCE


def test_somebody_else_may_be_quicker(parked: Path) -> None:
    """It says what came of it, and what is typed just then answers no other question."""
    with Terminal("demo", folder=parked) as terminal:
        terminal.until(ASKS)
        terminal.type("r\n")
        terminal.until("no reason\\) > ")
        terminal.type("half a sent")
        process("edit", "refund-A-1062", "7", "--by", "bob", "--store", STORE, folder=parked)
        assert "Decided elsewhere: paid back 7 EUR." in terminal.until("Enter goes on > ")
        terminal.type("a\n")
        assert "2 of 9  refund-A-1085" in terminal.until(ASKS)
        terminal.type("q\n")
        assert "8 still waiting" in terminal.finish()
    assert paid(parked, "1062") == [Decimal(7)]
    assert len(payments(parked)) == AT_ONCE + 1


def approve_all(address: str, run_id: str | None = None) -> None:
    """Approve what waits, or one of it, as the inbox shows it."""
    with httpx2.Client(base_url=address) as client:
        shown = client.get("/api/inbox").json()["items"]
        chosen = [each for each in shown if run_id in (None, each["run_id"])]
        items = [{name: each[name] for name in ("run_id", "key", "revision", "digest")} for each in chosen]
        answer = client.post("/api/approvals/approve", json={"items": items}, headers={"authorization": "Bearer none"})
        assert all(each["problem"] is None for each in answer.json()["results"])


PAGE = r"(http://127\.0\.0\.1:\d+)/runs/refund-A-1062/approvals/manager"


def test_each_question_has_its_page_where_it_can_be_decided(parked: Path) -> None:
    """The terminal says where, goes on once it is decided there, whatever was typed ahead, and leaves no server."""
    with Terminal("demo", folder=parked) as terminal:
        first = terminal.until(ASKS)
        assert "refund-A-1062 waits for you, and 8 more. Decide here, or at the page" in first
        found = re.search(PAGE, first)
        assert found is not None
        assert "Refund 1,195.00 EUR to Aiko Tanaka" in httpx2.get(found[0]).text
        approve_all(found[1], "refund-A-1062")
        assert "Decided elsewhere: paid back 1,195.00 EUR." in terminal.until("Enter goes on > ")
        approve_all(found[1], "refund-A-1095")
        terminal.type("\n")
        assert f"{found[1]}/runs/refund-A-1085/approvals/manager" in terminal.until(ASKS)
        terminal.type("s\na\na\n")
        assert "Decided elsewhere: paid back 5,844.11 EUR." in terminal.until("Enter goes on > ")
        terminal.type("\n")
        terminal.until(ASKS)
        terminal.type("q\n")
        assert "7 still waiting" in terminal.finish()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(found[1])


def test_on_the_web_alone_it_ends_once_nothing_waits(parked: Path) -> None:
    """Nothing is asked in the terminal, and all that was approved is paid."""
    with Terminal("demo", "--web", folder=parked) as terminal:
        shown = terminal.until("Ctrl-C stops it")
        found = re.search(PAGE, shown)
        assert found is not None
        approve_all(found[1])
        assert "Nothing waits any more." in terminal.finish()
    assert len(payments(parked)) == AT_ONCE + 9


@pytest.mark.parametrize(
    ("words", "settings", "opens"),
    [
        ((), {}, True),
        (("--web",), {}, True),
        (("--no-open",), {}, False),
        ((), {"CI": "true"}, False),
        ((), {"DISPLAY": ""}, False),
    ],
)
def test_a_browser_is_opened_for_whoever_sits_at_a_desktop(
    parked: Path, words: tuple[str, ...], settings: dict[str, str], opens: bool
) -> None:
    """At the one approval; never on a build server, without a display, or where it is not wanted."""
    told = parked / "told"
    os.mkfifo(told)
    heard = os.open(told, os.O_RDWR)
    script = parked / "browser"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> {shlex.quote(str(told))}\n')
    script.chmod(0o755)
    desktop = {"CI": "", "DISPLAY": ":0", "BROWSER": str(script)} | settings
    with Terminal("demo", *words, folder=parked, columns=80, **desktop) as terminal:
        found = re.search(PAGE, terminal.until("Ctrl-C stops it" if "--web" in words else ASKS))
        assert found is not None
        if opens:
            assert select.select([heard], [], [], PATIENCE)[0]
            assert os.read(heard, 1_000).decode() == f"{found[0]}\n"
        terminal.type("\x03")
        terminal.finish(ExitCode.INTERRUPTED)
    assert not select.select([heard], [], [], 0)[0]
    os.close(heard)


def test_without_what_serves_pages_it_asks_here_and_says_what_brings_them(parked: Path) -> None:
    """The demo needs no extra."""
    blocked = "import sys\nsys.modules['uvicorn'] = None\n"
    (parked / "sitecustomize.py").write_text(blocked)
    path = os.pathsep.join([str(parked), os.environ.get("PYTHONPATH", "")])
    with Terminal("demo", folder=parked, PYTHONPATH=path) as terminal:
        shown = terminal.until(ASKS)
        assert "pip install 'awaitly[serve]'" in shown
        assert "http://" not in shown
        terminal.type("q\n")
        terminal.finish()


def test_without_input_it_asks_nothing_even_in_a_terminal(parked: Path) -> None:
    """For scripts that have a terminal."""
    with Terminal("demo", "--no-input", folder=parked) as terminal:
        assert "To decide" in terminal.finish()
