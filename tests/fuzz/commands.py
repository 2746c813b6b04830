"""The command line: every command with usual words, of which nasty ones take the place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from attrs import field, frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from awaitly.cli import awaitly
from tests.fuzz.texts import cursors, nasty

__all__ = ["COMMANDS", "UNTRIED", "Command", "parameters"]

FILES = {
    "rules": '[[rule]]\ntool = "pay"\ndecide = "ask"\n',
    "calls": '{"tool": "pay", "arguments": {}}\n',
    "heads": "",
}
"""Files that commands read, with what stands in them usually."""

UNTRIED: Mapping[str, str] = {
    "demo": "sits in a terminal, and takes a name and roles as `inbox` does",
    "dev": "serves until it is stopped; its options are of the kinds of `worker`",
    "mcp": "serves until it is stopped; tests/adapters/mcp has what comes over its lines",
    "serve": "serves until it is stopped",
}
"""Commands that are not tried here, and why."""


def parameters() -> Mapping[str, Mapping[str, click.Parameter]]:
    """Give each command's parameters that take text, from the parser itself."""
    return dict(_walked(awaitly, (), click.Context(awaitly)))


def _walked(
    command: click.Command, path: tuple[str, ...], ctx: click.Context
) -> Iterator[tuple[str, Mapping[str, click.Parameter]]]:
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert inner is not None
            yield from _walked(inner, (*path, name), ctx)
        return
    taking = {each.name or "": each for each in command.params if not getattr(each, "is_flag", False)}
    yield " ".join(path), taking


@frozen
class Command:
    """One command: its usual words by the names of its parameters, and the files among them."""

    name: str
    usual: Mapping[str, str] = field(factory=dict[str, str])
    flags: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def words(self) -> SearchStrategy[list[str]]:
        """Give the words of a call, some of which are nasty."""
        known = parameters()[self.name]
        strategies = {name: cursors | nasty if name == "after" else nasty for name in known if name not in self.files}
        return st.sets(st.sampled_from(sorted(strategies)), min_size=1, max_size=2).flatmap(
            lambda names: st.fixed_dictionaries({name: strategies[name] for name in sorted(names)}).map(self._line)
        )

    def _line(self, chosen: Mapping[str, str]) -> list[str]:
        known = parameters()[self.name]
        options, plain = list[str](), list[str]()
        for name, parameter in known.items():
            word = chosen.get(name, self.usual.get(name))
            if word is None:
                continue
            if isinstance(parameter, click.Option):
                options += [f"{parameter.opts[0]}={word}" if word.startswith("-") else parameter.opts[0]]
                options += [] if word.startswith("-") else [word]
            else:
                plain.append(word)
        return [*self.name.split(), *self.flags, *options, "--", *plain]


RUN = {"run_id": "r", "key": "ok", "by": "bob"}
SAID = {"run_id": "r", "words": "so", "by": "bob"}

COMMANDS: tuple[Command, ...] = (
    Command("absences"),
    Command("answer", SAID),
    Command("approve", RUN),
    Command("ask", SAID),
    Command("audit export", files=("path",)),
    Command("audit head"),
    Command("audit redact", {"run_id": "r"}, ("--people",)),
    Command("audit verify"),
    Command("away", {"owner": "bob", "to": "ann", "until": "1h"}),
    Command("back", {"owner": "bob"}),
    Command("cancel", {"run_id": "r", "by": "zoe"}),
    Command("claim", RUN),
    Command("cleanup", {"older_than": "1h"}, files=("path",)),
    Command("comment", SAID),
    Command("delegate", {**RUN, "to": "carl"}),
    Command("doctor", {"name": "tests.fuzz.deployed:orchestrator"}),
    Command("edit", {"run_id": "r", "words": '"y"', "by": "bob"}),
    Command("inbox", {"by": "bob"}),
    Command("migrate"),
    Command("notices"),
    Command("pending"),
    Command("reassign", {**RUN, "grants": "carl"}),
    Command("reject", RUN),
    Command("release", RUN),
    Command("resend", {"run_id": "r", "key": "k"}),
    Command("resolve", {"promise_id": "p@t", "value": '"x"'}),
    Command("retry", {"run_id": "r"}),
    Command("rules test", {"path": "rules", "calls": "calls"}),
    Command("runs"),
    Command("schedules"),
    Command("schema"),
    Command("settle", {"run_id": "r", "key": "pay", "gave": "1", "by": "bob"}),
    Command("show", {"run_id": "r"}),
    Command("signal", {"run_id": "r", "name": "s", "value": '"x"'}),
    Command("unschedule", {"name": "nightly"}),
    Command("worker", {"name": "tests.fuzz.deployed:orchestrator"}, ("--once",)),
)


def laid_out(folder: Path, contents: Mapping[str, Any]) -> None:
    """Write the files that commands read."""
    for name, usual in FILES.items():
        (folder / name).write_bytes(contents.get(name, usual.encode()))
