"""Whether what several processes were told at the same time could have been told to them one after the other.

The search of Wing and Gong, which remembers what it has tried: an order in which each call takes place at one moment
between its beginning and its end, and each answer is what a model says that does one thing after the other. It is made
for each key apart, for a history is linearizable where that of each of its objects is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeAlias, TypeVar

from attrs import define, frozen

from awaitly import ApprovalRow, Changes, Entry, Found, Ok, RunRow, StepRow, Store
from awaitly.testing.store_model import StoreModel

__all__ = ["EMPTY", "Answer", "Call", "Read", "Row", "Rows", "asked", "linearizable", "on_rows", "seen"]

S = TypeVar("S", bound=Hashable)
D = TypeVar("D")
A = TypeVar("A")


@define
class Call(Generic[D, A]):
    """What a process did, from when to when; where it died, or was not answered, `end` and `answer` stay empty."""

    deed: D
    start: int
    end: int | None = None
    answer: A | None = None


def linearizable(calls: Sequence[Call[D, A]], state: S, act: Callable[[S, D], tuple[A, S]]) -> bool:
    """Look for an order in which each call gets the answer that it got; who died may have done it, or not.

    `act` is the model: it gives the answer to a deed, and the state after it.
    """
    answered = sum(1 << number for number, call in enumerate(calls) if call.end is not None)
    ahead, seen = [(0, state)], {(0, state)}
    while ahead:
        done, state = ahead.pop()
        if done & answered == answered:
            return True
        left = [number for number in range(len(calls)) if not done >> number & 1]
        first_end = min(end for number in left if (end := calls[number].end) is not None)
        for number in left:
            call = calls[number]
            if call.start >= first_end:
                continue
            answer, after = act(state, call.deed)
            following = done | 1 << number, after
            if (call.end is None or call.answer == answer) and following not in seen:
                seen.add(following)
                ahead.append(following)
    return False


# A run's rows in a store


@frozen
class Read:
    """A question about a run: by `load`, `approvals` or `entries`."""

    how: str


Row: TypeAlias = Changes | Read
State: TypeAlias = tuple[
    RunRow | None, tuple[StepRow, ...], frozenset[ApprovalRow], Entry | None, tuple[Entry, ...] | None
]
Answer: TypeAlias = bool | State


@frozen
class Rows:
    """All that a store has of one run."""

    run: RunRow | None = None
    steps: tuple[StepRow, ...] = ()
    approvals: frozenset[ApprovalRow] = frozenset()
    entries: tuple[Entry, ...] = ()

    def model(self) -> StoreModel:
        """Give the model of a store that has nothing else."""
        model = StoreModel()
        model.runs = {} if self.run is None else {self.run.run_id: self.run}
        model.steps = {(row.run_id, row.key): row for row in self.steps}
        model.approvals = {(row.run_id, row.key): row for row in self.approvals}
        model.entries = {(entry.run_id, entry.seq): entry for entry in self.entries}
        return model


EMPTY = Rows()


def on_rows(rows: Rows, deed: Row) -> tuple[Answer, Rows]:
    """Give what a store must answer that does one thing after the other, and what it has then."""
    head = rows.entries[-1] if rows.entries else None
    match deed:
        case Changes():
            model = rows.model()
            if not model.commit(deed):
                return False, rows
            run_id = deed.run_id
            approvals = frozenset(model.approvals_of(run_id))
            return True, Rows(model.runs.get(run_id), model.steps_of(run_id), approvals, model.entries_of(run_id))
        case Read("load"):
            return (rows.run, rows.steps, rows.approvals, head, None), rows
        case Read("approvals"):
            return (None, (), rows.approvals, head, None), rows
        case Read():
            return (None, (), frozenset(), None, rows.entries), rows


async def asked(store: Store, deed: Row, run_id: str = "run") -> Answer:
    """Do it, and give the answer in a form that can be compared."""
    match deed:
        case Changes():
            return await store.commit(deed) == Ok(None)
        case Read("load"):
            return seen(await store.load(run_id))
        case Read("approvals"):
            return seen(await store.approvals(run_id))
        case Read():
            return None, (), frozenset(), None, await store.entries(run_id)


def seen(found: Found) -> State:
    """Give what was found in a form that can be compared."""
    return found.run, found.steps, frozenset(found.approvals), found.head, None
