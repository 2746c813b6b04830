"""Heads of ledgers outside of the store: a line each, `COUNT:HASH  RUN`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from awaitly.approvals.audit import Head
from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import CommandFailed, Failure, usage
from awaitly.visible import visible

__all__ = ["Heads", "head_in", "head_line", "heads_in", "write_heads"]

Heads = Mapping[str, Head]
"""The head of each run's ledger, by the run's id."""

_HEAD = re.compile(r"(?P<count>[0-9]{1,18}):(?P<hash>\S*)")
_LINE = re.compile(_HEAD.pattern + r"  (?P<run>.+)")


def head_in(text: str) -> Head | None:
    """Read `COUNT:HASH`; None where the text is none."""
    found = _HEAD.fullmatch(text)
    return None if found is None else Head(int(found["count"]), found["hash"])


def head_line(run_id: str, head: Head) -> str:
    """Write a line."""
    return f"{head.seq}:{head.hash}  {visible(run_id)}"


def heads_in(path: Path) -> Heads:
    """Read a file of heads; ends the command where it is none."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise usage(f"{visible(str(path))} is neither a head, COUNT:HASH, nor a file of heads: {why}") from error
    heads: dict[str, Head] = {}
    for number, line in enumerate(lines, start=1):
        found = _LINE.fullmatch(line)
        if found is None or found["run"] in heads:
            raise usage(f"{visible(str(path))}, line {number}: no `COUNT:HASH  RUN`, or a second one of its run")
        heads[found["run"]] = Head(int(found["count"]), found["hash"])
    return heads


def write_heads(path: Path, lines: list[str]) -> None:
    """Write a file of heads; ends the command where that cannot be."""
    try:
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    except OSError as error:
        message = f"the heads could not be written to {visible(str(path))}: {error.strerror}"
        raise CommandFailed(Failure(ExitCode.OUTPUT, type(error).__name__, message)) from error
