"""The workflow that the fault tests put through its paces, and what must come of it.

A shape is a text of words: `s` a step, `p` a plain step (in a thread), `f` a step that can fail, `o` one that runs at
most once, `g3` three branches of two steps each side by side, `c` another run of one step, `a` an approval, `aa` two
approvals at once. A value goes through all of them: each step adds its name to it, another run gives its own instead,
an approval proposes it, and an edit replaces it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import TypeAlias

from attrs import frozen

from awaitly import Approval, Ask, Edited, Err, NotApproved, Ok, Outcome, Result, Run, Workflow, step, workflow

__all__ = ["BEGINNING", "Marks", "Spoilt", "drawn_shape", "errand", "expected", "width"]

BEGINNING = "begin"


@frozen
class Spoilt:
    """An error that a step declares and never gives."""

    reason: str


Trouble: TypeAlias = Spoilt | NotApproved
BodyAction: TypeAlias = Callable[[], Awaitable[None]]


class Marks:
    """The outer world: a file that gets one line for each execution of a body, on the disk before the body goes on.

    Without a path, `left` alone keeps the marks. `before` and `after` are what else happens in the n-th body of this
    process, on either side of its mark. While it `spoils`, the steps that can fail do so.
    """

    def __init__(self, path: Path | None = None, *, spoils: bool = False) -> None:
        self._path = path
        self._bodies = 0
        self.spoils = spoils
        self.left: list[str] = []
        self.before: Mapping[int, BodyAction] = {}
        self.after: Mapping[int, BodyAction] = {}

    async def around(self, name: str) -> None:
        """Leave the mark of an asynchronous body, with whatever is to happen around it."""
        self._bodies += 1
        body = self._bodies
        await self.before.get(body, _nothing)()
        self.leave(name)
        await self.after.get(body, _nothing)()

    def leave(self, name: str) -> None:
        """Append one line and wait until it is on the disk."""
        self.left.append(name)
        if self._path is not None:
            append(self._path, name)

    @staticmethod
    def read(path: Path) -> tuple[str, ...]:
        """Give the names of the bodies that were executed, in order."""
        return tuple(path.read_text().split()) if path.exists() else ()


def append(path: Path, line: str) -> None:
    """Add one line to a file, in one write, and wait until it is on the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, f"{line}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


async def _nothing() -> None:
    return None


class Steps:
    """The steps of one process, which leave its marks."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    async def work(self, name: str, given: str) -> Result[str, Spoilt]:
        """Add the name."""
        await self._marks.around(name)
        return Ok(f"{given}.{name}")

    def toil(self, name: str, given: str) -> Result[str, Spoilt]:
        """Add the name, in a thread."""
        self._marks.leave(name)
        return Ok(f"{given}.{name}")

    async def risk(self, name: str, given: str) -> Result[str, Spoilt]:
        """Add the name, unless it is to fail."""
        await self._marks.around(name)
        return Err(Spoilt("it was to fail")) if self._marks.spoils else Ok(f"{given}.{name}")

    async def take(self, run: Run[Trouble], word: str, name: str, given: str) -> str:
        """Let a run take the step that a word of its shape stands for."""
        match word:
            case "p":
                return await run.step(self.toil, name, given)
            case "f":
                return await run.step(self.risk, name, given)
            case "o":
                return await run.step(step(self.work, at_most_once=True), name, given)
            case _:
                return await run.step(self.work, name, given)


def errand(marks: Marks) -> Workflow[[str], str, Trouble]:
    """Make the workflow, for a process whose steps leave these marks."""
    steps = Steps(marks)

    async def branch(run: Run[Trouble], name: str, given: str) -> str:
        first = await run.step(steps.work, f"{name}x", given)
        return await run.step(steps.work, f"{name}y", first)

    async def go(run: Run[Trouble], word: str, place: int, given: str) -> str:
        match word:
            case "s" | "p" | "f" | "o":
                return await steps.take(run, word, f"{word}{place}", given)
            case "c":
                return await run.child(going("s"))
            case "a":
                return await run.approval(f"a{place}", proposes=given)
            case "aa":
                return "+".join(await run.approvals(*[Ask(f"a{place}{side}", proposes=given) for side in "lr"]))
            case _:
                names = [f"g{place}{n}" for n in range(int(word[1:]))]
                return "+".join(await run.gather([branch(run, name, given) for name in names]))

    @workflow(name="errand")
    async def going(run: Run[Trouble], shape: str) -> Result[str, Trouble]:
        value = BEGINNING
        for place, word in enumerate(shape.split()):
            value = await go(run, word, place, value)
        return Ok(value)

    return going


def expected(shape: str, approvals: Iterable[Approval]) -> str:
    """Give the value that a run of this shape must end with, by the decisions that its approvals hold."""
    decided = {a.key: a.outcome for a in approvals}
    value = BEGINNING
    for place, word in enumerate(shape.split()):
        match word:
            case "c":
                value = f"{BEGINNING}.s0"
            case "s" | "p" | "f" | "o":
                value = f"{value}.{word}{place}"
            case "a":
                value = _granted(decided[f"a{place}"], value)
            case "aa":
                value = "+".join(_granted(decided[f"a{place}{side}"], value) for side in "lr")
            case _:
                value = "+".join(f"{value}.g{place}{n}x.g{place}{n}y" for n in range(int(word[1:])))
    return value


def _granted(outcome: Outcome[str] | None, proposed: str) -> str:
    """Give what an approval lets through; values in a record are JSON texts."""
    match outcome:
        case Edited(value=value):
            return str(json.loads(value))
        case _:
            return proposed


def drawn_shape(random: Random) -> str:
    """Draw a shape with one or two approvals, and steps or branches before, between and after them."""
    words: list[str] = []
    for _ in range(random.randint(1, 2)):
        words += _work(random)
        words.append("aa" if random.random() < 0.2 else "a")
    return " ".join([*words, *_work(random)])


def _work(random: Random) -> list[str]:
    words = ["s"] * random.randint(1, 3)
    if random.random() < 0.3:
        words.insert(random.randrange(len(words)), f"g{random.randint(2, 3)}")
    return words


def width(shape: str) -> int:
    """Give how many steps of this shape can be under way at once."""
    return max(int(word[1:]) if word[0] == "g" else 1 for word in shape.split())
