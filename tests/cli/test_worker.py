"""`awaitly worker` and `awaitly dev`, as processes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from awaitly.cli.stopping import stopping
from tests.cli.programs import app_in, awaitly, enqueue, enqueuing, left_of
from tests.cli.support import call, process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a program in it."""
    return app_in(tmp_path)


def runs(folder: Path) -> dict[str, str]:
    """Give the status of each run in the program's store."""
    listed = call("runs", "--store", f"sqlite:///{folder / 'runs.db'}", "--json").document["items"]
    return {run["run_id"]: run["status"] for run in listed}


def pid_in(line: str) -> int:
    """Read the number of a process out of a log line."""
    return int(line.split("pid=")[1])


def wait_for(path: Path, program: Callable[[], int | None]) -> None:
    """Wait until a file is there; fails where the program ends before."""
    while not path.exists():
        assert program() is None


def test_once_works_off_what_is_due(folder: Path) -> None:
    """And ends, with one line for each run on standard error, and nothing on standard output."""
    for name in ("a", "b"):
        enqueue(folder, name)
    done = process("worker", "app:orchestrator", "--once", folder=folder)
    assert (done.code, done.out) == (0, "")
    assert done.err.count("level=INFO logger=awaitly.worker event=executed run=") == 2
    assert set(runs(folder).values()) == {"completed"}


def test_unknown_workflows_are_named_in_the_document(folder: Path) -> None:
    """A function that makes the orchestrator does as well as an orchestrator."""
    enqueue(folder, "s", "strange")
    done = process("worker", "app:make", "--once", "--json", folder=folder)
    assert (done.code, done.document) == (0, {"unknown": ["strange"]})
    assert runs(folder) == {"s": "queued"}


def test_what_is_no_orchestrator_ends_it(folder: Path) -> None:
    """At once and with one sentence, also where it is to be supervised."""
    for more in ([], ["--supervise"]):
        refused = process("worker", "app:number", *more, folder=folder)
        assert (refused.code, refused.err.count("\n")) == (2, 1)
        assert "app:number gives int, and no Orchestrator" in refused.err


def test_options_that_exclude_each_other(folder: Path) -> None:
    """One cannot be supervised and work once."""
    assert call("worker", "app:orchestrator", "--once", "--supervise").code == 2
    assert call("worker", "app:orchestrator", "--concurrency", "0").code == 2


def test_a_store_that_cannot_be_opened(folder: Path) -> None:
    """It is told as with every other command."""
    (folder / "runs.db").write_text("no database at all, but long enough to look at" * 10)
    refused = process("worker", "app:orchestrator", "--once", folder=folder)
    assert refused.code == 5
    assert "Traceback" not in refused.err


HANGS_UP = pytest.mark.skipif(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN, reason="nohup: no terminal can close")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, pytest.param(signal.SIGHUP, marks=HANGS_UP)])
def test_a_signal_lets_what_executes_end(number: signal.Signals, folder: Path) -> None:
    """The step that is under way finishes, and then the process ends with code 0."""
    enqueue(folder, "a", free=False)
    with awaitly(folder, "worker", "app:orchestrator") as program:
        wait_for(folder / "a.began", program.process.poll)
        program.tell(number)
        program.until("event=stopping executing=1")
        (folder / "a.go").touch()
        assert program.ended() == 0
    assert runs(folder) == {"a": "completed"}


def test_after_the_grace_runs_are_given_back(folder: Path) -> None:
    """For any other worker to begin at once, without waiting for a lease to end."""
    enqueue(folder, "a", free=False)
    with awaitly(folder, "worker", "app:orchestrator", "--grace", "100ms") as program:
        wait_for(folder / "a.began", program.process.poll)
        program.tell(signal.SIGTERM)
        assert program.ended() == 0
    assert runs(folder) == {"a": "queued"}


def test_a_second_signal_stops_at_once(folder: Path) -> None:
    """What executes is given back, and the code says that it was interrupted."""
    enqueue(folder, "a", free=False)
    with awaitly(folder, "worker", "app:orchestrator") as program:
        wait_for(folder / "a.began", program.process.poll)
        program.tell(signal.SIGTERM)
        program.until("event=stopping")
        program.tell(signal.SIGINT)
        assert program.ended() == 130
    assert runs(folder) == {"a": "queued"}


STUCK = """
import threading
import app
from awaitly import Ok, Orchestrator, Result, Run, open_store, workflow

def stick(name: str) -> Result[str, str]:
    (app.HERE / f"{name}.began").touch()
    threading.Event().wait()
    return Ok(name)

@workflow(name="holding")
async def sticking(run: Run[str], name: str) -> Result[str, str]:
    return Ok(await run.step(stick, name))

orchestrator = Orchestrator(open_store(f"sqlite:///{app.HERE / 'runs.db'}"), workflows=[sticking], lease="300ms")
"""


