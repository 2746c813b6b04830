"""The commands about ledgers: `audit verify`, `audit head`, `audit export`, `audit redact`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click

from awaitly.approvals.audit import BrokenChain, Entry, Head, Part, verify
from awaitly.cli import plain
from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import refused, usage
from awaitly.cli.heads import Heads, head_in, head_line, heads_in, write_heads
from awaitly.cli.options import RUN, TEXT, common, need_command, settings
from awaitly.cli.people import listed
from awaitly.cli.stores import look, work
from awaitly.errors import UnknownApproval, UnknownRun
from awaitly.result import Err, Ok, Result
from awaitly.storage.store import Store
from awaitly.values import frozen
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.visible import visible

__all__ = ["audit"]

_AT_ONCE = 500

SOME_RUN = click.argument("run_id", metavar="[RUN]", required=False, type=TEXT)
ALL = click.option("--all", "everything", is_flag=True, help="Of every run.")
HEADS = click.option(
    "--heads", "path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write the heads there."
)


@click.group(invoke_without_command=True)
@common
@click.pass_context
def audit(ctx: click.Context) -> None:
    """Check, print and redact ledgers."""
    need_command(ctx)


@frozen
class _Ledger:
    """A run's ledger and what checking it gave."""

    run_id: str
    entries: tuple[Entry, ...]
    checked: Result[Head, BrokenChain]

    def alone(self) -> _Ledger:
        """Leave out the entries, of which a whole store may have many."""
        return _Ledger(self.run_id, (), self.checked)

    def document(self) -> dict[str, Any]:
        """Give the JSON form."""
        match self.checked:
            case Ok(head):
                return plain.head(self.run_id, head)
            case Err(broken):
                return {"run_id": self.run_id, **refused(broken).failure.document()}


async def _ledgers(orchestrator: Orchestrator, run_id: str | None, known: Heads) -> AsyncIterator[_Ledger]:
    """Read and check the ledger of a run, or of all that have one and of those of which a head is known."""
    left = dict(known)
    names = _run_ids(orchestrator) if run_id is None else _only(orchestrator, run_id)
    async for name in names:
        entries = await orchestrator.ledger(name)
        expected = left.pop(visible(name), None)
        if entries or expected is not None or run_id is not None:
            yield _Ledger(name, entries, verify(name, entries, expected))
    for name, expected in (left if run_id is None else {}).items():
        yield _Ledger(name, (), verify(name, (), expected))


async def _only(orchestrator: Orchestrator, run_id: str) -> AsyncIterator[str]:
    match await orchestrator.status(run_id):
        case Err(unknown):
            raise refused(unknown)
        case Ok(_):
            yield run_id


async def _run_ids(orchestrator: Orchestrator) -> AsyncIterator[str]:
    after: str | None = None
    while True:
        page = await orchestrator.runs(limit=_AT_ONCE, after=after)
        for run in page.items:
            yield run.run_id
        if page.after is None:
            return
        after = page.after


def _check_meant(run_id: str | None, *, everything: bool) -> None:
    if (run_id is None) is not everything:
        raise usage("name one RUN, or say --all")


# Checking


@audit.command("verify")
@SOME_RUN
@ALL
@click.option(
    "--head", "exported", metavar="HEAD", type=TEXT, help="A head that was exported before, or a file of them."
)
@common
def verify_ledger(run_id: str | None, exported: str | None, *, everything: bool) -> None:
    """Check that a run's ledger is whole, and print its head.

    Whoever can rewrite the whole store can rewrite a ledger: keep the head elsewhere, and give it here the next time,
    as COUNT:HASH, or as the file that `awaitly audit head` or `awaitly audit export --heads` wrote.
    """
    _check_meant(run_id, everything=everything)
    given = settings()
    known: Heads = {} if exported is None else _known(exported, run_id)

    async def checked(orchestrator: Orchestrator, _: Store) -> list[_Ledger]:
        return [each.alone() async for each in _ledgers(orchestrator, run_id, known)]

    found = look(given.url, checked)
    if run_id is not None:
        _say_one(found[0])
    else:
        _say_all(found)


def _known(exported: str, run_id: str | None) -> Heads:
    head = head_in(exported)
    if head is not None and run_id is None:
        raise usage("one head is of one run: name a file of heads with --all, as `awaitly audit head --all` prints it")
    if head is not None and run_id is not None:
        return {visible(run_id): head}
    heads = heads_in(Path(exported))
    if run_id is not None and visible(run_id) not in heads:
        raise usage(f"{visible(exported)} has no head of run {visible(run_id)}")
    return heads


def _say_one(ledger: _Ledger) -> None:
    match ledger.checked:
        case Err(broken):
            raise refused(broken)
        case Ok(head):
            count = "1 entry" if head.seq == 1 else f"{head.seq} entries"
            document = ledger.document()
            text = f"The ledger of run {visible(ledger.run_id)} is whole: {count}. Head: {document['head']}"
            settings().output.answer(document, lambda: settings().output.line(text))


