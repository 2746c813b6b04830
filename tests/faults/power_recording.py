"""Recording what a child process does to the files of a folder: by a small library in C that is loaded into it."""

from __future__ import annotations

import ctypes
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from enum import IntEnum, unique
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.services.having import get
from tests.services.offers import Missing
from tests.services.tools import COMPILER, look_for_tool

__all__ = ["Kind", "Record", "Recorder", "compiled", "mark", "why_not"]

SOURCE = Path(__file__).with_name("power_recorder.c")
_HEAD = struct.Struct("=QQQQ")
_LONGEST = 120


@unique
class Kind(IntEnum):
    """What is recorded, with the numbers that the library gives it."""

    BEGUN = 0
    OPENED = 1
    CREATED = 2
    WRITTEN = 3
    CUT = 4
    SYNCED = 5
    UNLINKED = 6
    MARKED = 7


@frozen
class Record:
    """One thing that was done. `handle` is that of an open file; `place` is where bytes went, or a new length."""

    kind: Kind
    handle: int
    place: int
    data: bytes

    @property
    def text(self) -> str:
        """The name of a file, or what was marked."""
        return self.data.decode()

    @property
    def marked(self) -> Any:
        """What `mark` was given, or None."""
        return json.loads(self.data) if self.kind is Kind.MARKED else None


def mark(what: Mapping[str, Any]) -> None:
    """Put a mark into the records of this process, after all that it has done."""
    text = json.dumps(what).encode()
    ctypes.CDLL(None).power_mark(ctypes.c_char_p(text), ctypes.c_size_t(len(text)))


@frozen
class Recorder:
    """Runs programs with the library at `library`, which append to the records of one `folder` at `log`."""

    library: Path
    folder: Path
    log: Path

    def run(self, program: Path, *words: str) -> None:
        """Run a program of Python to its end; raises `CalledProcessError` where that is not well."""
        told = {"LD_PRELOAD": str(self.library), "POWER_FOLDER": str(self.folder), "POWER_LOG": str(self.log)}
        command = [sys.executable, str(program), *words]
        subprocess.run(command, check=True, timeout=_LONGEST, env=os.environ | told)

    def records(self) -> Iterator[Record]:
        """Give all that was recorded, in order."""
        with self.log.open("rb") as log:
            while head := log.read(_HEAD.size):
                kind, handle, place, length = _HEAD.unpack(head)
                yield Record(Kind(kind), handle, place, log.read(length))


def why_not() -> str:
    """Say why nothing can be recorded here; empty where it can."""
    if not sys.platform.startswith("linux") or sys.maxsize < 2**32:
        return "only a Linux of 64 bits loads a library into a process that shows its writes"
    offer = look_for_tool(COMPILER)
    return f"no C compiler: {offer.cure}" if isinstance(offer, Missing) else ""


def compiled(folder: Path) -> Path:
    """Compile the library; as root of a Debian, install a small compiler first where there is none."""
    made = folder / "power_recorder.so"
    compiler = get(COMPILER)
    assert compiler is not None, "a compiler is here, or was just installed"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(made), str(SOURCE), "-lpthread"], check=True, timeout=60)
    return made
