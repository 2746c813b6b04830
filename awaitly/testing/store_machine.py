"""Random histories over any store, compared with a simple model: the second half of what a store must pass.

    def test_my_store_equals_its_model() -> None:
        check_store(open_my_store)

Here `open_my_store` is an async function that gives an open store without rows; it is called once for each history.
Needs Hypothesis. The test is a plain function: the machine has an event loop of its own.
"""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias, TypeVar

from attrs import evolve
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from awaitly.result import Ok
from awaitly.storage.store import ApprovalQuery, ApprovalRow, Changes, NoticeQuery, Page, RunQuery, Store
from awaitly.testing.store_draws import (
    CHANNELS,
    DUE_MOMENTS,
    LIMITS,
    RUN_IDS,
    SOME_LANES,
    CommitDraw,
    approval_queries,
    fillings,
    notice_queries,
    run_queries,
)
from awaitly.testing.store_model import StoreModel

__all__ = ["OpenStore", "StoreMachine", "check_store", "machine_settings"]

T = TypeVar("T")

PAGES = 4
"""How far a walk goes: over enough pages for a mistake at the second one to show."""

SHORT, WHOLE = (50, 40), (500, 100)
"""Histories, and moves in each, of a check; and of a long one."""

OpenStore: TypeAlias = Callable[[], Awaitable[Store]]
"""Gives an open store without rows, each time another."""


