"""The commands that decide: `approve`, `edit`, `reject`, `cancel`. A run goes on where its workflow is resumed."""

from __future__ import annotations

import click

from awaitly.approvals.approval import Decision
from awaitly.approvals.outcomes import Approved, Edited, Rejected
from awaitly.cli import plain
from awaitly.cli.editing import from_stdin, meant_value
from awaitly.cli.failures import refused, usage
from awaitly.cli.options import KEY, REVISION, RUN, TEXT, WithValue, actor, common, settings, signed
from awaitly.cli.people import acting
from awaitly.cli.stores import work
from awaitly.cli.verbs import act, thing
from awaitly.errors import RunCancelled
from awaitly.result import Err, Ok, Result
from awaitly.statuses import RunStatus, WaitKind
from awaitly.storage.store import Store
from awaitly.values import frozen
from awaitly.verbs.desk import CancelRefusal
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.visible import shown, visible

__all__ = ["approve", "cancel", "edit", "reject", "sentence"]

REASON = click.option("--reason", metavar="TEXT", type=TEXT, help="Why; whoever asked gets to read it.")


@click.command()
@RUN
@KEY
@REVISION
@signed
@common
def approve(run_id: str, key: str | None, revision: int | None, by: str, roles: tuple[str, ...]) -> None:
    """Say yes to what a run asks.

    KEY may be left out where only one approval waits.
    """
    who = actor(by, roles)
    act(lambda orchestrator, _: orchestrator.approve(run_id, key, by=who, revision=revision), sentence)


@click.command()
@RUN
@KEY
@REASON
@REVISION
@signed
@common
def reject(
    run_id: str, key: str | None, reason: str | None, revision: int | None, by: str, roles: tuple[str, ...]
) -> None:
    """Say no to what a run asks.

    KEY may be left out where only one approval waits.
    """
    who = actor(by, roles)
    act(lambda orchestrator, _: orchestrator.reject(run_id, key, reason, by=who, revision=revision), sentence)


@click.command(cls=WithValue)
@RUN
@click.argument("words", metavar="[KEY] VALUE", nargs=-1, required=True, type=TEXT)
@REVISION
@signed
@common
def edit(run_id: str, words: tuple[str, ...], revision: int | None, by: str, roles: tuple[str, ...]) -> None:
    """Change what a run proposes; where one approval suffices, that is the decision.

    The last word is the new value, as JSON; `-` reads it from stdin. Where a text is wanted the quotation marks may be
    left out: `awaitly edit r1 manager 42.50`. KEY may be left out where only one approval waits.
    """
    *keys, text = words
    if len(keys) > 1:
        raise usage(
            f"edit takes RUN [KEY] VALUE, and {visible(text)!r} is too much; put quotes around a value with blanks"
        )
    key = keys[0] if keys else None
    text = from_stdin() if text == "-" else text
    who = actor(by, roles)

    async def edited(orchestrator: Orchestrator, _: Store) -> Result[Decision, object]:
        value = await meant_value(orchestrator, run_id, key, text)
        return await orchestrator.edit(run_id, key, value, by=who, revision=revision)

    act(edited, sentence)


def sentence(decision: Decision) -> str:
    """Say what a decision did."""
    what = thing(decision)
    if decision.replayed:
        return f"Nothing changed: you had already decided so on {what}"
    goes_on = "the run goes on when it is resumed"
    match decision.outcome:
        case Approved(by=who):
            return f"Approved {what}, as {acting(who)}; {goes_on}"
        case Edited(by=who):
            value = plain.approval(decision.approval)["value"]
            return f"Edited {what} to {shown(value)}, as {acting(who)}; {goes_on}"
        case Rejected(by=who):
            return f"Rejected {what}, as {acting(who)}; {goes_on}, and ends"
        case _:
            return f"Noted on {what}; it takes {visible(decision.approval.policy.describe())}"


@click.command()
@RUN
@KEY
@REASON
@signed
@common
def cancel(run_id: str, key: str | None, reason: str | None, by: str, roles: tuple[str, ...]) -> None:
    """End a run, whatever it does, and withdraw what it asks.

    KEY may name the question that prompts it. Where it is known who requested the run, only they may cancel it, or
    somebody with the role admin.
    """
    given, who = settings(), actor(by, roles)

    async def cancelled(orchestrator: Orchestrator, _: Store) -> Result[_Cancelled, CancelRefusal]:
        match await orchestrator.cancel(run_id, key, reason, by=who):
            case Err(refusal):
                return Err(refusal)
            case Ok(done):
                return Ok(_Cancelled(done, await _cancelled_with(orchestrator, run_id)))

    match work(given.url, cancelled):
        case Err(refusal):
            raise refused(refusal)
        case Ok(cancelled_now):
            done, children = cancelled_now.run, cancelled_now.children
            text = f"Cancelled run {visible(done.run_id)}{_besides(len(children))}, as {visible(done.by)}"
            given.output.answer(plain.members(done) | {"children": children}, lambda: given.output.line(text))


@frozen
class _Cancelled:
    """A run that was cancelled, and the ids of its children that were cancelled with it."""

    run: RunCancelled
    children: list[str]


async def _cancelled_with(orchestrator: Orchestrator, run_id: str) -> list[str]:
    match await orchestrator.status(run_id):
        case Err(_):
            return []
        case Ok(parent):
            ended_before = {message.name for message in parent.messages if message.kind is WaitKind.CHILD}
    children = [wait.name for wait in parent.run.awaiting if wait.kind is WaitKind.CHILD]
    return [each for each in children if each not in ended_before and await _is_cancelled(orchestrator, each)]


async def _is_cancelled(orchestrator: Orchestrator, run_id: str) -> bool:
    match await orchestrator.status(run_id):
        case Ok(child):
            return child.run.status is RunStatus.CANCELLED
        case Err(_):
            return False


def _besides(children: int) -> str:
    match children:
        case 0:
            return ""
        case 1:
            return " and the run that it waited for"
        case _:
            return f" and the {children} runs that it waited for"
