from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from attrs import evolve, frozen

from awaitly import (
    Actor,
    ApprovalRejected,
    Approved,
    DefinitionError,
    Err,
    InvalidEdit,
    NeedsReview,
    NotAuthorised,
    Ok,
    Orchestrator,
    Parked,
    Pending,
    PendingApproval,
    Policy,
    Rejected,
    Result,
    Retry,
    Run,
    RunStatus,
    UnexpectedError,
    Workflow,
    WorkflowChanged,
    approval_step,
    gated_step,
    step,
    workflow,
)
from awaitly.schema import validate
from awaitly.storage.store import ApprovalRow
from tests.support import ALICE, BOB, Effects, FlowError, Refused, SharedStore, error_of, waiting

SECRET = "DE89-3704-0044"


@frozen
class Account:
    """What a payment goes to."""

    name: str
    iban: str


@frozen
class Tree:
    """A class that contains itself."""

    name: str
    children: list[Tree]


class Mailer:
    """A gated function with its calls."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.failing = False

    async def send(self, to: str, amount: int, iban: str = SECRET) -> Result[str, Refused]:
        """Send a mail, or fail."""
        self.sent.append((to, amount, iban))
        return Err(Refused("smtp")) if self.failing else Ok(f"sent to {to}")

    async def transfer(self, account: Account, amount: Decimal) -> Result[str, Refused]:
        """Send to a structured account."""
        self.sent.append((account, amount))
        return Ok(f"{amount} to {account.name}")


@pytest.fixture
def mailer() -> Mailer:
    """Give a function to gate."""
    return Mailer()


def sending(gate: Callable[..., Any], *args: object, **kwargs: object) -> Workflow[[], str, FlowError]:
    """Make a workflow of one gated call."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        sent: str = await run.step(gate, *args, **kwargs)
        return Ok(sent)

    return flow


# What is shown, and what runs


async def test_a_gate_shows_the_arguments_and_then_runs_the_call(store: SharedStore, mailer: Mailer) -> None:
    """The arguments are shown by name, defaults included, before anything runs; approved, the call gives its result."""
    flow = sending(gated_step(mailer.send), "bob", 100)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        pending = waiting((await orchestrator.start(flow(), run_id="r")).result)
        assert pending.arguments == {"to": "bob", "amount": 100, "iban": SECRET}
        assert mailer.sent == []
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("sent to bob")
    assert mailer.sent == [("bob", 100, SECRET)]


