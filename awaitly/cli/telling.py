"""The commands that tell a run something: `signal`, `resolve`. It goes on where its workflow is resumed."""

from __future__ import annotations

from typing import Any

import click

from awaitly.cli import plain
from awaitly.cli.editing import ANYTHING, fitting, from_stdin
from awaitly.cli.failures import refused, usage
from awaitly.cli.options import RUN, TEXT, WithValue, actor, common, named, settings
from awaitly.cli.stores import work
from awaitly.errors import PromiseRefusal, Sent, SignalRefusal
from awaitly.exceptions import DefinitionError
from awaitly.ids import checked_name
from awaitly.replaying.promises import parts_of_promise
from awaitly.result import Err, Ok, Result
from awaitly.statuses import WaitKind
from awaitly.storage.journal import Wait
from awaitly.storage.store import Store
from awaitly.values import frozen
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.visible import visible

__all__ = ["resolve", "signal"]

VALUE = click.argument("value", metavar="[VALUE]", required=False, type=TEXT)


@frozen
class _Told:
    """How the telling went, and whether the run waited for it just before."""

    result: Result[Sent, SignalRefusal | PromiseRefusal]
    awaited: bool


@click.command(cls=WithValue)
@RUN
@click.argument("name", type=TEXT)
@VALUE
@click.option("--key", metavar="TEXT", type=TEXT, default="", help="Tells several signals of one name apart.")
@named
@common
def signal(run_id: str, name: str, value: str | None, key: str, by: str) -> None:
    """Tell a run what it waits for, or will wait for, under a name.

    VALUE is JSON, null where it is left out; `-` reads it from stdin. Where the run waits for a text the quotation
    marks may be left out. The first under a name and --key stays.
    """
    try:
        checked_name("a signal's name", name)
        if key:
            checked_name("a signal's key", key)
    except DefinitionError as error:
        raise usage(str(error)) from error
    text = _given(value)

    async def told(orchestrator: Orchestrator, _: Store) -> _Told:
        wait = await _awaited(orchestrator, run_id, WaitKind.SIGNAL, name)
        sent = await orchestrator.signal(run_id, name, _meant(wait, text), key=key, by=actor(by))
        return _Told(sent, wait is not None)

    answer = work(settings().url, told)
    before = f"run {visible(run_id)} had been told the same of {visible(name)} before"
    _say(answer, by, f"Told run {visible(run_id)} of {visible(name)}", before)


@click.command(cls=WithValue)
@click.argument("promise_id", type=TEXT)
@VALUE
@click.option("--reject", is_flag=True, help="Say that it will not be kept; VALUE is the reason, a plain text.")
@named
@common
def resolve(promise_id: str, value: str | None, reject: bool, by: str) -> None:  # noqa: FBT001  (click's own form)
    """Keep a promise of a run, or say that it will not be kept.

    VALUE is JSON, null where it is left out; `-` reads it from stdin. Where the run waits for a text the quotation
    marks may be left out. The first answer stays.
    """
    text = _given(value)

    async def told(orchestrator: Orchestrator, _: Store) -> _Told:
        wait = await _promised(orchestrator, promise_id)
        sent = (
            await orchestrator.reject_promise(promise_id, text, by=actor(by))
            if reject
            else await orchestrator.resolve(promise_id, _meant(wait, text), by=actor(by))
        )
        return _Told(sent, wait is not None)

    answer = work(settings().url, told)
    done = "Rejected" if reject else "Resolved"
    before = f"promise {visible(promise_id)} had been answered the same before"
    _say(answer, by, f"{done} promise {visible(promise_id)}", before)


def _given(value: str | None) -> str | None:
    return from_stdin() if value == "-" else value


async def _promised(orchestrator: Orchestrator, promise_id: str) -> Wait | None:
    try:
        run_id, key = parts_of_promise(promise_id)
    except ValueError:
        return None
    return await _awaited(orchestrator, run_id, WaitKind.PROMISE, key)


async def _awaited(orchestrator: Orchestrator, run_id: str, kind: WaitKind, name: str) -> Wait | None:
    match await orchestrator.status(run_id):
        case Ok(details):
            return next((w for w in details.run.awaiting if (w.kind, w.name) == (kind, name)), None)
        case Err(_):
            return None


def _meant(wait: Wait | None, text: str | None) -> Any:
    return None if text is None else fitting(ANYTHING if wait is None else wait.schema or ANYTHING, text)


def _say(told: _Told, by: str, done: str, before: str) -> None:
    given = settings()
    match told.result:
        case Err(refusal):
            raise refused(refusal)
        case Ok(sent):
            document = plain.members(sent) | {"by": by, "awaited": told.awaited}
            given.output.answer(document, lambda: given.output.line(_sentence(told, sent, by, done, before)))


def _sentence(told: _Told, sent: Sent, by: str, done: str, before: str) -> str:
    if sent.replayed:
        return f"Nothing changed: {before}"
    then = "the run goes on when it is resumed" if told.awaited else "it is kept until the run waits for it"
    return f"{done}, as {visible(by)}; {then}"
