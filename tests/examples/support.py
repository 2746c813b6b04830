"""Starting examples as their users do: as programs, in a folder of the test's own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2

EXAMPLES = Path(__file__).parents[2] / "examples"


def environment(**more: str) -> dict[str, str]:
    """Give the environment of a program that finds the examples as if it ran in their folder."""
    path = os.pathsep.join([str(EXAMPLES), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, **more}


def run(folder: Path, *words: str, **more: str) -> str:
    """Run a module with its arguments to its end, and give what it prints."""
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=folder, env=environment(**more), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def worked(folder: Path, orchestrator: str, **more: str) -> None:
    """Let a worker, a process of its own, do all that is due."""
    run(folder, "awaitly", "worker", orchestrator, "--once", **more)


@contextmanager
def served(folder: Path, app: str, **more: str) -> Generator[str]:
    """Serve an application by uvicorn, a process of its own, and give its address.

    The socket listens before the process begins, so that a request waits until it is answered.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        command = [sys.executable, "-m", "uvicorn", app, "--fd", str(listening.fileno()), "--log-level", "warning"]
        server = subprocess.Popen(command, cwd=folder, env=environment(**more), pass_fds=[listening.fileno()])
    try:
        yield address
    finally:
        server.terminate()
        assert server.wait(30) in {0, -15}


@contextmanager
def browser(address: str) -> Generator[httpx2.Client]:
    """Give a client that keeps cookies, and says where its requests come from, as browsers do."""
    with httpx2.Client(base_url=address, headers={"origin": address}, trust_env=False, timeout=60) as client:
        yield client
