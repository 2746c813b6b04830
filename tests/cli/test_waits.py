"""How `show`, `runs` and `cancel` speak of what is no approval: times, signals, promises, other runs, next attempts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from awaitly import Actor, History, Message, Orchestrator, Priority, RunStatus, Wait, WaitKind, open_store
from awaitly.cli.waits import in_list
from awaitly.digest import digest
from awaitly.errors import UnexpectedError
from awaitly.storage.journal import Arrived, Elapsed, Failed, Raised, Returned, RunRecord, Step
from awaitly.storage.records import message_key
from tests.cli.drawing import drawn
from tests.cli.support import NASTY, NASTY_SHOWN, call, is_safe, wait_for
from tests.cli.waiting import WORKFLOWS

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
NOW = START + timedelta(days=2)
LATER = NOW + timedelta(days=3)
RUN = RunRecord("ship-7", "ship", "1", "{}", "", START, START, RunStatus.PARKED)
ANN = Actor("ann")
ONE = Returned("1")


def wait(kind: WaitKind, key: str, name: str = "", until: datetime | None = None, attempts: int = 0) -> Wait:
    """Give a wait since the run's start."""
    return Wait(key, "0", kind, START, name, until, "", attempts)


WAITS = (
    wait(WaitKind.TIMER, "sleep", until=LATER),
    wait(WaitKind.SIGNAL, "paid", "paid", until=LATER),
    wait(WaitKind.PROMISE, "signed", "signed"),
    wait(WaitKind.CHILD, "pack", "ship-7.pack"),
    wait(WaitKind.RETRY, "bank", until=LATER, attempts=2),
)
SPOKEN = [
    "sleep (in 3 d)",
    "signal paid (gives up in 3 d)",
    "promise signed@ship-7",
    "run ship-7.pack",
    "attempt 3 of bank (in 3 d)",
]


def message(kind: WaitKind, name: str, *, content: Any = ONE, unread: bool = True) -> Message:
    """Give a message that Ann sent after a day."""
    sent = START + timedelta(days=1)
    return Message("ship-7", message_key(kind, name, ""), "ship", kind, name, content, sent, ANN, unread=unread)


def history(run: RunRecord, *steps: Step, messages: tuple[Message, ...] = ()) -> History:
    """Give a history without approvals."""
    return History(run, steps, (), (), messages=messages)


def last_line(told: History, monkeypatch: pytest.MonkeyPatch) -> str:
    """Draw a run and give what is said at the end."""
    return drawn(told, NOW, 300, monkeypatch).rstrip("\n").rsplit("\n", 1)[-1].strip()


