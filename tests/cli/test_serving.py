"""`awaitly serve`: the inbox on this machine, for one person."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from awaitly import Actor, MemoryStore, Orchestrator
from awaitly.cli.serving import inbox_beside
from tests.cli.support import call

APP = """
from awaitly import MemoryStore, Orchestrator

orchestrator = Orchestrator(MemoryStore())
"""


@contextmanager
def served(folder: Path) -> Generator[str]:
    """Serve on a free port, and give the address."""
    (folder / "app.py").write_text(APP)
    words = [sys.executable, "-m", "awaitly", "serve", "app:orchestrator", "--as", "ann", "--port", "0", "--json"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = ""
        while not told.rstrip().endswith("}"):
            part = process.stdout.readline()
            assert part, "it ended before it said where it is"
            told += part
        yield json.loads(told)["address"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def status(address: str, host: str | None = None) -> tuple[int, str]:
    """Ask for a page."""
    answer = httpx2.get(address, headers={} if host is None else {"host": host})
    return answer.status_code, answer.text


def test_the_inbox_is_served_to_one_person_on_this_machine(tmp_path: Path) -> None:
    """Whoever opens it is that person; under another host's name, which any site could have lead here, nobody is."""
    with served(tmp_path) as address:
        code, page = status(address)
        assert code == 200
        assert "Nothing waits for you" in page
        assert "ann" in page
        assert status(address, "evil.example")[0] == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.10", "example.com"])  # noqa: S104  (it is refused)
def test_it_is_refused_where_others_could_reach_it(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody signs in there, so that it is for this machine alone."""
    (tmp_path / "app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    refused = call("serve", "app:orchestrator", "--as", "ann", "--host", host)
    assert refused.code == 2
    assert "authenticate=" in refused.err


def test_a_port_that_is_taken_is_told_with_the_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the inbox open already sees what to add."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        answer = call("serve", "app:orchestrator", "--as", "ann", "--port", str(port))
    assert answer.code == 2
    assert answer.err.startswith(f"awaitly: port {port} of 127.0.0.1 cannot be had; name another by --port: ")


async def test_a_worker_goes_on_where_the_port_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    """Its log says that there is no inbox, and what to add."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with Orchestrator(MemoryStore()) as orchestrator, inbox_beside(orchestrator, Actor("ann"), port):
            assert (await orchestrator.pending()).items == ()
    assert "event=no_inbox" in caplog.text
    assert 'hint="name another by --port"' in caplog.text


def test_it_is_refused_without_a_person() -> None:
    """There is no default: whoever serves says who decides."""
    refused = call("serve", "app:orchestrator")
    assert refused.code == 2
    assert "--as NAME" in refused.err
