"""Whether what several processes were told at the same time could have been told to them one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import TypeAlias

from attrs import define, frozen

from awaitly import ApprovalRow, Changes, Entry, Found, Ok, RunRow, StepRow, Store
from awaitly.testing.store_model import StoreModel

__all__ = ["Call", "Read", "asked", "linearizable"]

_State: TypeAlias = tuple[
    RunRow | None, tuple[StepRow, ...], frozenset[ApprovalRow], Entry | None, tuple[Entry, ...] | None
]


@frozen
class Read:
    """A question about the run: by `load`, `approvals` or `entries`."""

    how: str


Deed: TypeAlias = Changes | Read
Answer: TypeAlias = bool | _State


@define
class Call:
    """What a process did, from when to when; where it died, `end` and `answer` stay empty."""

    deed: Deed
    start: int
    end: int | None = None
    answer: Answer | None = None


async def asked(store: Store, deed: Deed, run_id: str = "run") -> Answer:
    """Do it, and give the answer in a form that can be compared."""
    match deed:
        case Changes():
            return await store.commit(deed) == Ok(None)
        case Read("load"):
            return _state(await store.load(run_id))
        case Read("approvals"):
            return _state(await store.approvals(run_id))
        case Read():
            entries = await store.entries(run_id)
            return None, (), frozenset(), None, entries


def _state(found: Found) -> _State:
    return found.run, found.steps, frozenset(found.approvals), found.head, None


def _expected(model: StoreModel, deed: Deed, run_id: str = "run") -> Answer:
    """Give what a store must answer that does one thing after the other."""
    if isinstance(deed, Changes):
        return model.commit(deed)
    entries = model.entries_of(run_id)
    head = entries[-1] if entries else None
    approvals = frozenset(model.approvals_of(run_id))
    match deed.how:
        case "load":
            return model.runs.get(run_id), model.steps_of(run_id), approvals, head, None
        case "approvals":
            return None, (), approvals, head, None
        case _:
            return None, (), frozenset(), None, entries


def linearizable(calls: Sequence[Call], model: StoreModel) -> bool:
    """Look for an order in which each call gets the answer that it got; who died may have done it, or not."""
    if all(call.end is None for call in calls):
        return True
    first_end = min(call.end for call in calls if call.end is not None)
    for number, call in enumerate(calls):
        if call.start < first_end:
            after = _copied(model)
            answer = _expected(after, call.deed)
            rest = [*calls[:number], *calls[number + 1 :]]
            if call.answer in {answer, None} and linearizable(rest, after):
                return True
    return False


def _copied(model: StoreModel) -> StoreModel:
    other = copy(model)
    other.runs, other.steps = dict(model.runs), dict(model.steps)
    other.approvals, other.entries = dict(model.approvals), dict(model.entries)
    return other