def test_a_step_that_never_ends_does_not_keep_the_process(folder: Path) -> None:
    """It is left to the end of its lease, and the process ends well."""
    (folder / "stuck.py").write_text(STUCK)
    enqueue(folder, "a", free=False)
    with awaitly(folder, "worker", "stuck:orchestrator", "--grace", "100ms") as program:
        wait_for(folder / "a.began", program.process.poll)
        program.tell(signal.SIGTERM)
        program.until("event=left_behind runs=a")
        assert program.ended() == 0
    assert runs(folder) == {"a": "running"}


def test_a_supervised_worker_comes_when_it_is_needed_and_leaves(folder: Path) -> None:
    """The first enqueue starts it; once it is idle it ends; the next one brings another; killed, it is replaced."""
    enqueue(folder, "a")
    with awaitly(folder, "worker", "app:orchestrator", "--supervise", "--idle-exit", "300ms") as program:
        first = pid_in(program.until("event=worker_started"))
        program.until("event=executed run=a")
        program.until("event=worker_ended", "code=0")
        enqueue(folder, "b", free=False)
        second = pid_in(program.until("event=worker_started"))
        assert second != first
        wait_for(folder / "b.began", program.process.poll)
        os.kill(second, signal.SIGKILL)
        program.until("event=worker_ended", f"code=-{signal.SIGKILL.value}")
        enqueue(folder, "c")
        assert pid_in(program.until("event=worker_started")) != second
        program.until("event=executed run=c")
        program.tell(signal.SIGTERM)
        assert program.ended() == 0
    assert runs(folder) == {"a": "completed", "b": "running", "c": "completed"}
    assert not [line for line in program.lines if "Traceback" in line]


def test_a_supervisor_that_is_told_to_stop_stops_its_worker(folder: Path) -> None:
    """What executes has its grace there too."""
    enqueue(folder, "a", free=False)
    with awaitly(folder, "worker", "app:orchestrator", "--supervise") as program:
        wait_for(folder / "a.began", program.process.poll)
        program.tell(signal.SIGINT)
        program.until("event=stopping executing=1")
        (folder / "a.go").touch()
        program.until("event=worker_ended", "code=0")
        assert program.ended() == 0
    assert runs(folder) == {"a": "completed"}


def test_what_a_worker_cannot_do_does_not_bring_it_back(folder: Path) -> None:
    """A run of an unknown workflow is due for ever: a second worker comes in time, not at once."""
    enqueue(folder, "s", "strange")
    with awaitly(folder, "worker", "app:orchestrator", "--supervise", "--idle-exit", "1s") as program:
        program.until("event=unknown_workflow")
        with enqueuing(folder, "a") as now:  # is ready, so that the idle time of one second does not pass meanwhile
            program.until("event=worker_ended", "code=0")
            now()
        program.until("event=executed run=a")
        program.tell(signal.SIGTERM)
        assert program.ended() == 0
    assert sum("event=worker_started" in line for line in program.lines) == 2


async def test_what_nohup_started_outlives_its_terminal() -> None:
    """Who said that SIGHUP is to be ignored is heeded."""
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping(lambda at_once: pytest.fail(f"it was told to stop: {at_once}")):
            signal.raise_signal(signal.SIGHUP)
            await asyncio.sleep(0)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, usual)


@HANGS_UP
def test_a_closed_terminal_leaves_no_worker_behind(folder: Path) -> None:
    """The parent hands it on, and ends once its child has; that it is told twice makes no order of it."""
    with awaitly(folder, "dev", "app:orchestrator", "--no-inbox") as program:
        program.until("event=started")
        program.tell(signal.SIGHUP)
        program.tell(signal.SIGHUP)
        program.until("event=worker_ended", "code=0")
        assert program.ended() == 0


def test_a_change_of_the_code_starts_the_worker_anew(folder: Path) -> None:
    """Also where the code could not be imported in between; nothing else has to be done."""
    good = (folder / "app.py").read_text()
    with awaitly(folder, "dev", "app:orchestrator") as program:
        program.until("event=started")
        (folder / "app.py").write_text("def")
        program.until("event=changed file=")
        program.until("event=worker_ended", "code=0")
        program.until("event=worker_ended", "code=2")
        (folder / "app.py").write_text(good.replace("VERSION", "changed"))
        program.until("event=changed")
        program.until("event=started")
        enqueue(folder, "a")
        program.until("event=executed run=a")
        program.tell(signal.SIGINT)
        assert program.ended() == 0
    shown = call("show", "a", "--store", f"sqlite:///{folder / 'runs.db'}", "--json").document
    assert shown["result"] == {"ok": "a changed"}


def test_nothing_is_left_of_a_test_that_fails(folder: Path) -> None:
    """The worker of `awaitly dev` ends with its parent, although it is in a group of its own."""
    with pytest.raises(RuntimeError, match="in the midst"), awaitly(folder, "dev", "app:orchestrator") as program:  # noqa: PT012  (it fails in the midst)
        program.until("event=started")
        assert len(left_of(program.process.pid)) == 2
        raise RuntimeError("in the midst")
    assert left_of(program.process.pid) == []
