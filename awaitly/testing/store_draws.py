"""Random commits and queries for `StoreMachine`: few names and few times, so that they often meet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from attrs import define, evolve, field
from hypothesis import strategies as st

from awaitly.approvals.audit import Entry
from awaitly.storage.store import (
    ApprovalQuery,
    ApprovalRow,
    Changes,
    Hold,
    Move,
    NoticeQuery,
    NoticeRow,
    RunQuery,
    RunRow,
    StepRow,
)
from awaitly.testing.rows import T0, approval_row, entry_row, notice_row, run_row, step_row
from awaitly.testing.store_model import StoreModel

__all__ = [
    "CHANNELS",
    "DUE_MOMENTS",
    "LIMITS",
    "RUN_IDS",
    "SOME_LANES",
    "CommitDraw",
    "approval_queries",
    "fillings",
    "notice_queries",
    "run_queries",
]

T = TypeVar("T")

RUN_IDS = st.sampled_from(["a", "A", "ab", "a%", "a_b", "a:b", "\u00e9", "\uff5e", "\U0001f600"])
PREFIXES = st.sampled_from(["", "a", "A", "a%", "a_", "ab", "\u00e9", "\U0001f600", "none"])
KEYS = st.sampled_from(["x", "X", "x%", "b:x", "\U0001f600"])
WORKFLOWS = st.sampled_from(["refund", "payout", "Refund"])
STATUSES = st.sampled_from(["parked", "done", "failed"])
MOMENTS = st.integers(T0, T0 + 6)
DUE_MOMENTS = st.sampled_from([T0 - 1, T0 + 2, T0 + 5, T0 + 6, T0 + 7])
NAMES = st.sampled_from(["*", "a", "A", "a%", "role:a", "\u00e9", "\U0001f600"])
CHANNELS = st.sampled_from(["mail", "Mail", "m%", "\u00e9"])
LANES = st.sampled_from(["", "", "a", "A", "a%"])
SOME_LANES = st.none() | st.lists(LANES | st.just("none"), unique=True, max_size=4)
"""What to ask about: every run, or the lanes of a list."""
LIMITS = st.integers(1, 4)
BODIES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)
FATES = st.sampled_from(["swap", "swap", "swap", "swap", "swap", "hold", "hold", "none", "none", "forget"])
MOSTLY = st.sampled_from([True, True, True, False])
RIGHT = st.just(0)
OFTEN_RIGHT = st.sampled_from([0, 0, 0, 0, 0, 0, 1, -1])


def optional(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """Draw a value or None."""
    return st.none() | strategy


def rarely(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """Draw None three times of four: where every filter is there at once, nothing is left to compare."""
    return st.tuples(st.integers(0, 3), strategy).map(lambda drawn: drawn[1] if drawn[0] == 0 else None)


@define
class Parts:
    """A commit in the making."""

    runs: list[RunRow] = field(factory=list[RunRow])
    holds: list[Hold] = field(factory=list[Hold])
    dropped: list[tuple[str, str]] = field(factory=list[tuple[str, str]])
    steps: list[StepRow] = field(factory=list[StepRow])
    approvals: list[ApprovalRow] = field(factory=list[ApprovalRow])
    notices: list[NoticeRow] = field(factory=list[NoticeRow])
    entries: list[Entry] = field(factory=list[Entry])
    redacted: list[Entry] = field(factory=list[Entry])
    forgotten: list[Hold] = field(factory=list[Hold])


class CommitDraw:
    """Draws a commit about one run: three of four are such as the model takes; in the others a condition may not hold.

    It holds only parts whose order within the commit cannot matter: the run's row is named once at most.
    """

    def __init__(self, data: st.DataObject, model: StoreModel) -> None:
        self._data = data
        self._model = model
        self._parts = Parts()
        self._off = RIGHT if self._draw(MOSTLY) else OFTEN_RIGHT

    def filling(self, run_id: str) -> Changes:
        """Draw one that inserts a run, with its approvals and notices."""
        self._parts.runs.append(self._run(run_id))
        self._approvals(run_id)
        self._notices(run_id)
        return self._changes(run_id)

    def changes(self) -> Changes:
        """Draw it."""
        run_id = self._draw(RUN_IDS)
        self._row(run_id)
        self._steps(run_id)
        self._approvals(run_id)
        self._notices(run_id)
        self._entries(run_id)
        self._redacted(run_id)
        return self._changes(run_id)

    def _changes(self, run_id: str) -> Changes:
        p = self._parts
        if p == Parts():
            p.dropped.append((run_id, self._draw(KEYS)))
        return Changes(
            move=self._draw(st.sampled_from(Move)),
            runs=tuple(p.runs),
            holds=tuple(p.holds),
            dropped=tuple(p.dropped),
            steps=tuple(p.steps),
            approvals=tuple(p.approvals),
            notices=tuple(p.notices),
            entries=tuple(p.entries),
            redacted=tuple(p.redacted),
            forgotten=tuple(p.forgotten),
            wakes=self._draw(st.booleans()),
            flushed=self._draw(st.booleans()),
        )

    def _draw(self, strategy: st.SearchStrategy[T]) -> T:
        return self._data.draw(strategy)

    def _row(self, run_id: str) -> None:
        fate = self._draw(FATES)
        if self._off is RIGHT and fate == "hold" and run_id not in self._model.runs:
            fate = "swap"
        if fate == "swap":
            self._parts.runs.append(self._run(run_id))
        if fate == "hold":
            held = max(1, self._version(run_id))
            self._parts.holds.append(Hold(run_id, held, self._draw(optional(MOMENTS))))
        if fate == "forget":
            self._parts.forgotten.append(Hold(run_id, max(0, self._version(run_id))))

    def _version(self, run_id: str) -> int:
        return self._model.run_version(run_id) + self._draw(self._off)

    def _run(self, run_id: str) -> RunRow:
        return run_row(
            run_id,
            max(1, self._version(run_id) + 1),
            workflow=self._draw(WORKFLOWS),
            status=self._draw(STATUSES),
            created_at=self._draw(MOMENTS),
            updated_at=self._draw(MOMENTS),
            due_at=self._draw(optional(MOMENTS)),
            body=self._draw(BODIES),
            lane=self._draw(LANES),
        )

    def _steps(self, run_id: str) -> None:
        recorded = [step.key for step in self._model.steps_of(run_id)]
        dropped = self._draw(st.lists(KEYS, max_size=2, unique=True)) if self._draw(st.booleans()) else []
        keys = self._draw(st.lists(KEYS, max_size=2))
        if self._draw(self._off) == 0:
            keys = [key for key in dict.fromkeys(keys) if key not in recorded or key in dropped]
        self._parts.dropped.extend((run_id, key) for key in dropped)
        self._parts.steps.extend(step_row(run_id, key, self._draw(BODIES)) for key in keys)

    def _approvals(self, run_id: str) -> None:
        for key in self._draw(st.lists(KEYS, max_size=2, unique=True)):
            version = max(1, self._model.approval_version(run_id, key) + 1 + self._draw(self._off))
            self._parts.approvals.append(
                approval_row(
                    run_id,
                    key,
                    version,
                    workflow=self._draw(WORKFLOWS),
                    open=self._draw(MOSTLY),
                    ready=self._draw(st.booleans()),
                    asked_at=self._draw(MOMENTS),
                    deadline=self._draw(optional(MOMENTS)),
                    body=self._draw(BODIES),
                    audience=self._draw(st.lists(NAMES, max_size=3, unique=True).map(tuple)),
                )
            )

    def _notices(self, run_id: str) -> None:
        for key in self._draw(st.lists(KEYS, max_size=2, unique=True)):
            version = max(1, self._model.notice_version(run_id, key) + 1 + self._draw(self._off))
            self._parts.notices.append(
                notice_row(
                    run_id,
                    key,
                    version,
                    channel=self._draw(CHANNELS),
                    due_at=self._draw(optional(MOMENTS)),
                    dead=self._draw(st.booleans()),
                    body=self._draw(BODIES),
                )
            )

    def _entries(self, run_id: str) -> None:
        first = max(1, self._model.last_seq(run_id) + 1 + min(0, self._draw(self._off)))
        count = self._draw(st.integers(0, 2))
        self._parts.entries.extend(entry_row(run_id, seq, self._draw(BODIES)) for seq in range(first, first + count))

    def _redacted(self, run_id: str) -> None:
        """Take some that are there or come along; where the draw is off, one may be missing or of another hash."""
        last = max((entry.seq for entry in self._parts.entries), default=self._model.last_seq(run_id))
        count = last if self._off is RIGHT else last + 1
        for seq in self._draw(st.lists(st.integers(1, count), max_size=2)) if count else []:
            hashed = entry_row(run_id, seq + self._draw(self._off)).hash
            self._parts.redacted.append(evolve(entry_row(run_id, seq, self._draw(BODIES)), hash=hashed))


def fillings(data: st.DataObject, model: StoreModel) -> Iterator[Changes]:
    """Draw a commit each for many runs, so that listings have several pages from the start."""
    for run_id in data.draw(st.lists(RUN_IDS, unique=True)):
        yield CommitDraw(data, model).filling(run_id)


def run_queries() -> st.SearchStrategy[RunQuery]:
    """Draw which runs to list."""
    return st.builds(
        RunQuery,
        prefix=rarely(PREFIXES),
        workflow=rarely(WORKFLOWS),
        statuses=rarely(st.lists(STATUSES, max_size=2).map(tuple)),
        updated_before=rarely(MOMENTS),
        limit=LIMITS,
        after=st.none(),
    )


def approval_queries() -> st.SearchStrategy[ApprovalQuery]:
    """Draw which approvals to list."""
    return st.builds(
        ApprovalQuery,
        run_id=rarely(RUN_IDS),
        prefix=rarely(PREFIXES),
        workflow=rarely(WORKFLOWS),
        alive_at=rarely(MOMENTS),
        asked_before=rarely(MOMENTS),
        deadline_before=rarely(MOMENTS),
        audience=optional(st.lists(NAMES, max_size=4).map(tuple)),
        limit=LIMITS,
        after=st.none(),
    )


def notice_queries() -> st.SearchStrategy[NoticeQuery]:
    """Draw which notices to list."""
    return st.builds(NoticeQuery, run_id=rarely(RUN_IDS), channel=optional(CHANNELS), limit=LIMITS, after=st.none())
