"""Lives of an agent: processes that are forked off one which has imported the framework and done nothing else.

Run as a program it reads orders from stdin, a line of JSON each, and has each carried out by a process of its own.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from attrs import asdict

from awaitly.testing.gate_contract.place import AgentDriver, Place, Turn

__all__ = ["Lives"]


class Lives:
    """Lets an agent live: each call of `live` is a process, which ends with it."""

    def __init__(self, driver: type[AgentDriver]) -> None:
        command = [
            sys.executable,
            "-W",
            "ignore::RuntimeWarning:runpy",
            "-m",
            __name__,
            driver.__module__,
            driver.__qualname__,
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._program = subprocess.Popen(  # noqa: S603  (this very module)
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def live(self, place: Place, saved: str | None = None) -> Turn | None:
        """Let the agent begin, or go on from a saved state; None where the process died of it."""
        order = json.dumps({"place": asdict(place), "saved": saved})
        stdin, stdout = self._program.stdin, self._program.stdout
        if stdin is None or stdout is None:
            raise BrokenPipeError
        stdin.write(order + "\n")
        stdin.flush()
        answer = json.loads(stdout.readline() or "{}")
        if "failure" in answer:
            raise AssertionError(answer["failure"])
        turn = answer.get("turn")
        return None if turn is None else Turn(turn["saved"], tuple(turn["told"]), turn["over"])

    def end(self) -> None:
        """End the program."""
        self._program.communicate()


def _carry_out(driver: AgentDriver, order: dict[str, Any]) -> dict[str, Any]:
    place, saved = Place(**order["place"]), order["saved"]
    try:
        turn = asyncio.run(driver.start(place) if saved is None else driver.resume(place, saved))
    except Exception:  # noqa: BLE001  (whoever ordered it gets to read it)
        return {"failure": traceback.format_exc()}
    return {"turn": asdict(turn)}


def _main(module: str, name: str) -> None:
    driver: AgentDriver = getattr(importlib.import_module(module), name)()
    for line in sys.stdin:
        order = json.loads(line)
        answer = Path(order["place"]["folder"], f"answer-{os.urandom(4).hex()}")
        child = os.fork()
        if child == 0:
            answer.write_text(json.dumps(_carry_out(driver, order)), "utf-8")
            os._exit(0)
        os.waitpid(child, 0)
        print(answer.read_text("utf-8") if answer.exists() else "{}", flush=True)  # noqa: T201


if __name__ == "__main__":
    _main(*sys.argv[1:])
