"""The façade for plain code: attending to what waits, standing in for others, deciding in bulk, the ledger."""

from __future__ import annotations

import inspect
from collections.abc import Generator
from typing import Any

import pytest

from awaitly import (
    Actor,
    ClaimedByOther,
    Err,
    MemoryStore,
    NotApproved,
    Ok,
    Part,
    Policy,
    Result,
    Rule,
    Run,
    Undeliverable,
    UnknownApproval,
    UnknownNotice,
    said,
    workflow,
)
from awaitly import Orchestrator as Awaited
from awaitly.replaying.asking import Stage
from awaitly.sync import Orchestrator
from awaitly.testing import RecordingChannel, TestClock, raising
from tests.support import error_of

ADMIN = Actor("root", ["admin"])
KNOWN = Rule("known", lambda actor, _: actor.name == "kim")


@workflow
async def refund(run: Run[NotApproved], number: int) -> Result[int, NotApproved]:
    """Ask ann or bob, or whom a rule knows."""
    policy = Policy(approvers=["ann", "bob", KNOWN], exclusive_claims=True, expires_in="2h")
    return Ok(await run.approval("manager", proposes=number, policy=policy))


@workflow
async def purchase(run: Run[NotApproved]) -> Result[int, NotApproved]:
    """Ask in two stages."""
    return Ok(await run.chain("buy", Stage("team"), Stage("finance"), proposes=1))


@pytest.fixture
def orchestrator() -> Generator[Orchestrator]:
    """Give an open orchestrator, in whose store the refund `r` of zed's waits."""
    with Orchestrator(MemoryStore(clock=TestClock()), workflows=[refund, purchase], rules=[KNOWN]) as opened:
        opened.start(refund(7), run_id="r", requested_by="zed")
        yield opened


def parameters(verb: Any) -> dict[str, Any]:
    """Give what a verb takes, with the defaults; but for a connection, which is of a caller's own event loop."""
    taken = inspect.signature(verb).parameters
    return {name: (each.kind, each.default) for name, each in taken.items() if name != "connection"}


def test_every_verb_takes_the_same_with_and_without_await() -> None:
    """The façade has each public verb under its name, with the same options and defaults; its own making too."""
    verbs = {name for name in dir(Awaited) if not name.startswith("_")} - {"watching"}  # which plain code cannot
    assert verbs == {name for name in dir(Orchestrator) if not name.startswith("_")} - {"call"}
    differing = [
        name
        for name in (*verbs, "__init__")
        if name != "workflows" and parameters(getattr(Awaited, name)) != parameters(getattr(Orchestrator, name))
    ]
    assert differing == []


def test_a_claim_keeps_others_out_until_it_is_released(orchestrator: Orchestrator) -> None:
    """Each verb gives what it gives with await."""
    assert orchestrator.claim("r", by="ann").unwrap().approval.handling.taken is not None
    assert isinstance(error_of(orchestrator.approve("r", by="bob")), ClaimedByOther)
    assert orchestrator.release("r", by="ann").unwrap().approval.handling.taken is None


def test_a_seat_goes_from_hand_to_hand(orchestrator: Orchestrator) -> None:
    """Delegated by whoever has it, or laid into other hands by an admin."""
    given = orchestrator.delegate("r", to="cid", by="ann").unwrap().approval.handling.delegations
    assert [(each.owner, each.to) for each in given] == [("ann", "cid")]
    moved = orchestrator.reassign("r", to=["dan"], by=ADMIN).unwrap().approval.handling
    assert (moved.assigned, moved.delegations) == (("dan",), ())


def test_people_talk_about_a_question(orchestrator: Orchestrator) -> None:
    """A comment, a question back, its answer, and who has looked."""
    orchestrator.comment("r", text="odd", by="ann")
    orchestrator.inquire("r", text="why?", by="ann")
    orchestrator.answer("r", text="broken", by="zed")
    handling = orchestrator.seen("r", by="bob").unwrap().approval.handling
    assert [remark.text for remark in handling.remarks] == ["odd", "why?", "broken"]
    assert (handling.inquiry, handling.seen) == (None, (("bob", 1),))


def test_somebody_stands_in_for_whoever_is_away(orchestrator: Orchestrator) -> None:
    """Until they are back."""
    absence = orchestrator.away("ann", to="cid", until="3d").unwrap()
    assert orchestrator.absences(to="cid") == (absence,)
    assert [each.run_id for each in orchestrator.waiting_for("cid").items] == ["r"]
    assert orchestrator.back("ann").unwrap() == (absence,)
    assert orchestrator.absences() == ()
    assert orchestrator.waiting_for("cid").items == ()


def test_what_waits_for_somebody_is_decided_at_once(orchestrator: Orchestrator) -> None:
    """By a rule of the application's own too; each one's result is given in order."""
    orchestrator.start(refund(8), run_id="s")
    page = orchestrator.waiting_for("kim", due_within="3h", limit=1)
    rest = orchestrator.waiting_for("kim", after=page.after)
    both = (*page.items, *rest.items)
    approved = orchestrator.approve_all(both[:1], by="kim")
    rejected = orchestrator.reject_all(both, "late", by="kim")
    assert [each.run_id for each in both] == ["r", "s"]
    assert [isinstance(each, Ok) for each in (*approved, *rejected)] == [True, False, True]


def test_a_chain_says_how_far_it_has_come(orchestrator: Orchestrator) -> None:
    """And one that was not asked is unknown."""
    orchestrator.start(purchase(), run_id="p")
    orchestrator.approve("p", by="ann")
    orchestrator.resume("p")
    progress = orchestrator.progress("p", "buy").unwrap()
    assert (progress.completed, progress.waiting and progress.waiting.name) == (("team",), "finance")
    assert orchestrator.progress("p", "sell") == Err(UnknownApproval("p", "sell", ("buy",)))


def test_a_ledger_is_read_and_redacted(orchestrator: Orchestrator) -> None:
    """And still verifies."""
    orchestrator.comment("r", text="odd", by="ann")
    assert said(orchestrator.ledger("r")[-1])["reason"] == "odd"
    assert orchestrator.redact("r", parts=[Part.TEXT], key="manager") == Ok(1)
    assert said(orchestrator.ledger("r")[-1])["redacted"] == ["text"]
    assert isinstance(orchestrator.verify("r"), Ok)


def test_people_are_told_by_channels() -> None:
    """What could not be delivered is listed, and sent again under the same id."""
    pager = RecordingChannel("pager")
    pager.during = raising(Undeliverable("no such number"))
    with Orchestrator(MemoryStore(clock=TestClock()), workflows=[refund], channels=[pager]) as orchestrator:
        orchestrator.start(refund(7), run_id="r")
        orchestrator.work(once=True)
        (letter,) = orchestrator.dead_letters(channel="pager").items
        pager.during = None
        assert orchestrator.resend("r", letter.key).unwrap().id == letter.id
        orchestrator.work(once=True)
        assert [notice.id for notice in orchestrator.notices("r") if notice.sent_at] == [letter.id]
        assert orchestrator.resend("r", "none") == Err(UnknownNotice("r", "none"))
    assert [delivery.id for delivery in pager.delivered] == [letter.id]