def _say_all(found: list[_Ledger]) -> None:
    output = settings().output
    broken = [each.checked.failure() for each in found if isinstance(each.checked, Err)]

    def text() -> None:
        for each in broken:
            output.said(str(each))
        whole = len(found) - len(broken)
        output.line(f"{whole} {'ledger is' if whole == 1 else 'ledgers are'} whole, {len(broken)} broken.")

    output.answer({"items": [each.document() for each in found], "broken": len(broken)}, text)
    if broken:
        click.get_current_context().exit(ExitCode.LEDGER)


# Printing


@audit.command("head")
@SOME_RUN
@ALL
@common
def print_head(run_id: str | None, *, everything: bool) -> None:
    """Print the head of a run's ledger, to be kept elsewhere, as COUNT:HASH and the run."""
    _check_meant(run_id, everything=everything)
    given = settings()

    async def checked(orchestrator: Orchestrator, _: Store) -> list[_Ledger]:
        return [each.alone() async for each in _ledgers(orchestrator, run_id, {})]

    found = look(given.url, checked)
    given.output.answer(
        {"items": [each.document() for each in found]}, lambda: given.output.raw("".join(map(_head_lines, found)))
    )
    _end_if_broken(found)


def _head_lines(ledger: _Ledger) -> str:
    match ledger.checked:
        case Ok(head):
            return f"{head_line(ledger.run_id, head)}\n"
        case Err(_):
            return ""


def _end_if_broken(found: list[_Ledger]) -> None:
    """Say which ledgers have no head; that is no success."""
    broken = [each.checked.failure() for each in found if isinstance(each.checked, Err)]
    for each in broken:
        settings().output.note(f"awaitly: {visible(str(each))}")
    if broken:
        click.get_current_context().exit(ExitCode.LEDGER)


@audit.command("export")
@SOME_RUN
@ALL
@HEADS
@common
def export_ledger(run_id: str | None, path: Path | None, *, everything: bool) -> None:
    """Print the entries of a run's ledger, a line of JSON each, as they are stored.

    Each can be checked again with its `run_id`, `seq`, `hash` and `body`. What stands in a body in the clear is printed
    too: take it out before by `awaitly audit redact`.
    """
    _check_meant(run_id, everything=everything)
    given = settings()

    async def exported(orchestrator: Orchestrator, _: Store) -> list[_Ledger]:
        found: list[_Ledger] = []
        async for each in _ledgers(orchestrator, run_id, {}):
            if not given.as_json and each.entries:
                given.output.raw(
                    "".join(f"{json.dumps(_entry(entry), separators=(',', ':'))}\n" for entry in each.entries)
                )
            found.append(each if given.as_json else each.alone())
        return found

    found = look(given.url, exported)
    document = {"items": [each.document() | {"ledger": list(map(_entry, each.entries))} for each in found]}
    given.output.answer(document, lambda: None)
    if path is not None:
        write_heads(path, [line.rstrip("\n") for line in map(_head_lines, found) if line])
    _end_if_broken(found)


def _entry(entry: Entry) -> dict[str, Any]:
    return {"run_id": entry.run_id, "seq": entry.seq, "hash": entry.hash, "body": entry.body}


# Redacting


@audit.command("redact")
@RUN
@click.option("--text", "texts", is_flag=True, help="Take out what was said; so it is where nothing else is named.")
@click.option("--people", is_flag=True, help="Take out who did it, for whom, and whom it concerned.")
@click.option("--key", metavar="KEY", type=TEXT, help="Only of this approval.")
@common
def redact_ledger(run_id: str, key: str | None, *, texts: bool, people: bool) -> None:
    """Take texts, or people, out of a run's ledger for good. It still verifies, with the same head.

    What stands in the approvals themselves goes with `awaitly cleanup`.
    """
    given = settings()
    parts = {part for part, named in ((Part.TEXT, texts or not people), (Part.PEOPLE, people)) if named}

    async def redacted(orchestrator: Orchestrator, _: Store) -> Result[int, BrokenChain | UnknownRun | UnknownApproval]:
        match await orchestrator.status(run_id):
            case Err(unknown):
                return Err(unknown)
            case Ok(details) if key is not None and key not in {each.key for each in details.approvals}:
                return Err(UnknownApproval(run_id, key, tuple(each.key for each in details.approvals)))
            case Ok(_):
                return await orchestrator.redact(run_id, parts=parts, key=key)

    match work(given.url, redacted):
        case Err(problem):
            raise refused(problem)
        case Ok(count):
            named = sorted(part.value for part in parts)
            document = {"run_id": run_id, "key": key, "redacted": named, "entries": count}
            given.output.answer(document, lambda: given.output.line(_redacted(run_id, named, count)))


def _redacted(run_id: str, named: list[str], count: int) -> str:
    what = listed(named)
    if not count:
        return f"Nothing changed: the ledger of run {visible(run_id)} has no {what} left to take out."
    entries = "1 entry" if count == 1 else f"{count} entries"
    return f"Took {what} out of {entries} of the ledger of run {visible(run_id)}."
