from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
from attrs import evolve

from awaitly import (
    Actor,
    AlreadyDecided,
    AmbiguousApproval,
    Ask,
    BadSnapshot,
    Err,
    Expired,
    InvalidEdit,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    RunStatus,
    SelfApproval,
    Snapshot,
    UnknownApproval,
    Workflow,
    execute,
    workflow,
)
from awaitly.durations import utc_now
from tests.support import ALICE, BOB, Effects, FlowError, SharedStore, error_of


def refunding(effects: Effects, policy: Policy | None = None) -> Workflow[[int], int, FlowError]:
    """Make a workflow: a step, a question with everything that a question can have, a payment."""

    @workflow
    async def refund(run: Run[FlowError], amount: int) -> Result[int, FlowError]:
        await run.step(effects.do, "before")
        approved = await run.approval(
            "manager",
            proposes=amount,
            summary="Refund \ud83d\ude00 \x00",
            reason="a complaint",
            metadata={"ticket": [1, "x"]},
            redact=("iban",),
            policy=policy or Policy(approvers=["role:manager", "ann"], needs=1, expires_in="90d"),
        )
        return Ok(await run.step(effects.pay, approved))

    return refund


@workflow
async def both(run: Run[FlowError]) -> Result[int, FlowError]:
    """Ask two people at once."""
    a, b = await run.approvals(Ask("legal", proposes=1), Ask("security", proposes=2))
    return Ok(a + b)


STATES = [
    "parked",
    "approved",
    "edited",
    "rejected",
    "completed",
    "failed",
    "raised",
    "expired",
    "cancelled",
    "needs_review",
    "queued",
    "running",
]


async def in_state(name: str, store: SharedStore, clock: Any, effects: Effects) -> Snapshot:
    """Bring a run to a state and take its snapshot."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        execution = await orchestrator.start(refund(5), run_id="r", requested_by=Actor("bot", on_behalf_of="bo"))
        match name:
            case "approved" | "completed" | "failed" | "raised":
                (await orchestrator.approve("r", by=Actor("m", ["manager"]))).unwrap()
                effects.failing |= {"pay"} if name == "failed" else set()
            case "edited":
                (await orchestrator.edit("r", None, 7, by="ann")).unwrap()
            case "rejected":
                (await orchestrator.reject("r", None, "no", by="ann")).unwrap()
            case "expired":
                clock.advance("91d")
            case "cancelled":
                (await orchestrator.cancel("r", reason="x", by="bo")).unwrap()
            case _:
                pass
        if name in {"completed", "failed", "expired", "rejected"}:
            execution = await orchestrator.resume("r")
        execution = await orchestrator.wait("r", timeout="1ms")
    state = execution.snapshot.state
    if name in {"needs_review", "queued", "running"}:
        state = evolve(state, run=evolve(state.run, status=RunStatus(name), reason="why"))
    if name == "raised":
        state = evolve(state, run=evolve(state.run, ended_by="pay", progress=3, recoveries=2, forked_from="q"))
    return Snapshot(state)


@pytest.mark.parametrize("name", STATES)
async def test_every_state_comes_back_from_text(name: str, store: SharedStore, clock: Any, effects: Effects) -> None:
    """What is written is read back equal, and written the same again; the ledger's head stays with the store."""
    snapshot = await in_state(name, store, clock, effects)
    text = snapshot.to_json()
    read = Snapshot.from_json(text)
    assert read.state == evolve(snapshot.state, head=read.state.head)
    assert read.to_json() == text


async def taken(effects: Effects) -> Snapshot:
    """Take the snapshot of a parked run."""
    refund = refunding(effects)
    return (await execute(refund(5), run_id="r")).snapshot


