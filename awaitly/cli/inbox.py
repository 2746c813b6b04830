"""What waits for one person: `inbox`, which also decides all of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import click

from awaitly.actors import Actor
from awaitly.approvals.approval import Decision
from awaitly.cli import deciding, plain
from awaitly.cli.agreeing import agrees
from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import refused, usage
from awaitly.cli.folding import fold
from awaitly.cli.looking import page_of, say_more
from awaitly.cli.options import AFTER, LENGTH, LIMIT, TEXT, actor, common, settings, signed_as
from awaitly.cli.output import Output
from awaitly.cli.people import listed
from awaitly.cli.stores import look, work
from awaitly.cli.tables import expiry
from awaitly.durations import from_micros
from awaitly.errors import PendingApproval, Refusal
from awaitly.result import Err, Ok, Result
from awaitly.storage.store import Page, Store
from awaitly.values import frozen
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.visible import visible

__all__ = ["inbox"]

Results: TypeAlias = tuple[Result[Decision, Refusal], ...]


@frozen
class _Wish:
    """What is to be done with all that is listed, in a word and as a verb."""

    word: str
    verb: Callable[[Orchestrator, Sequence[PendingApproval]], Awaitable[Results]]


@click.command()
@signed_as
@click.option("--prefix", metavar="TEXT", type=TEXT, help="Only of runs whose id begins so.")
@click.option("--workflow", metavar="NAME", type=TEXT, help="Only of this workflow.")
@click.option("--due-within", type=LENGTH, metavar="TIME", help="Only what expires within that time.")
@LIMIT
@AFTER
@click.option("--approve-all", is_flag=True, help="Say yes to all that is listed.")
@click.option("--reject-all", is_flag=True, help="Say no to all that is listed.")
@click.option("--reason", metavar="TEXT", type=TEXT, help="Why no; whoever asked gets to read it.")
@click.option("--yes", is_flag=True, help="Decide without asking first.")
@common
def inbox(
    by: str,
    roles: tuple[str, ...],
    reason: str | None,
    *,
    approve_all: bool,
    reject_all: bool,
    yes: bool,
    **filters: Any,
) -> None:
    """List what waits for you, the nearest deadline first.

    That is what you may decide and have not yet: by name, by role, for somebody who delegated to you or is away. With
    --approve-all or --reject-all, what is listed is then decided, exactly as it is shown; you are asked first.
    """
    given, who = settings(), actor(by, roles)
    wish = _wish(who, reason, approves=approve_all, rejects=reject_all)
    if wish is not None and given.as_json and not yes:
        raise usage(f"nobody can be asked with --json: say --yes as well to {wish.word} all")

    async def waiting(orchestrator: Orchestrator, store: Store) -> tuple[Page[PendingApproval], datetime]:
        listing = orchestrator.waiting_for(who, **filters)
        return await page_of(listing), from_micros(await store.now())

    page, now = look(given.url, waiting)
    if wish is None or not page.items:
        document = {"items": [plain.pending(each) for each in page.items], "after": page.after}
        given.output.answer(document, lambda: _draw(given.output, page.items, who, now))
        say_more("inbox", page.after)
    elif yes or _is_meant(given.output, page.items, who, now, wish.word):
        _decide(page, wish)
    else:
        given.output.line("Nothing was decided.")


def _is_meant(output: Output, items: Sequence[PendingApproval], who: Actor, now: datetime, word: str) -> bool:
    """Show what is to be decided, and ask."""
    _draw(output, items, who, now)
    return agrees(output, f"{word.capitalize()} {'this one' if len(items) == 1 else f'these {len(items)}'}?")


def _decide(page: Page[PendingApproval], wish: _Wish) -> None:
    given = settings()
    results = work(given.url, lambda orchestrator, _: wish.verb(orchestrator, page.items))
    refusals = sum(isinstance(each, Err) for each in results)
    document: dict[str, Any] = {
        "items": [_result(each, result) for each, result in zip(page.items, results, strict=True)],
        "decided": len(results) - refusals,
        "refused": refusals,
        "after": page.after,
    }
    given.output.answer(document, lambda: _tell(given.output, page.items, results))
    say_more("inbox", page.after)
    if refusals:
        click.get_current_context().exit(ExitCode.REFUSED)


def _wish(who: Actor, reason: str | None, *, approves: bool, rejects: bool) -> _Wish | None:
    if approves and rejects:
        raise usage("--approve-all or --reject-all, not both")
    if reason is not None and not rejects:
        raise usage("--reason goes with --reject-all")
    if approves:
        return _Wish("approve", lambda orchestrator, items: orchestrator.approve_all(items, by=who))
    if rejects:
        return _Wish("reject", lambda orchestrator, items: orchestrator.reject_all(items, reason, by=who))
    return None


# Drawing


def _draw(output: Output, items: Sequence[PendingApproval], who: Actor, now: datetime) -> None:
    if not items:
        output.line(f"Nothing waits for {visible(who.name)}.")
        return
    for number, each in enumerate(items):
        if number:
            output.line()
        fold(output, f"{visible(each.run_id)} {visible(each.key)}: {visible(each.summary)}", style="bold")
        for line in _lines(each, now):
            fold(output, line, indent=2)


def _lines(each: PendingApproval, now: datetime) -> list[str]:
    """Say what somebody who decides many wants to know of one."""
    lines = [f"expires {expiry(each.deadline, now)}", f"it takes {visible(each.policy)}"]
    if each.votes or each.needs > 1:
        by = f" ({listed(each.votes)})" if each.votes else ""
        lines.insert(1, f"{len(each.votes)} of {each.needs} have approved{by}")
    if each.edited_by is not None:
        lines.append(f"revision {each.revision}, edited by {visible(each.edited_by)}")
    if each.claimed_by is not None:
        lines.append(f"claimed by {visible(each.claimed_by)}")
    if each.asks_requester:
        whom = "the requester" if each.requested_by is None else visible(each.requested_by)
        lines.append(f"{whom} was asked something, and there is no answer yet")
    return lines


# What came of deciding all


def _result(each: PendingApproval, result: Result[Decision, Refusal]) -> dict[str, Any]:
    match result:
        case Ok(decision):
            return plain.decision(decision)
        case Err(refusal):
            return {"run_id": each.run_id, "key": each.key, **refused(refusal).failure.document()}


def _tell(output: Output, items: Sequence[PendingApproval], results: Results) -> None:
    for each, result in zip(items, results, strict=True):
        match result:
            case Ok(decision):
                output.line(deciding.sentence(decision))
            case Err(refusal):
                output.said(f"Refused, {each.key} of run {each.run_id}: {refusal}")
    failed = sum(isinstance(result, Err) for result in results)
    if len(results) > 1:
        output.line(f"{len(results) - failed} decided, {failed} refused.")