async def test_an_edited_gate_runs_with_the_edited_arguments(store: SharedStore, mailer: Mailer) -> None:
    """What runs is what the editor wrote, typed as the function's parameters are."""
    flow = sending(gated_step(mailer.transfer), Account("bob", "x"), Decimal(5))
    edit = {"account": {"$type": "Account", "name": "eve", "iban": "y"}, "amount": "7.50"}
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.edit("r", None, edit, by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("7.50 to eve")
    assert mailer.sent == [(Account("eve", "y"), Decimal("7.50"))]


@pytest.mark.parametrize(
    "edit",
    [
        {"to": "bob"},
        {"to": "bob", "amount": "much", "iban": "x"},
        {"to": "bob", "amount": 1, "iban": "x", "more": 1},
        {"to": None, "amount": 1, "iban": "x"},
        ["bob", 1, "x"],
        "bob",
        None,
    ],
    ids=str,
)
async def test_an_edit_that_does_not_fit_is_refused_when_it_is_made(
    edit: object, store: SharedStore, mailer: Mailer
) -> None:
    """A misfit is `InvalidEdit` at once, and the question is still open as it was."""
    flow = sending(gated_step(mailer.send), "bob", 100)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        before = (await store.load("r")).approvals
        assert isinstance(error_of(await orchestrator.edit("r", None, edit, by="ann")), InvalidEdit)
        assert (await store.load("r")).approvals == before


async def test_arguments_of_a_class_that_contains_itself_can_be_edited(store: SharedStore, effects: Effects) -> None:
    """The stored schema of a call covers recursive classes too."""

    async def plant(tree: Tree) -> Result[str, Refused]:
        return await effects.do(f"{tree.name} {len(tree.children)}")

    flow = sending(gated_step(plant), Tree("a", [Tree("b", [])]))
    edit: object = {"tree": {"$type": "Tree", "name": "c", "children": []}}
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.edit("r", None, edit, by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("c 0")


async def test_a_rejected_gate_runs_nothing(store: SharedStore, mailer: Mailer) -> None:
    """A rejection ends the workflow with its reason, and the call never runs."""
    flow = sending(gated_step(mailer.send), "bob", 100)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.reject("r", reason="too much", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Err(ApprovalRejected("r", "send", "ann", "too much"))
    assert mailer.sent == []


async def test_an_attempted_gate_gives_the_rejection_as_a_value(store: SharedStore, mailer: Mailer) -> None:
    """`run.attempt` of a gate hands the rejection to the workflow, which goes on."""
    gate = gated_step(mailer.send)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        match await run.attempt(gate, "bob", 1):
            case Err(ApprovalRejected(reason=reason)):
                return Ok(f"not sent: {reason}")
            case other:
                return Ok(str(other))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.reject("r", reason="no", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("not sent: no")


# Which calls ask


@pytest.mark.parametrize(("amount", "asks"), [(50, False), (51, True)])
async def test_only_calls_that_the_predicate_names_ask(
    amount: int, asks: bool, store: SharedStore, mailer: Mailer
) -> None:
    """A call that the predicate lets through runs at once."""
    flow = sending(gated_step(mailer.send, when=lambda to, amount, iban="": amount > 50), "bob", amount)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
    assert isinstance(execution.result, Err) is asks
    assert bool(mailer.sent) is not asks


def broken(*_: object, **__: object) -> Any:
    """Stand for a predicate or description with a bug."""
    raise ZeroDivisionError


@pytest.mark.parametrize("answer", [None, 0, "", []])
async def test_a_predicate_that_gives_no_answer_closes_the_gate(
    store: SharedStore, mailer: Mailer, answer: Any
) -> None:
    """One that forgot to return, for instance: only False lets a call through."""
    flow = sending(gated_step(mailer.send, when=lambda to, amount, iban="": answer), "bob", 1)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert waiting((await orchestrator.start(flow(), run_id="r")).result).key == "send"
    assert mailer.sent == []


async def test_a_predicate_that_raises_closes_the_gate(store: SharedStore, mailer: Mailer) -> None:
    """Where nobody can say whether to ask, the question is put."""
    flow = sending(gated_step(mailer.send, when=broken), "bob", 1)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert waiting((await orchestrator.start(flow(), run_id="r")).result).key == "send"
    assert mailer.sent == []


async def test_a_predicate_that_changes_its_mind_does_not_open_a_gate_that_asked(
    store: SharedStore, mailer: Mailer, effects: Effects
) -> None:
    """Once a question stands for a call, the call does not run without its answer, whatever is said later."""
    strict = [True]
    gate = gated_step(mailer.send, when=lambda to, amount, iban="": strict[0])

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        amount, _ = await run.gather(run.approval("other", proposes=1), run.step(gate, "bob", 1))
        return Ok(amount)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", "other", by="ann")).unwrap()
        strict[0] = False
        execution = await orchestrator.resume("r")
    assert mailer.sent == []
    assert isinstance(error_of(execution.result), WorkflowChanged | PendingApproval)


async def test_a_predicate_that_closes_later_does_not_ask_about_what_ran(store: SharedStore, mailer: Mailer) -> None:
    """A call that ran ungated is recorded; a predicate that would ask today is drift, and nothing runs again."""
    strict = [False]
    gate = gated_step(mailer.send, when=lambda to, amount, iban="": strict[0])

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        await run.step(gate, "bob", 1)
        return Ok(await run.approval("other", proposes=1))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        strict[0] = True
        assert isinstance(error_of((await orchestrator.resume("r")).result), WorkflowChanged)
        strict[0] = False
        assert (await orchestrator.resume("r")).result == Ok(1)
    assert len(mailer.sent) == 1


# What people read, and what they never read


async def test_the_description_is_made_from_the_arguments(store: SharedStore, mailer: Mailer) -> None:
    """`describe` gets the arguments as the call would."""
    flow = sending(gated_step(mailer.send, describe=lambda to, amount, iban="": f"Send {amount} to {to}"), "bob", 100)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert waiting((await orchestrator.start(flow(), run_id="r")).result).summary == "Send 100 to bob"


@pytest.mark.parametrize("describe", [None, broken])
async def test_without_a_description_the_arguments_speak(
    describe: Callable[..., str] | None, store: SharedStore, mailer: Mailer
) -> None:
    """A missing or broken description does not stop the question; the summary shows the call, redacted."""
    flow = sending(gated_step(mailer.send, describe=describe, redact=["iban"]), "bob", 100)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        summary = waiting((await orchestrator.start(flow(), run_id="r")).result).summary
    assert summary == 'send {"to": "bob", "amount": 100, "iban": "[redacted]"}'


async def seen_by_people(orchestrator: Orchestrator) -> str:
    """Collect all that is shown of the approvals of run `r`."""
    listed = (await orchestrator.pending()).items
    details = (await orchestrator.status("r")).unwrap()
    history = (await orchestrator.history("r")).unwrap()
    shown = [*listed, *details.pending, *(a.view() for a in details.approvals)]
    return "\n".join([*map(repr, shown), *map(str, shown), *(e.body for e in history.entries)])


async def test_a_redacted_argument_is_in_nothing_that_is_shown(store: SharedStore, mailer: Mailer) -> None:
    """View, summary, listing and ledger leave the secret out, before and after the decision; the call gets it."""
    gate = gated_step(mailer.send, describe=lambda to, amount, iban="": f"Send to {to} at {iban}", redact=["iban"])
    flow = sending(gate, "bob", 100)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        shown = await seen_by_people(orchestrator) + repr(execution.result) + repr(execution.pending)
        (await orchestrator.approve("r", by="ann")).unwrap()
        shown += await seen_by_people(orchestrator)
        assert (await orchestrator.resume("r")).result == Ok("sent to bob")
        shown += await seen_by_people(orchestrator)
    assert SECRET not in shown
    assert mailer.sent == [("bob", 100, SECRET)]


async def test_a_redacted_member_inside_an_argument_is_blanked(store: SharedStore, mailer: Mailer) -> None:
    """`redact` reaches members inside arguments, in the summary too."""
    gate = gated_step(mailer.transfer, describe=lambda account, amount: f"to {account}", redact=["iban"])
    flow = sending(gate, Account("bob", SECRET), Decimal(1))
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert SECRET not in await seen_by_people(orchestrator) + repr(execution.result)


async def test_a_secret_number_is_blanked_in_the_description(store: SharedStore, mailer: Mailer) -> None:
    """A redacted number disappears from the text of the description as well."""
    gate = gated_step(mailer.send, describe=lambda to, amount, iban="": f"PIN {amount} for {to}", redact=["amount"])
    flow = sending(gate, "bob", 481516)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert waiting((await orchestrator.start(flow(), run_id="r")).result).summary == "PIN [redacted] for bob"


@pytest.mark.parametrize("summary", [None, f"pay into {SECRET}"])
async def test_redacted_members_of_a_proposal_are_in_nothing_that_is_shown(
    summary: str | None, store: SharedStore
) -> None:
    """`redact` of a question covers its summary, whether that is made from the proposal or given."""

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        account = Account("bob", SECRET)
        approved = await run.approval("manager", proposes=account, summary=summary, redact=("iban",))
        return Ok(approved.iban)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert SECRET not in await seen_by_people(orchestrator) + repr(execution.result)
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok(SECRET)


async def test_the_digest_covers_what_is_redacted(store: SharedStore, mailer: Mailer) -> None:
    """Two calls that look alike because their secrets are blanked have different digests."""
    gate = gated_step(mailer.send, redact=["iban"])
    one, other = sending(gate, "bob", 1, "A"), sending(gate, "bob", 1, "B")
    async with Orchestrator(store) as orchestrator:
        first = waiting((await orchestrator.start(one(), run_id="a")).result)
        second = waiting((await orchestrator.start(other(), run_id="b")).result)
    assert first.arguments == second.arguments
    assert first.digest != second.digest


def test_a_misspelt_redaction_is_refused(mailer: Mailer) -> None:
    """A name that is nowhere among plain parameters would show the secret, so it is refused at once."""
    with pytest.raises(DefinitionError, match="no parameter ibn"):
        gated_step(mailer.send, redact=["ibn"])
    with pytest.raises(DefinitionError, match="not one text"):
        gated_step(mailer.send, redact="iban")


# What was approved is what runs


def tampered(row: ApprovalRow, **changes: object) -> ApprovalRow:
    """Change members of an approval's body, as an edit of the database would."""
    body = {**json.loads(row.body), **changes}
    return evolve(row, version=row.version + 1, body=json.dumps(body))


@pytest.mark.parametrize(
    "changes",
    [
        {"proposal": '{"to":"eve","amount":100,"iban":"x"}'},
        {"edited": '{"to":"eve","amount":100,"iban":"x"}', "editor": "ann"},
        {"operation": "other"},
        {"schema": "{}"},
        {"policy": {"needs": 2}},
        {"digest": "v1:0"},
    ],
    ids="+".join,
)
async def test_what_was_changed_in_the_store_after_the_approval_never_runs(
    changes: dict[str, object], each_store: SharedStore, mailer: Mailer
) -> None:
    """Whatever part of the approved content is changed, the run is set aside; nothing executes, nor does a retry."""
    flow = sending(gated_step(mailer.send), "bob", 100)
    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        [row] = (await each_store.load("r")).approvals
        await each_store.change_approval(tampered(row, **changes))
        execution = await orchestrator.resume("r")
        assert isinstance(error_of(execution.result), NeedsReview)
        assert execution.status is RunStatus.NEEDS_REVIEW
        assert isinstance(error_of((await orchestrator.retry("r")).result), NeedsReview)
    assert mailer.sent == []


async def test_what_was_changed_after_the_decision_was_taken_up_never_runs(store: SharedStore, mailer: Mailer) -> None:
    """The approved arguments are checked before every execution, also where a retry takes them up again."""
    mailer.failing = True
    flow = sending(gated_step(mailer.send), "bob", 100)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).status is RunStatus.FAILED
        [row] = (await store.load("r")).approvals
        await store.change_approval(evolve(row, version=row.version + 1, body=row.body.replace("bob", "eve")))
        mailer.failing = False
        execution = await orchestrator.retry("r")
    assert mailer.sent == [("bob", 100, SECRET)]
    assert isinstance(error_of(execution.result), NeedsReview | WorkflowChanged)


async def test_what_was_edited_cannot_be_changed_after_either(store: SharedStore, mailer: Mailer) -> None:
    """The same for arguments that an editor wrote."""
    mailer.failing = True
    flow = sending(gated_step(mailer.send), "bob", 100)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.edit("r", None, {"to": "carl", "amount": 5, "iban": "x"}, by="ann")).unwrap()
        assert (await orchestrator.resume("r")).status is RunStatus.FAILED
        [row] = (await store.load("r")).approvals
        await store.change_approval(evolve(row, version=row.version + 1, body=row.body.replace("carl", "eve")))
        mailer.failing = False
        execution = await orchestrator.retry("r")
    assert mailer.sent == [("carl", 5, "x")]
    assert isinstance(error_of(execution.result), NeedsReview | WorkflowChanged)


async def test_an_editor_who_was_not_shown_a_member_keeps_it(store: SharedStore, mailer: Mailer) -> None:
    """What stands for a redacted value in an edit is put back, and the call gets the real one."""
    flow = sending(gated_step(mailer.send, redact=["iban"]), "bob", 100)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        shown = waiting((await orchestrator.start(flow(), run_id="r")).result).arguments
        (await orchestrator.edit("r", None, {**shown, "amount": 7}, by="ann")).unwrap()
        await orchestrator.resume("r")
    assert mailer.sent == [("bob", 7, SECRET)]


async def test_redacted_items_of_a_list_are_never_mixed_up(store: SharedStore) -> None:
    """An edit that touches a list with redacted members is refused unless it names their values."""
    accounts = [{"iban": "X", "n": 1}, {"iban": "Y", "n": 2}]

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        proposal: Any = {"items": accounts, "note": "a"}
        approved: Any = await run.approval("manager", proposes=proposal, redact=("iban",))
        return Ok(str([item["iban"] for item in approved["items"]]))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        shown = waiting((await orchestrator.start(flow(), run_id="r")).result).arguments
        for items in (shown["items"][1:], shown["items"][::-1], [*shown["items"], shown["items"][0]]):
            refused = await orchestrator.edit("r", None, {**shown, "items": items}, by="ann")
            assert isinstance(error_of(refused), InvalidEdit)
        (await orchestrator.edit("r", None, {**shown, "note": "b"}, by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("['X', 'Y']")


async def test_a_failed_call_is_retried_under_the_same_approval(store: SharedStore, mailer: Mailer) -> None:
    """A gated call that failed runs again by `retry` with the approved arguments; nobody is asked twice."""
    mailer.failing = True
    flow = sending(gated_step(mailer.send), "bob", 100)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Err(Refused("smtp"))
        mailer.failing = False
        assert (await orchestrator.retry("r")).result == Ok("sent to bob")
        assert len((await orchestrator.status("r")).unwrap().approvals) == 1
    assert len(mailer.sent) == 2


async def test_the_policy_of_a_gate_is_the_gates_own(store: SharedStore, mailer: Mailer) -> None:
    """Who may decide on a call is said where the gate is made."""
    flow = sending(gated_step(mailer.send, key="mail", policy=Policy(approvers=["alice"])), "bob", 100)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert waiting((await orchestrator.start(flow(), run_id="r")).result).key == "mail"
        assert isinstance(error_of(await orchestrator.approve("r", by=BOB)), NotAuthorised)
        assert (await orchestrator.approve("r", by=ALICE)).unwrap().approval.pending is False


# Definitions


def test_a_gated_function_cannot_be_called_around_its_gate(mailer: Mailer) -> None:
    """Calling it directly raises; so does the same call inside another step."""
    with pytest.raises(DefinitionError, match="is gated"):
        gated_step(mailer.send)("bob", 1)


def test_every_parameter_of_a_gated_function_has_a_name() -> None:
    """`*args` cannot be shown by name, so it is refused where the gate is defined."""

    async def anything(*parts: str) -> Result[int, Refused]:
        return Ok(len(parts))

    with pytest.raises(DefinitionError, match=r"\*parts"):
        gated_step(anything)


async def test_a_gated_step_keeps_its_retries(store: SharedStore, effects: Effects) -> None:
    """A step with options can be gated: once approved, it is tried as often as the options say."""
    effects.failing.add("x")

    async def flaky(what: str) -> Result[str, Refused]:
        if len(effects.done) == 1:
            effects.failing.clear()
        return await effects.do(what)

    gate = gated_step(step(flaky, retry=Retry(attempts=3, base="1ms", on=(Refused,))))
    flow = sending(gate, "x")
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("x")
    assert effects.done == ["x", "x"]


async def test_a_partial_can_be_gated(store: SharedStore, mailer: Mailer) -> None:
    """A `functools.partial` is shown with what is left open, under its function's name."""
    flow = sending(gated_step(partial(mailer.send, iban="bound")), "bob", 100)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        pending = waiting((await orchestrator.start(flow(), run_id="r")).result)
        (await orchestrator.approve("r", by="ann")).unwrap()
        assert (await orchestrator.resume("r")).result == Ok("sent to bob")
    assert pending.arguments["to"] == "bob"
    assert mailer.sent == [("bob", 100, "bound")]


async def test_two_calls_of_a_gate_are_two_questions(store: SharedStore, mailer: Mailer) -> None:
    """A second call asks under a key of its own; approving one says nothing about the other."""
    gate = gated_step(mailer.send, key="mail")

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        a, b = await run.gather(run.step(gate, "a", 1), run.step(gate, "b", 2))
        return Ok(a + b)

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
        assert [p.key for p in execution.pending] == ["mail", "mail#2"]
        (await orchestrator.approve("r", "mail#2", by="ann")).unwrap()
        assert waiting((await orchestrator.resume("r")).result).key == "mail"
        assert mailer.sent == [("b", 2, SECRET)]


# Systems of record of the user's own


class Record:
    """A system of record that counts how often it is asked."""

    def __init__(self) -> None:
        self.answer: object = Pending()
        self.asked = 0

    async def look(self, order: str) -> Any:
        """Look the order's approval up."""
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def looking(record: Record, effects: Effects, schema: type | None = None) -> Workflow[[], str, FlowError]:
    """Make a workflow that asks a system of record."""
    check: Any = approval_step("manager", check=record.look, schema=schema)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[str, FlowError]:
        await run.step(effects.do, "before")
        value: object = await run.step(check, "order-1")
        await run.step(effects.do, "after")
        return Ok(repr(value))

    return flow


async def test_a_pending_answer_is_never_kept(each_store: SharedStore, effects: Effects) -> None:
    """The check is asked at every resume; as long as it says pending, nothing is written and nothing runs again."""
    record = Record()
    flow = looking(record, effects)
    async with Orchestrator(each_store, workflows=[flow]) as orchestrator:
        pending = waiting((await orchestrator.start(flow(), run_id="r")).result)
        assert (pending.external, pending.arguments) == (True, {"order": "order-1"})
        each_store.reset()
        for n in range(3):
            assert waiting((await orchestrator.resume("r")).result).key == "manager"
            assert record.asked == n + 2
        assert each_store.written == 0
        record.answer = Approved(5)
        assert (await orchestrator.resume("r")).result == Ok("5")
        assert (await orchestrator.pending()).items == ()
    assert effects.done == ["before", "after"]


async def test_an_answer_is_kept_and_not_asked_again(store: SharedStore, effects: Effects) -> None:
    """Once the system of record has answered, a retry takes the answer from the journal."""
    record = Record()
    record.answer = Approved("yes", Actor("sap"))
    effects.failing.add("after")
    flow = looking(record, effects)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert (await orchestrator.start(flow(), run_id="r")).result == Err(Refused("after"))
        effects.failing.clear()
        record.answer = Rejected("changed its mind")
        assert (await orchestrator.retry("r")).result == Ok("'yes'")
    assert record.asked == 1


async def test_an_approved_value_is_typed(store: SharedStore, effects: Effects) -> None:
    """With a `schema` the value comes back as that type, also through the store."""
    record = Record()
    flow = looking(record, effects, Decimal)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        record.answer = Approved(Decimal("1.50"))
        execution = await orchestrator.resume("r")
        assert execution.result == Ok("Decimal('1.50')")
        details = (await orchestrator.status("r")).unwrap()
    assert [a.status.value for a in details.approvals] == ["approved"]


async def test_an_approved_value_of_another_type_is_an_error(store: SharedStore, effects: Effects) -> None:
    """A value that is not what the `schema` says does not pass."""
    record = Record()
    record.answer = Approved("text")
    flow = looking(record, effects, Decimal)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        error = error_of((await orchestrator.start(flow(), run_id="r")).result)
    assert isinstance(error, UnexpectedError)
    assert effects.done == ["before"]


async def test_a_rejecting_system_of_record_ends_the_workflow(store: SharedStore, effects: Effects) -> None:
    """Its reason and its actor are those of the rejection."""
    record = Record()
    flow = looking(record, effects)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        record.answer = Rejected("over budget", Actor("cfo"))
        execution = await orchestrator.resume("r")
        assert execution.result == Err(ApprovalRejected("r", "manager", "cfo", "over budget"))
        assert (await orchestrator.status("r")).unwrap().approvals[0].status.value == "rejected"
    assert effects.done == ["before"]


async def test_a_check_that_raises_never_approves(store: SharedStore, effects: Effects) -> None:
    """A system of record that is down ends the call with its error; the run can be tried again and then answers."""
    record = Record()
    flow = looking(record, effects)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        record.answer = ConnectionError("down")
        execution = await orchestrator.resume("r")
        assert isinstance(error_of(execution.result), UnexpectedError)
        record.answer = Pending()
        assert waiting((await orchestrator.retry("r")).result).key == "manager"
        assert [p.key for p in (await orchestrator.pending()).items] == ["manager"]
        record.answer = Approved(3)
        assert (await orchestrator.resume("r")).result == Ok("3")
    assert effects.done == ["before", "after"]


async def test_a_check_that_answers_nonsense_never_approves(store: SharedStore, effects: Effects) -> None:
    """Nothing is inferred from `None`, `True` or a text."""
    for n, answer in enumerate((None, True, "approved", 1)):
        record = Record()
        record.answer = answer
        flow = looking(record, effects)
        async with Orchestrator(store, workflows=[flow]) as orchestrator:
            error = error_of((await orchestrator.start(flow(), run_id=f"r{n}")).result)
        assert (error.kind, error.where) == ("TypeError", "manager")
    assert "after" not in effects.done


async def test_an_answer_with_a_time_without_a_zone_does_not_break_the_run(
    store: SharedStore, effects: Effects
) -> None:
    """An answer that cannot be kept is an error of the step, not an exception out of the orchestrator."""
    record = Record()
    record.answer = Approved(1, at=datetime(2030, 1, 1))  # noqa: DTZ001
    flow = looking(record, effects)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        execution = await orchestrator.start(flow(), run_id="r")
    assert execution.status in {RunStatus.COMPLETED, RunStatus.FAILED}


async def test_nobody_decides_in_place_of_the_system_of_record(store: SharedStore, effects: Effects) -> None:
    """The verbs refuse a question that another system answers."""
    record = Record()
    flow = looking(record, effects)
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        assert isinstance(error_of(await orchestrator.approve("r", by=Actor("root", ["admin"]))), NotAuthorised)
        assert isinstance(error_of(await orchestrator.reject("r", by="ann")), NotAuthorised)
        assert waiting((await orchestrator.resume("r")).result).key == "manager"


async def test_a_plain_check_is_asked_too(store: SharedStore) -> None:
    """The check may be a plain function."""

    def look() -> Approved[int]:
        return Approved(4)

    check = approval_step("manager", check=look, schema=int)

    @workflow
    async def flow(run: Run[FlowError]) -> Result[int, FlowError]:
        return Ok(await run.step(check))

    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        assert (await orchestrator.start(flow())).result == Ok(4)


def test_an_approval_step_cannot_be_called_outside_a_run() -> None:
    """Nothing outside a run could wait."""
    with pytest.raises(DefinitionError, match="waits"):
        approval_step("manager", check=Pending)()


def test_parked_is_public_and_no_exception() -> None:
    """Who must let parking pass on purpose can name it; `except Exception` does not catch it."""
    assert issubclass(Parked, BaseException)
    assert not issubclass(Parked, Exception)


async def test_what_a_call_writes_is_valid_under_its_own_schema(store: SharedStore) -> None:
    """The schema that is stored with a gated call fits its arguments, also those of a class that contains itself."""

    async def plant(tree: Tree) -> Result[str, Refused]:
        return Ok(tree.name)

    flow = sending(gated_step(plant), Tree("a", [Tree("b", [])]))
    async with Orchestrator(store, workflows=[flow]) as orchestrator:
        await orchestrator.start(flow(), run_id="r")
        [approval] = (await orchestrator.status("r")).unwrap().approvals
    assert validate(approval.schema, json.loads(approval.proposal)) == Ok(None)