async def test_a_snapshot_that_is_cut_off_anywhere_is_refused(effects: Effects) -> None:
    """Whatever the length that is left, it is `BadSnapshot` and nothing else."""
    text = (await taken(effects)).to_json()
    for length in range(len(text)):
        with pytest.raises(BadSnapshot):
            Snapshot.from_json(text[:length])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Name every member and every item inside a JSON value."""
    members: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        members = list(cast("dict[str, Any]", value).items())
    elif isinstance(value, list):
        members = list(enumerate(cast("Iterable[Any]", value)))
    for key, inner in members:
        yield (*path, key)
        yield from places(inner, (*path, key))


def flipped(value: Any) -> Any:
    """Change a value into another of its kind."""
    match value:
        case bool():
            return not value
        case int():
            return value - 1
        case str():
            return f"{value}x"
        case None:
            return 0
        case dict():
            return {**cast("dict[str, Any]", value), "more": 1}
        case _:
            return [*value, 1]


async def test_every_flipped_member_shows(effects: Effects) -> None:
    """Each member of the text, changed on its own or left out, makes it a `BadSnapshot`."""
    content = json.loads((await taken(effects)).to_json())
    every = list(places(content))
    assert len(every) > 20
    for *path, last in every:
        for drop in (False, True):
            changed = copy.deepcopy(content)
            at = changed
            for part in path:
                at = at[part]
            if drop:
                del at[last]
            else:
                at[last] = flipped(at[last])
            with pytest.raises(BadSnapshot):
                Snapshot.from_json(json.dumps(changed))


async def test_a_member_inside_a_record_shows(effects: Effects) -> None:
    """Every character of the stored bodies is covered too."""
    text = (await taken(effects)).to_json()
    for n in range(text.index('"run"'), len(text) - 1, 7):
        changed = f"{text[:n]}{'a' if text[n] != 'a' else 'b'}{text[n + 1 :]}"
        with pytest.raises(BadSnapshot):
            Snapshot.from_json(changed)


async def test_a_snapshot_of_a_newer_release_is_refused_as_such(effects: Effects) -> None:
    """The message says that a newer release wrote it."""
    content = json.loads((await taken(effects)).to_json())
    with pytest.raises(BadSnapshot, match="newer release"):
        Snapshot.from_json(json.dumps({**content, "awaitly": 2}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "1",
        "[]",
        "{}",
        '{"awaitly":"1"}',
        '{"awaitly":null}',
        '{"awaitly":1}',
        "[" * 100_000,
        "\ud800",
        "NaN",
    ],
    ids=lambda text: text[:20].encode("unicode_escape").decode(),
)
def test_any_other_text_is_no_snapshot(text: str) -> None:
    """It is `BadSnapshot`, whatever it is."""
    with pytest.raises(BadSnapshot):
        Snapshot.from_json(text)


def test_nesting_without_end_inside_a_snapshot_is_no_snapshot() -> None:
    """A text that nests deeper than Python goes is refused like any other."""
    for depth in (500, 900, 990, 1_000, 5_000):
        with pytest.raises(BadSnapshot):
            Snapshot.from_json('{"awaitly":1,"digest":"v1:","run":' + "[" * depth + "]" * depth + "}")


# Deciding on a snapshot


async def test_a_snapshot_lists_what_waits(effects: Effects) -> None:
    """What waits is listed as the execution lists it."""
    execution = await execute(refunding(effects)(5), run_id="r")
    assert execution.snapshot.run_id == "r"
    assert execution.snapshot.pending == execution.pending
    assert [p.key for p in execution.pending] == ["manager"]


async def test_decisions_on_a_snapshot_follow_the_same_table(effects: Effects) -> None:
    """The refusals are those of the orchestrator; a refused decision leaves the snapshot as it was."""
    refund = refunding(effects)
    snapshot = (await execute(refund(5), requested_by=ALICE)).snapshot
    late = utc_now() + timedelta(days=91)
    assert isinstance(error_of(snapshot.approve("boss", by="ann")), UnknownApproval)
    assert error_of(snapshot.approve(by=BOB)).actor == "bob"
    assert isinstance(error_of(snapshot.edit("manager", "x", by="ann")), InvalidEdit)
    assert isinstance(error_of(snapshot.approve(by="ann", now=late)), Expired)
    assert isinstance(error_of(snapshot.reject(by="ann", now=late)), Expired)
    assert isinstance(error_of(snapshot.approve(by=Actor("ann", on_behalf_of="alice"))), SelfApproval)
    approved = snapshot.approve(by="ann").unwrap()
    assert isinstance(error_of(approved.reject(by="ann")), AlreadyDecided)
    assert approved.pending == ()
    assert [p.key for p in snapshot.pending] == ["manager"]


async def test_a_key_is_needed_where_several_wait() -> None:
    """Without a key, `AmbiguousApproval` lists them."""
    snapshot = (await execute(both(), run_id="r")).snapshot
    assert error_of(snapshot.approve(by="ann")) == AmbiguousApproval("r", ("legal", "security"))
    one = snapshot.approve("security", by="ann").unwrap()
    assert one.edit(None, 7, by="ann").unwrap().pending == ()


@pytest.mark.parametrize("through_text", [False, True])
async def test_a_decided_snapshot_runs_on(through_text: bool, effects: Effects) -> None:
    """Approved, edited or rejected, the run goes on from the snapshot, and its earlier steps do not run again."""
    refund = refunding(effects)
    snapshot = (await execute(refund(5), run_id="r")).snapshot
    endings: list[object] = []
    for decided in (
        snapshot.approve(by="ann"),
        snapshot.edit("manager", 3, by="ann"),
        snapshot.reject(reason="no", by="ann"),
    ):
        loaded = Snapshot.from_json(decided.unwrap().to_json()) if through_text else decided.unwrap()
        endings.append((await execute(refund(5), snapshot=loaded)).result)
    assert endings[:2] == [Ok(5), Ok(3)]
    assert isinstance(endings[2], Err)
    assert effects.done == ["before", "pay 5", "pay 3"]


async def test_a_snapshot_of_a_run_in_a_store_runs_on_without_it(store: SharedStore, effects: Effects) -> None:
    """What an orchestrator began, `execute` can end."""
    refund = refunding(effects)
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        snapshot = (await orchestrator.start(refund(5))).snapshot
    assert (await execute(refund(5), snapshot=snapshot.approve(by="ann").unwrap())).result == Ok(5)