@pytest.mark.parametrize(("one", "said"), list(zip(WAITS, SPOKEN, strict=True)))
def test_a_parked_run_says_what_it_waits_for(one: Wait, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of its timeline, and in the list of runs; nobody is told that it was decided."""
    run = evolve(RUN, awaiting=(one,))
    assert last_line(history(run), monkeypatch) == f"parked: waits for {said}"
    assert in_list(run, NOW) == said


def test_all_that_a_run_waits_for_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other."""
    run = evolve(RUN, awaiting=WAITS)
    assert last_line(history(run), monkeypatch) == f"parked: waits for {', '.join(SPOKEN)}"


AT_80 = """\
Run ship-7 of ship
Since 2026-11-02 09:00:00 UTC, for 2 d so far
Part of run order-1

  09:00:00  sleep   ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  waits 2 d
            until 2026-11-07 09:00:00 UTC
  09:00:00  paid    ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  waits 2 d
            signal paid, gives up at 2026-11-07 09:00:00 UTC
  09:00:00  signed  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  waits 2 d
            promise signed@ship-7
  09:00:00  pack    ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  waits 2 d
            run ship-7.pack (needs review)
  09:00:00  bank    ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  waits 2 d
            attempt 3 at 2026-11-07 09:00:00 UTC

  parked: waits for sleep (in 3 d), signal paid (gives up in 3 d), promise
  signed@ship-7, run ship-7.pack (needs review), attempt 3 of bank (in 3 d)
"""


def test_waits_are_drawn_as_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the moment at which they are over, and where another run stands."""
    run = evolve(RUN, awaiting=WAITS, parent="order-1")
    children = {"ship-7.pack": RunStatus.NEEDS_REVIEW}
    assert drawn(history(run), NOW, 80, monkeypatch, children=children) == AT_80


@pytest.mark.parametrize("columns", [20, 25, 33, 50, 79, 100, 300])
def test_no_line_is_longer_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the names are."""
    long = tuple(evolve(each, key=f"{each.key}{'x' * 90}", name=each.name and each.name + "y" * 90) for each in WAITS)
    told = history(evolve(RUN, awaiting=long), messages=(message(WaitKind.SIGNAL, "z" * 150),))
    out = drawn(told, NOW, columns, monkeypatch)
    assert max(map(len, out.splitlines())) <= columns


def waited(key: str, recorded: Arrived | Elapsed, kind: WaitKind, name: str = "") -> Step:
    """Give a wait of a day that is over."""
    return Step(key, "0", digest(kind.value, name), recorded, START, START + timedelta(days=1))


@pytest.mark.parametrize(
    ("kind", "name", "content", "said"),
    [
        (WaitKind.SIGNAL, "paid", Returned('"secret"'), "signal paid by ann, THEN"),
        (WaitKind.PROMISE, "signed", Returned('"secret"'), "promise signed@ship-7 kept by ann, THEN"),
        (WaitKind.PROMISE, "signed", Failed('"ill"'), "promise signed@ship-7 rejected by ann, THEN: ill"),
        (WaitKind.PROMISE, "signed", Failed("null"), "promise signed@ship-7 rejected by ann, THEN"),
        (WaitKind.CHILD, "other", Returned('"secret"'), "run other completed by ann, THEN"),
        (WaitKind.CHILD, "other", Failed('"no stock"'), "run other failed by ann, THEN: no stock"),
        (
            WaitKind.CHILD,
            "other",
            Raised(UnexpectedError("KeyError", "x", "load")),
            "run other failed by ann, THEN: KeyError in step 'load': x",
        ),
    ],
)
def test_what_came_says_by_whom_and_when(
    kind: WaitKind, name: str, content: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the wait that it ended, and below a line of its own where nothing has taken it up."""
    sent = message(kind, name, content=content, unread=False)
    said = said.replace("THEN", "2026-11-03 09:00:00 UTC")
    step = waited("a wait", Arrived(sent.key, content), kind, name)
    taken = drawn(history(evolve(RUN, awaiting=WAITS[:1]), step, messages=(sent,)), NOW, 120, monkeypatch)
    assert re.search(rf"09:00:00  a wait +░+ +waited 1 d\n +{re.escape(said)}\n", taken)
    assert taken.count(said) == 1
    kept = drawn(history(evolve(RUN, awaiting=WAITS[:1]), messages=(sent,)), NOW, 120, monkeypatch)
    assert re.search(rf"09:00:00  {name} +█ +not used yet\n +{re.escape(said)}\n", kept)
    assert "secret" not in taken + kept


def test_a_wait_that_came_to_nothing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time that was let pass is another thing than something that did not come."""
    at = START + timedelta(days=1)
    steps = waited("sleep", Elapsed(at), WaitKind.TIMER), waited("paid", Elapsed(at), WaitKind.SIGNAL, "paid")
    lines = drawn(history(evolve(RUN, awaiting=WAITS[:1]), *steps), NOW, 120, monkeypatch).splitlines()
    assert [line.strip() for line in lines if line.endswith("2026-11-03 09:00:00 UTC")] == [
        "until 2026-11-03 09:00:00 UTC",
        "nothing came until 2026-11-03 09:00:00 UTC",
    ]


@pytest.mark.parametrize(
    ("status", "unread", "note"),
    [
        (RunStatus.PARKED, True, "not read yet"),
        (RunStatus.PARKED, False, "not used yet"),
        (RunStatus.CANCELLED, True, "never read"),
    ],
)
def test_a_message_says_whether_it_was_read(
    status: RunStatus, unread: bool, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is over reads nothing any more."""
    run = evolve(RUN, status=status, awaiting=WAITS[:1], updated_at=NOW)
    told = history(run, messages=(message(WaitKind.SIGNAL, "paid", unread=unread),))
    assert note in drawn(told, NOW, 80, monkeypatch)


def test_what_has_come_says_that_the_run_can_be_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone, or beside what the run still waits for."""
    sent = (message(WaitKind.SIGNAL, "paid"),)
    alone = history(evolve(RUN, awaiting=(WAITS[1],)), messages=sent)
    assert last_line(alone, monkeypatch) == "parked: what it waits for has come; it goes on when it is resumed"
    both = history(evolve(RUN, awaiting=WAITS[:2]), messages=sent)
    assert last_line(both, monkeypatch) == "parked: waits for sleep (in 3 d); it can be resumed: paid has come"


def test_what_was_read_and_left_aside_has_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run still waits for something that fits."""
    told = history(evolve(RUN, awaiting=(WAITS[1],)), messages=(message(WaitKind.SIGNAL, "paid", unread=False),))
    assert last_line(told, monkeypatch) == "parked: waits for signal paid (gives up in 3 d)"


def test_a_wait_that_is_over_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a run executes, its record may still have a wait of which the end is recorded."""
    run = evolve(RUN, status=RunStatus.RUNNING, awaiting=WAITS[:1])
    out = drawn(history(run, waited("sleep", Elapsed(NOW), WaitKind.TIMER)), NOW, 80, monkeypatch)
    assert out.count(" sleep ") == 1


def test_a_time_that_is_up_says_that_the_run_can_be_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone, or beside what the run still waits for."""
    past = evolve(WAITS[0], until=NOW)
    alone = evolve(RUN, awaiting=(past,))
    assert last_line(history(alone), monkeypatch) == "parked: the time is up; it goes on when it is resumed"
    assert in_list(alone, NOW) == "sleep (now)"
    both = history(evolve(RUN, awaiting=(past, WAITS[2])))
    said = "parked: waits for promise signed@ship-7; it can be resumed: the time of sleep is up"
    assert last_line(both, monkeypatch) == said


QUEUED = evolve(RUN, status=RunStatus.QUEUED, begun=False)


@pytest.mark.parametrize(
    ("run", "said", "listed"),
    [
        (
            evolve(QUEUED, due_at=LATER, queue="mail", priority=Priority.HIGH),
            "begins in 3 d, 2026-11-07 09:00:00 UTC; queue mail, priority high",
            "its time (in 3 d)",
        ),
        (
            evolve(QUEUED, due_at=START, queue="mail"),
            "begins as soon as a worker is free, or it is resumed; queue mail, priority normal",
            "a worker of mail",
        ),
        (
            evolve(QUEUED, due_at=START, begun=True),
            "goes on as soon as a worker is free, or it is resumed; queue default, priority normal",
            "a worker",
        ),
        (
            evolve(QUEUED, due_at=LATER, begun=True, attempts=2, reason="no answer"),
            "attempt 2 in 3 d, 2026-11-07 09:00:00 UTC; queue default, priority normal; attempt 1 failed: no answer",
            "attempt 2 (in 3 d)",
        ),
    ],
)
def test_a_queued_run_says_when_it_begins(
    run: RunRecord, said: str, listed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And in which queue, with which priority."""
    assert last_line(history(run), monkeypatch) == f"queued: {said}"
    assert in_list(run, NOW) == listed


def test_a_run_that_is_over_waits_for_nothing() -> None:
    """Whatever its record still names."""
    assert in_list(evolve(RUN, status=RunStatus.CANCELLED, awaiting=WAITS), NOW) == ""


def rows(out: str) -> dict[str, str]:
    """Give what each listed run waits for."""
    table = [re.split(r"  +", re.sub(r"in \d[^)]*", "in SOME TIME", line)) for line in out.splitlines()[1:]]
    return {cells[0]: (cells[4:] or [""])[0] for cells in table}


def test_runs_say_what_each_waits_for(waiting: str) -> None:
    """One line each when it goes to a file."""
    listed = rows(call("runs", "--store", waiting).out)
    assert listed["parcel-1"] == "signal paid (gives up in SOME TIME)"
    assert listed["contract-1"] == "promise signed%20by%20the%20customer@contract-1"
    assert listed["nap-1"] == "sleep (in SOME TIME)"
    assert listed["first-1"] == "manager, signal go, sleep (in SOME TIME)"
    assert listed["family-1"] == "run family-1.nap, run own-id"
    assert listed["stubborn-1"] == "attempt 2 of call_bank (in SOME TIME)"
    assert listed["later-1"] == "its time (in SOME TIME)"
    assert listed["soon-1"] == "a worker"
    assert listed["family-1.hasty"] == ""
    assert set(rows(call("runs", "--status", "queued", "--store", waiting).out)) == {"later-1", "soon-1"}


def test_runs_as_a_document(waiting: str) -> None:
    """All that a program may want to know of a wait."""
    items = {item["run_id"]: item for item in call("runs", "--store", waiting, "--json").document["items"]}
    (awaited,) = items["contract-1"]["awaiting"]
    assert awaited.pop("since")
    assert awaited == {
        "key": "signed by the customer",
        "kind": "promise",
        "name": "signed by the customer",
        "promise_id": "signed%20by%20the%20customer@contract-1",
        "until": None,
        "attempts": None,
    }
    (retry,) = items["stubborn-1"]["awaiting"]
    assert (retry["kind"], retry["key"], retry["attempts"], retry["name"]) == ("retry", "call_bank", 1, None)
    assert items["stubborn-1"]["due_at"] == retry["until"]
    later = items["later-1"]
    assert (later["queue"], later["priority"], later["due_at"]) == ("night shift", "low", "2999-01-01T00:00:00+00:00")
    assert items["family-1.nap"]["parent"] == "family-1"
    call("cancel", "nap-1", "--by", "ann", "--store", waiting)
    assert call("runs", "--prefix", "nap", "--store", waiting, "--json").document["items"][0]["awaiting"] == []


def test_show_names_parent_and_children(waiting: str) -> None:
    """And where the children stand, which are runs of their own."""
    assert "\nPart of run family-1\n" in call("show", "own-id", "--store", waiting).out
    out = call("show", "family-1", "--store", waiting, COLUMNS="200").out
    assert "run family-1.hasty failed, 20" in out
    assert out.endswith("  parked: waits for run family-1.nap (parked), run own-id (parked)\n")
    document = call("show", "family-1", "--store", waiting, "--json").document
    assert document["children"] == [
        {"run_id": "family-1.hasty", "status": "failed"},
        {"run_id": "family-1.nap", "status": "parked"},
        {"run_id": "own-id", "status": "parked"},
    ]


def test_a_child_that_was_deleted_is_not_in_the_store(waiting: str) -> None:
    """It is said so."""

    async def forget() -> None:
        async with Orchestrator(open_store(waiting)) as orchestrator:
            await orchestrator.cleanup(older_than=timedelta(microseconds=1))

    wait_for(forget())
    children = call("show", "family-1", "--store", waiting, "--json").document["children"]
    assert children[0] == {"run_id": "family-1.hasty", "status": None}


def test_show_gives_messages_to_programs(waiting: str) -> None:
    """Whether the run looked at each, and which wait took it; not what was in it."""
    call("signal", "first-1", "go", "7", "--by", "ann", "--store", waiting)
    (sent,) = call("show", "first-1", "--store", waiting, "--json").document["messages"]
    assert sent.pop("sent_at")
    expected = {"kind": "signal", "name": "go", "by": "ann", "unread": True, "outcome": "ok", "error": None}
    assert sent == {**expected, "taken_by": None}

    async def resume() -> None:
        async with Orchestrator(open_store(waiting), workflows=WORKFLOWS) as orchestrator:
            await orchestrator.resume("first-1")

    wait_for(resume())
    document = call("show", "first-1", "--store", waiting, "--json").document
    assert document["messages"][0]["taken_by"] == "go"
    assert document["messages"][0]["unread"] is False
    assert [(step["key"], step["waited"]) for step in document["steps"]] == [("go", True), ("race", False)]


def test_cancel_says_how_many_children_went_with_it(waiting: str) -> None:
    """Those that it still waited for; one that had ended, or was cancelled before, is none."""
    document = call("cancel", "family-1", "--by", "ann", "--store", waiting, "--json").document
    assert document["children"] == ["family-1.nap", "own-id"]
    again = call("cancel", "family-1", "--by", "ann", "--store", waiting)
    assert again.out == "Cancelled run family-1 and the 2 runs that it waited for, as ann\n"
    assert "run own-id (cancelled)" in call("show", "family-1", "--store", waiting).out


def test_a_child_that_was_cancelled_before_does_not_count(waiting: str) -> None:
    """It went by itself."""
    call("cancel", "own-id", "--by", "ann", "--store", waiting)
    out = call("cancel", "family-1", "--by", "ann", "--store", waiting).out
    assert out == "Cancelled run family-1 and the run that it waited for, as ann\n"


@pytest.mark.parametrize("columns", ["30", "60", "80", "200"])
def test_no_text_can_act_on_the_terminal(waiting: str, columns: str) -> None:
    """Whoever tells a run something, and whatever a child failed with."""
    call("signal", "first-1", "go", "7", "--by", NASTY, "--store", waiting)
    call("resolve", "[red]x@first-1", "--reject", NASTY, "--by", NASTY, "--store", waiting)
    shown = NASTY_SHOWN.replace(" ", "")
    for run_id, times in (("first-1", 3), ("family-1", 1)):
        out = call("show", run_id, "--store", waiting, COLUMNS=columns).out
        assert is_safe(out)
        assert re.sub(r"\s+", "", out).count(shown) == times
    assert is_safe(call("show", "first-1", "--store", waiting, "--json").out)
