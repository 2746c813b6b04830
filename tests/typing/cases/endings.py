"""Endings: every one is in the type, and one that is forgotten does not check."""

from __future__ import annotations

from typing import TypeAlias, assert_never, assert_type

from attrs import frozen

from awaitly import (
    AlreadyDecided,
    AmbiguousApproval,
    ApprovalExpired,
    ApprovalRejected,
    Approved,
    ClaimedByOther,
    Decision,
    DurabilityUnknown,
    Edited,
    EditorCannotApprove,
    Err,
    Execution,
    Expired,
    InvalidEdit,
    NeedsReview,
    NotApproved,
    NotAuthorised,
    NotPossible,
    Ok,
    Orchestrator,
    PendingApproval,
    ReauthenticationNeeded,
    Refusal,
    Rejected,
    Result,
    Run,
    RunCancelled,
    RunConflict,
    SelfApproval,
    StaleRevision,
    UnexpectedError,
    Waiting,
    UnknownApproval,
    WorkflowChanged,
    execute,
    workflow,
)


@frozen
class NotFound:
    id: str


AskError: TypeAlias = NotFound | NotApproved


@workflow
async def ask(run: Run[AskError], order_id: str) -> Result[int, AskError]:
    return Ok(await run.approval("manager", proposes=len(order_id)))


async def all_endings(orchestrator: Orchestrator) -> str:
    execution = await orchestrator.start(ask("order-1"))
    assert_type(execution.status is None, bool)
    match execution.result:
        case Ok(value):
            assert_type(value, int)
            return str(value)
        case Err(error):
            match error:
                case NotFound() | ApprovalRejected() | ApprovalExpired():
                    return "the workflow's own"
                case PendingApproval() | Waiting() | RunCancelled() | RunConflict() | WorkflowChanged() | NeedsReview():
                    return "the engine's"
                case UnexpectedError():
                    return "a bug"
                case _:
                    assert_never(error)
        case _:
            assert_never(execution.result)


async def forgotten_ending() -> str:
    execution = await execute(ask("order-1"))
    match execution.result:
        case Ok(value):
            return str(value)
        case Err(error):
            match error:
                case NotFound() | ApprovalRejected() | ApprovalExpired() | PendingApproval() | UnexpectedError():
                    return "some"
                case _:
                    assert_never(error)  # E: five endings of the engine's are forgotten


async def all_decisions(run: Run[AskError]) -> int:
    match await run.decision("manager", proposes=3):
        case Approved(value=value) | Edited(value=value):
            assert_type(value, int)
            return value
        case Rejected(reason=reason):
            assert_type(reason, str | None)
            return 0
        case Expired():
            return 0


async def forgotten_decision(run: Run[AskError]) -> int:
    decided = await run.decision("manager", proposes=3)
    match decided:
        case Approved(value=value) | Edited(value=value):
            return value
        case Rejected():
            return 0
        case _:
            assert_never(decided)  # E: Expired is forgotten


def all_refusals(decided: Result[Decision, Refusal]) -> bool:
    match decided:
        case Ok(decision):
            return decision.replayed
        case Err(refusal):
            match refusal:
                case UnknownApproval() | AmbiguousApproval() | AlreadyDecided() | StaleRevision() | Expired():
                    return False
                case NotAuthorised() | SelfApproval() | EditorCannotApprove() | InvalidEdit():
                    return False
                case ReauthenticationNeeded() | ClaimedByOther() | NotPossible():
                    return False
                case NeedsReview() | DurabilityUnknown():
                    return False
                case _:
                    assert_never(refusal)


async def typed_resume(orchestrator: Orchestrator) -> None:
    typed = await orchestrator.resume("run", ask)
    match typed.result:
        case Ok(value):
            assert_type(value, int)
        case Err(_):
            pass
    text: str = await orchestrator.resume("run", ask)  # E: an execution is no text
    wrong: Execution[str, NotFound] = await orchestrator.start(ask("order-1"))  # E: its value is an int
    print(text, wrong)
