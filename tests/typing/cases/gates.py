"""Gates and questions: a gated step needs `NotApproved` like any approval, and keeps its parameters."""

from __future__ import annotations

from typing import TypeAlias, assert_type

from attrs import frozen

from awaitly import Approved, Ask, NotApproved, Ok, Pending, Rejected, Result, Run, approval_step, gated_step, workflow


@frozen
class SendFailed:
    why: str


async def send(to: str, subject: str) -> Result[int, SendFailed]:
    return Ok(len(to) + len(subject))


def outside(to: str, subject: str) -> bool:
    return not to.endswith("@example.com") and bool(subject)


def described(to: str, subject: str) -> str:
    return f"mail {subject!r} to {to}"


def wants_a_number(to: int) -> bool:
    return to > 0


gated_send = gated_step(send, key="mail", when=outside, describe=described, redact=["subject"])
misfit = gated_step(send, when=wants_a_number)  # E: the predicate takes other arguments


async def lookup(order_id: str) -> Pending | Approved[int] | Rejected:
    return Approved(len(order_id))


manager_says = approval_step("manager", check=lookup, schema=int)

MailError: TypeAlias = SendFailed | NotApproved


@workflow
async def mail(run: Run[MailError], to: str) -> Result[int, MailError]:
    assert_type(await run.step(gated_send, to, "hello"), int)
    assert_type(await run.step(manager_says, "order-1"), int)
    both = await run.approvals(Ask("legal", proposes="text"), Ask("security", proposes=3))
    assert_type(both, tuple[str, int])
    await run.step(gated_send, to)  # E: an argument is missing
    await run.step(manager_says, 3)  # E: the check takes a str
    return Ok(1)


@workflow
async def ungranted(run: Run[SendFailed], to: str) -> Result[int, SendFailed]:
    await run.step(manager_says, to)  # E: the workflow does not declare NotApproved
    await run.approvals(Ask("legal", proposes="text"))  # E: the workflow does not declare NotApproved
    return Ok(await run.step(gated_send, to, "hello"))  # E: the workflow does not declare NotApproved