def machine_settings() -> settings:
    """Give the length of a check: 50 histories of 40 moves, or 500 of 100 where `AWAITLY_FAULTS` is `long`.

    `AWAITLY_FAULTS_SHARE`, where it is set, says which share of 500 it is then; no fewer than 50.
    """
    share = float(os.environ.get("AWAITLY_FAULTS_SHARE", "1"))
    histories, moves = SHORT
    if os.environ.get("AWAITLY_FAULTS") == "long":
        histories, moves = max(histories, round(WHOLE[0] * share)), WHOLE[1]
    return settings(
        max_examples=histories,
        stateful_step_count=moves,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def check_store(open_store: OpenStore, length: settings | None = None) -> None:
    """Compare a store with its model over random histories. Raises `AssertionError` with the shortest that differs."""

    class Machine(StoreMachine):
        """The machine over this store; Hypothesis makes one for each history."""

        def __init__(self) -> None:
            super().__init__(open_store)

    run_state_machine_as_test(Machine, settings=length or machine_settings())


class StoreMachine(RuleBasedStateMachine):
    """Does the same to a store and to the model, and compares every answer that the contract lays down."""

    def __init__(self, open_store: OpenStore) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._model = StoreModel()
        self._store = self._wait(_opened(open_store))

    def teardown(self) -> None:
        """Close the store and the event loop."""
        try:
            self._wait(self._store.close())
        finally:
            self._runner.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    @rule(data=st.data(), count=st.integers(1, 6))
    def commit(self, data: st.DataObject, count: int) -> None:
        """Taken or refused alike; afterwards all of the run that it was about is the same on both sides."""
        for _ in range(count):
            self._commit(CommitDraw(data, self._model).changes())

    @initialize(data=st.data())
    def fill(self, data: st.DataObject) -> None:
        """A history begins with some rows, or none."""
        for changes in fillings(data, self._model):
            self._commit(changes)

    def _commit(self, changes: Changes) -> None:
        taken = self._wait(self._store.commit(changes)) == Ok(None)
        assert taken == self._model.commit(changes), f"taken: {taken}: {changes}"
        self.load(changes.run_id)

    @rule(run_id=RUN_IDS)
    def load(self, run_id: str) -> None:
        """All of a run, in order."""
        found = self._wait(self._store.load(run_id))
        entries = self._model.entries_of(run_id)
        assert found.run == self._model.runs.get(run_id)
        assert found.steps == self._model.steps_of(run_id)
        assert found.head == (entries[-1] if entries else None)
        self._compare_approvals(run_id, found.approvals)
        assert self._wait(self._store.entries(run_id)) == entries
        assert self._wait(self._store.notices(run_id)) == self._model.notices_of(run_id)

    @rule(run_id=RUN_IDS)
    def approvals(self, run_id: str) -> None:
        """A run's approvals without the run."""
        found = self._wait(self._store.approvals(run_id))
        entries = self._model.entries_of(run_id)
        assert (found.run, found.steps, found.head) == (None, (), entries[-1] if entries else None)
        self._compare_approvals(run_id, found.approvals)

    def _compare_approvals(self, run_id: str, found: tuple[ApprovalRow, ...]) -> None:
        assert set(found) == self._model.approvals_of(run_id)
        assert len(found) == len(set(found))
        asked = [row.asked_at for row in found]
        assert asked == sorted(asked)

    @rule(query=run_queries(), data=st.data())
    def walk_runs(self, query: RunQuery, data: st.DataObject) -> None:
        """Page after page, with commits between them."""
        last = None
        for _ in range(PAGES):
            page = self._wait(self._store.page_runs(query))
            self._compare_page(page, self._model.list_runs(query, last), query.limit)
            if page.after is None:
                break
            query, last = evolve(query, after=page.after), page.items[-1]
            self._between_pages(data)

    @rule(query=approval_queries(), data=st.data())
    def walk_approvals(self, query: ApprovalQuery, data: st.DataObject) -> None:
        """Page after page, with commits between them."""
        last = None
        for _ in range(PAGES):
            page = self._wait(self._store.page_approvals(query))
            self._compare_page(page, self._model.list_approvals(query, last), query.limit)
            if page.after is None:
                break
            query, last = evolve(query, after=page.after), page.items[-1]
            self._between_pages(data)

    @rule(query=notice_queries(), data=st.data())
    def walk_notices(self, query: NoticeQuery, data: st.DataObject) -> None:
        """Page after page, with commits between them."""
        last = None
        for _ in range(PAGES):
            page = self._wait(self._store.page_notices(query))
            self._compare_page(page, self._model.list_notices(query, last), query.limit)
            if page.after is None:
                break
            query, last = evolve(query, after=page.after), page.items[-1]
            self._between_pages(data)

    @rule(now=DUE_MOMENTS, limit=LIMITS, channel=CHANNELS)
    def due_notices(self, now: int, limit: int, channel: str) -> None:
        """Those of a channel whose time has come, in its order; a limit gives the first ones."""
        expected = self._model.due_notices(now, channel)
        assert self._wait(self._store.due_notices(now, 100, channel)) == expected
        assert self._wait(self._store.due_notices(now, limit, channel)) == expected[:limit]

    @rule(now=DUE_MOMENTS, channel=CHANNELS)
    def next_notice(self, now: int, channel: str) -> None:
        """The first time to come."""
        assert self._wait(self._store.next_notice(now, channel)) == self._model.next_notice(now, channel)

    def _compare_page(self, page: Page[T], expected: tuple[T, ...], limit: int) -> None:
        assert page.items == expected[:limit]
        assert page.items or page.after is None, "a page without items must be the last"
        assert page.after is not None or len(expected) <= limit, "a page that others follow must say so"

    def _between_pages(self, data: st.DataObject) -> None:
        if data.draw(st.booleans()):
            self._commit(CommitDraw(data, self._model).changes())

    @rule(now=DUE_MOMENTS, limit=LIMITS, lanes=SOME_LANES)
    def due(self, now: int, limit: int, lanes: list[str] | None) -> None:
        """Those whose time has come, in its order, then those with a decision alone; a limit gives the first ones."""
        expected = self._model.due(now, lanes)
        assert self._wait(self._store.due(now, 100, lanes)) == expected
        assert self._wait(self._store.due(now, limit, lanes)) == expected[:limit]

    @rule(now=DUE_MOMENTS, lanes=SOME_LANES)
    def next_due(self, now: int, lanes: list[str] | None) -> None:
        """The first time to come."""
        assert self._wait(self._store.next_due(now, lanes)) == self._model.next_due(now, lanes)


async def _opened(open_store: OpenStore) -> Store:
    return await open_store()
