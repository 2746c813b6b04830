"""The commands that hand on what waits and talk about it: `claim` to `reassign`, and `comment`, `ask`, `answer`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import click

from awaitly.actors import Actor
from awaitly.approvals.approval import Decision
from awaitly.approvals.grants import checked_grants
from awaitly.cli.editing import from_stdin
from awaitly.cli.failures import usage
from awaitly.cli.human import day_and_time
from awaitly.cli.options import KEY, NAME, RUN, TEXT, actor, common, signed
from awaitly.cli.people import acting, listed
from awaitly.cli.verbs import act, thing
from awaitly.errors import Refusal
from awaitly.exceptions import PolicyError
from awaitly.result import Err, Ok, Result
from awaitly.storage.store import Store
from awaitly.verbs.orchestrator import Orchestrator
from awaitly.visible import visible

__all__ = ["answer", "ask", "claim", "comment", "delegate", "reassign", "release"]

WORDS = click.argument("words", metavar="[KEY] TEXT", nargs=-1, required=True, type=TEXT)


@click.command()
@RUN
@KEY
@signed
@common
def claim(run_id: str, key: str | None, by: str, roles: tuple[str, ...]) -> None:
    """Take on what a run asks, so that others see that somebody is at it.

    Where the policy says so, nobody else may decide until the claim is released, or the next level is told.
    """
    who = actor(by, roles)
    act(lambda orchestrator, _: orchestrator.claim(run_id, key, by=who), _claimed)


def _claimed(made: Decision) -> str:
    if made.replayed:
        return f"Nothing changed: you had claimed {thing(made)} before"
    taken = made.approval.handling.taken
    who = "" if taken is None else f", as {acting(taken.by)}"
    alone = "; nobody else may decide until it is released" if made.approval.policy.exclusive_claims else ""
    return f"Claimed {thing(made)}{who}{alone}"


@click.command()
@RUN
@KEY
@signed
@common
def release(run_id: str, key: str | None, by: str, roles: tuple[str, ...]) -> None:
    """Give up a claim: your own, or with the role admin anybody's."""
    who = actor(by, roles)
    act(
        lambda orchestrator, _: orchestrator.release(run_id, key, by=who),
        lambda made: f"Released {thing(made)}, as {visible(by)}",
    )


@click.command()
@RUN
@KEY
@click.option("--to", metavar="NAME", type=NAME, required=True, help="The person who may then decide for you.")
@signed
@common
def delegate(run_id: str, key: str | None, to: str, by: str, roles: tuple[str, ...]) -> None:
    """Let somebody else decide on your behalf; you may still, and both of you have one vote."""
    who = actor(by, roles)

    def said(made: Decision) -> str:
        if made.replayed:
            return f"Nothing changed: {visible(to)} could decide on {thing(made)} for you before"
        return f"Delegated {thing(made)} to {visible(to)}, as {visible(by)}; both may decide, with one vote"

    act(lambda orchestrator, _: orchestrator.delegate(run_id, key, to=to, by=who), said)


@click.command()
@RUN
@KEY
@click.option(
    "--to", "grants", metavar="GRANT", type=TEXT, required=True, multiple=True, help="A name or role:NAME; repeatable."
)
@signed
@common
def reassign(run_id: str, key: str | None, grants: tuple[str, ...], by: str, roles: tuple[str, ...]) -> None:
    """Let others decide than the policy says; it takes the role admin.

    Votes that were cast stand; claims and delegations are void.
    """
    who = actor(by, roles)
    try:
        checked_grants("--to", grants)
    except PolicyError as error:
        raise usage(str(error)) from error

    def said(made: Decision) -> str:
        whom = listed(grants, "or")
        if made.replayed:
            return f"Nothing changed: {thing(made)} waited for {whom} before"
        return f"Reassigned {thing(made)}, as {visible(by)}: it now waits for {whom}"

    act(lambda orchestrator, _: orchestrator.reassign(run_id, key, to=grants, by=who), said)


@click.command()
@RUN
@WORDS
@signed
@common
def comment(run_id: str, words: tuple[str, ...], by: str, roles: tuple[str, ...]) -> None:
    """Say something beside what a run asks; `-` reads it from stdin."""
    _remark(run_id, words, actor(by, roles), Orchestrator.comment, _commented)


def _commented(made: Decision) -> str:
    return f"Commented on {thing(made)}, as {_speaker(made)}"


@click.command()
@RUN
@WORDS
@signed
@common
def ask(run_id: str, words: tuple[str, ...], by: str, roles: tuple[str, ...]) -> None:
    """Ask the requester for more information; `-` reads the question from stdin.

    Where the policy says so, time stands still until the answer.
    """
    _remark(run_id, words, actor(by, roles), Orchestrator.inquire, _asked)


def _asked(made: Decision) -> str:
    requester, inquiry = made.approval.requested_by, made.approval.handling.inquiry
    whom = "the requester" if requester is None else visible(requester.name)
    still = "; time stands still until the answer" if inquiry is not None and inquiry.stops_clock else ""
    return f"Asked {whom} about {thing(made)}, as {_speaker(made)}{still}"


@click.command()
@RUN
@WORDS
@signed
@common
def answer(run_id: str, words: tuple[str, ...], by: str, roles: tuple[str, ...]) -> None:
    """Answer what the requester was asked, as the requester or an admin; `-` reads it from stdin."""
    _remark(run_id, words, actor(by, roles), Orchestrator.answer, _answered)


def _answered(made: Decision) -> str:
    deadline = made.approval.deadline
    shifts = made.approval.policy.questions_stop_clock
    until = f"; it expires {day_and_time(deadline)}" if shifts and deadline is not None else ""
    return f"Answered on {thing(made)}, as {_speaker(made)}{until}"


def _speaker(made: Decision) -> str:
    """Name whoever spoke last, and for whom."""
    return acting(made.approval.handling.remarks[-1].by)


def _remark(
    run_id: str,
    words: tuple[str, ...],
    who: Actor,
    verb: Callable[..., Awaitable[Result[Decision, Refusal]]],
    sentence: Callable[[Decision], str],
) -> None:
    *keys, text = words
    if len(keys) > 1:
        raise usage(f"RUN [KEY] TEXT is all, and {visible(text)!r} is too much; put quotes around a text with blanks")
    key = keys[0] if keys else None
    text = from_stdin() if text == "-" else text

    async def said(orchestrator: Orchestrator, _: Store) -> Result[Decision, Refusal]:
        if key is None:
            await _check_no_key(orchestrator, run_id, text)
        return await verb(orchestrator, run_id, key, text=text, by=who)

    act(said, sentence)


async def _check_no_key(orchestrator: Orchestrator, run_id: str, text: str) -> None:
    """Refuse a key in place of a text: somebody forgot the text."""
    match await orchestrator.status(run_id):
        case Ok(details) if text in {approval.key for approval in details.approvals}:
            raise usage(f"{visible(text)!r} is the key of an approval; the text is missing: RUN KEY TEXT")
        case Ok(_) | Err(_):
            return
